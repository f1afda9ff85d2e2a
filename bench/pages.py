"""Parts of the guides that are made from the code: the table of mechanisms, and the names on the API page.

python -m bench pages            writes them
python -m bench pages --check    says which are not current
"""

import sys
from pathlib import Path

import oneiros.sleeper
from oneiros.sleeper import requirements

DOCS = Path(__file__).parents[1] / "docs"


def names() -> str:
    """One entry of the API page a name, `Sleeper` first."""
    ordered = sorted(oneiros.sleeper.__all__, key=lambda name: (name != "Sleeper", name))
    return "\n".join(f"::: oneiros.sleeper.{name}" for name in ordered)


# Page, and the word that stands in a comment before and behind the part -> what makes it.
PARTS = {("concepts.md", "requirements"): requirements, ("api.md", "names"): names}


def outdated() -> dict[Path, str]:
    """Pages that do not say what the code says, and what they should say."""
    found = {}
    for (page, word), made in PARTS.items():
        path = DOCS / page
        text = path.read_text(encoding="utf-8")
        begin, end = f"<!-- {word} -->\n", f"\n<!-- /{word} -->"
        (before, _), (_, after) = text.split(begin), text.split(end)
        wanted = f"{before}{begin}{made()}{end}{after}"
        if wanted != text:
            found[path] = wanted
    return found


def main() -> int:
    """Write, or with --check tell only."""
    wrong = outdated()
    for path, text in wrong.items():
        if "--check" in sys.argv:
            print(f"docs/{path.name} is not what the code says: run `python -m bench pages`")  # noqa: T201
        else:
            path.write_text(text, encoding="utf-8")
    return int(bool(wrong) and "--check" in sys.argv)
