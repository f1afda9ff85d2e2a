"""Parts of the guides that are made from the code: the table of mechanisms, and the API pages, one for each room.

python -m bench pages            writes them
python -m bench pages --check    says which are not current
"""

import ast
import importlib
import importlib.util
import pkgutil
import sys
from pathlib import Path

from oneiros.sleeper import requirements

DOCS = Path(__file__).parents[1] / "docs"
# Page: what it is for, and its modules. A module with a face (`__all__`) shows the names of its face, another one all
# that is public in it; "*" stands for every module of a package.
ROOMS: dict[str, tuple[str, tuple[str, ...]]] = {
    "sleeper": (
        "For a network of your own",
        ("oneiros.sleeper", "oneiros.sleeper.audit", "oneiros.sleeper.health", "oneiros.sleeper.sklearn",
         "oneiros.sleeper.lightning", "oneiros.sleeper.transformers", "oneiros.sleeper.avalanche"),
    ),
    "core": ("Brains, batches, seeds, lives", ("oneiros.core", "oneiros.life")),
    "phases": ("Days and nights", ("oneiros.phases",)),
    "memory": ("What is kept", ("oneiros.memory",)),
    "nets": ("Networks", ("oneiros.nets",)),
    "equations": ("One equation, one function", ("oneiros.equations.*",)),
    "data": ("Data sets and streams of tasks", ("oneiros.data", "oneiros.data.streams")),
    "measure": ("Probes and metrics", ("oneiros.measure.probes", "oneiros.measure.metrics")),
    "runs": ("Experiments, and what they leave", ("oneiros.runs.experiment", "oneiros.runs.store", "oneiros.report")),
}  # fmt: skip
INTRO = """# API

A page for each room. Shapes stand in brackets, such as `[n, classes]`: n rows, one number a class. What a function
raises is said where a caller can do something about it. Most names are also in `oneiros` itself: `from oneiros import
Sleeper, Nrem`.
"""


# Page, and the word that stands in a comment before and behind the part -> what makes it.
PARTS = {("concepts.md", "requirements"): requirements}


def modules(given: tuple[str, ...]) -> list[str]:
    """Their names, packages taken apart where "*" asks for it."""
    found: list[str] = []
    for name in given:
        package, star, _ = name.partition(".*")
        here = importlib.import_module(package).__path__ if star else ()
        found += [f"{package}.{each.name}" for each in pkgutil.iter_modules(here) if not each.ispkg] if star else [name]
    return found


def public(module: str) -> list[str]:
    """The names of a module's face; none where it has no face and is shown as a whole."""
    spec = importlib.util.find_spec(module)
    assert spec is not None
    assert spec.origin is not None
    if not Path(spec.origin).with_suffix(".pyi").is_file():  # read, not imported: an extra may not be installed
        return []
    return sorted(importlib.import_module(module).__all__)


def first_line(module: str) -> str:
    """Of its docstring."""
    spec = importlib.util.find_spec(module)
    assert spec is not None
    assert spec.origin is not None
    text = ast.get_docstring(ast.parse(Path(spec.origin).read_text(encoding="utf-8"))) or ""
    return text.partition("\n\n")[0].replace("\n", " ")


def api() -> dict[str, str]:
    """The API pages by their paths below docs: a list of the rooms, and a page for each."""
    found = {"api.md": INTRO}
    for page, (title, given) in ROOMS.items():
        found["api.md"] += f"\n- [{title}](api/{page}.md)"
        lines = [f"# {title}"]
        for module in modules(given):
            names = public(module)
            if names:
                lines += [f"## {module}", first_line(module), "\n".join(f"::: {module}.{name}" for name in names)]
            else:
                lines += [f"::: {module}"]
            found["api.md"] += f"\n    - `{module}`: {first_line(module)}"
        found[f"api/{page}.md"] = "\n\n".join(lines) + "\n"
    found["api.md"] += "\n"
    return found


def outdated() -> dict[Path, str]:
    """Pages that do not say what the code says, and what they should say; nothing for one that should not be there."""
    wanted = {DOCS / name: text for name, text in api().items()}
    for (page, word), made in PARTS.items():
        text = (DOCS / page).read_text(encoding="utf-8")
        begin, end = f"<!-- {word} -->\n", f"\n<!-- /{word} -->"
        (before, _), (_, after) = text.split(begin), text.split(end)
        wanted[DOCS / page] = f"{before}{begin}{made()}{end}{after}"
    left = {path: "" for path in DOCS.glob("api/*.md") if path not in wanted}
    return left | {
        path: text for path, text in wanted.items() if not path.is_file() or path.read_text(encoding="utf-8") != text
    }


def main() -> int:
    """Write, or with --check tell only."""
    wrong = outdated()
    for path, text in wrong.items():
        if "--check" in sys.argv:
            print(f"docs/{path.relative_to(DOCS)} is not what the code says: run `python -m bench pages`")  # noqa: T201
        elif text:
            path.parent.mkdir(exist_ok=True)
            path.write_text(text, encoding="utf-8")
        else:
            path.unlink()
    return int(bool(wrong) and "--check" in sys.argv)
