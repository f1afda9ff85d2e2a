"""The API pages of the site, a page for each room, from the public names that there are.

python -m bench api            writes docs/api.md and docs/api/*.md
python -m bench api --check    says whether they are current
"""

import argparse
import ast
import importlib
import pkgutil
import sys
from pathlib import Path

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


def pages() -> dict[str, str]:
    """Every page by its path below docs."""
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


def stale() -> list[str]:
    """Pages that are not what the code says, or that nobody writes any more."""
    wanted = pages()
    there = {str(path.relative_to(DOCS)) for path in (*DOCS.glob("api/*.md"), DOCS / "api.md") if path.is_file()}
    wrong = [name for name in there & set(wanted) if (DOCS / name).read_text(encoding="utf-8") != wanted[name]]
    return sorted({*wrong, *(set(wanted) ^ there)})


def main() -> int:
    """Write, or check."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--check", action="store_true", help="write nothing; exit 1 where a page is not current")
    if parser.parse_args().check:
        wrong = stale()
        print(f"not current: {', '.join(wrong)}: run `python -m bench api`" if wrong else "current", file=sys.stderr)  # noqa: T201
        return 1 if wrong else 0
    (DOCS / "api").mkdir(exist_ok=True)
    for name, text in pages().items():
        (DOCS / name).write_text(text, encoding="utf-8")
    return 0
