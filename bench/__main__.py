"""`python -m bench NAME ...`: run one of the programs of this folder; without a name, list them."""

import ast
import difflib
import importlib
import sys
from pathlib import Path

HERE = Path(__file__).parent


def programs() -> dict[str, str]:
    """Name -> first line of its docstring, read without importing it."""
    files = {path.stem: path for path in HERE.glob("*.py")}
    files |= {path.parent.name: path for path in HERE.glob("*/__init__.py")}
    told = {name: ast.get_docstring(ast.parse(path.read_text(encoding="utf-8"))) for name, path in files.items()}
    return {name: (told[name] or "").partition("\n")[0] for name in sorted(files) if not name.startswith("__")}


def main() -> int:
    """Hand over to the program."""
    known = programs()
    if len(sys.argv) < 2 or sys.argv[1] in ("-h", "--help"):
        print("usage: python -m bench NAME ...\n")  # noqa: T201
        for name, summary in known.items():
            print(f"{name:24}{summary}")  # noqa: T201
        return 0
    name = sys.argv[1]
    if name not in known:
        near = difflib.get_close_matches(name, known, n=1)
        hint = f" Did you mean {near[0]!r}?" if near else ""
        print(f"no program of bench is called {name!r}; there are {', '.join(known)}.{hint}", file=sys.stderr)  # noqa: T201
        return 2
    sys.argv = [f"python -m bench {name}", *sys.argv[2:]]
    return importlib.import_module(f"bench.{name}").main() or 0


if __name__ == "__main__":
    sys.exit(main())
