"""Mistakes put into the code on purpose, and whether the quick tests of their room notice them.

python -m bench mutants [--only runs/store --list]

`mutants.txt` has them: a piece of text, what it becomes, the tests. Each is put into a copy of the package, in a
process forked from one that has imported the libraries, and is killed by the first test that fails. Survivors are
named; those that no test can notice say why in the list and are not counted. Linux only, outside CI. Exits with 1
below 95 %.
"""

import argparse
import ast
import importlib
import os
import shutil
import signal
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

HERE = Path(__file__).parent
ROOT = HERE.parent
GOAL = 0.95
LONGEST = 300  # seconds of a processor for the tests of a mutant; one that loops is noticed, too
# Not those that are plugins of pytest: it wants to import them itself.
LIBRARIES = "torch numpy pandas scipy.stats pyarrow.parquet safetensors.torch numba PIL.Image pytest"


@dataclass(frozen=True)
class Mutant:
    """One mistake.

    Attributes:
        file: below src/oneiros.
        tests: paths, those that should notice first.
        old, new: text that is in the file once, and what it becomes.
        equal: why no test can notice it, or "".
    """

    file: str
    tests: tuple[str, ...]
    old: str
    new: str
    equal: str = ""

    def __str__(self) -> str:
        return f"{self.file}: {self.old.strip()[:70]!r} -> {self.new.strip()[:50]!r}"


def read(text: str) -> Iterator[Mutant]:
    r"""The mutants of a list.

    >>> [m.new for m in read("@ a.py | t.py\n- one\n+ two\n= alike\n- three\n+ four\n")]
    ['two', 'four']
    """
    file, tests, old, new, equal = "", "", "", None, ""
    for line in [*text.splitlines(), "- "]:
        kind, said = line[:2], line[2:].replace("\\n", "\n").replace("\\\n", "\\n")
        if new is not None and kind in ("- ", "@ "):
            yield Mutant(file, tuple(tests.split()), old, new, equal)
            new, equal = None, ""
        if kind == "@ ":
            file, _, tests = (part.strip() for part in said.partition("|"))
        elif kind == "- ":
            old = said
        elif line[:1] == "+":
            new = said
        elif kind == "= ":
            equal = said.strip()


def require_fitting(mutants: list[Mutant]) -> None:
    """An error for the first mutant whose text is not in its file exactly once, or that is no Python any more."""
    for mutant in mutants:
        source = (ROOT / "src" / "oneiros" / mutant.file).read_text()
        if source.count(mutant.old) != 1:
            raise SystemExit(f"{mutant}: its text is in the file {source.count(mutant.old)} times; expected once")
        ast.parse(source.replace(mutant.old, mutant.new))


def outcome(mutant: Mutant, copy: Path) -> str:
    """How its tests end in a process of their own: "killed", "survived" or "no tests"."""
    file = copy / "oneiros" / mutant.file
    source = file.read_text()
    try:
        _put(file, source.replace(mutant.old, mutant.new))
        pid = os.fork()
        if pid == 0:
            _test(mutant, copy, file)
        _, status = os.waitpid(pid, 0)
        code = os.waitstatus_to_exitcode(status)
        return {0: "survived", 5: "no tests"}.get(code, "killed")
    finally:
        _put(file, source)


def _put(file: Path, source: str) -> None:
    file.write_text(source)
    for compiled in (file.parent / "__pycache__").glob(f"{file.stem}.*"):
        compiled.unlink()


def _test(mutant: Mutant, copy: Path, file: Path) -> None:
    import resource

    import pytest

    resource.setrlimit(resource.RLIMIT_CPU, (LONGEST, LONGEST))
    with suppress(OSError):
        os.setsid()
    os.environ["PYTHONPATH"] = str(copy)
    sys.path.insert(0, str(copy))
    silence = os.open(os.devnull, os.O_WRONLY)
    os.dup2(silence, 1)
    os.dup2(silence, 2)
    code = 1
    with suppress(BaseException):
        arguments = [
            "-c",
            str(ROOT / "pyproject.toml"),
            "-n",
            "0",
            "-x",
            "-p",
            "no:cacheprovider",
            "--hypothesis-seed=0",
        ]
        code = int(pytest.main([*arguments, str(file), *mutant.tests]))
    os._exit(code)


def main() -> int:
    """All of them."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", default="", help="files whose name begins so")
    parser.add_argument("--list", action="store_true", help="name them, and test nothing")
    chosen = parser.parse_args()
    mutants = [m for m in read((HERE / "mutants.txt").read_text()) if m.file.startswith(chosen.only)]
    require_fitting(mutants)
    counted = [mutant for mutant in mutants if not mutant.equal]
    if chosen.list:
        print(*mutants, sep="\n")
        return 0
    for library in LIBRARIES.split():
        importlib.import_module(library)
    signal.signal(signal.SIGINT, signal.default_int_handler)
    began, survivors = time.monotonic(), list[str]()
    with tempfile.TemporaryDirectory() as folder:
        copy = Path(folder)
        shutil.copytree(ROOT / "src", copy, dirs_exist_ok=True)
        for file, tests in dict.fromkeys((mutant.file, mutant.tests) for mutant in counted):
            if outcome(Mutant(file, tests, "", ""), copy) != "survived":
                raise SystemExit(f"{file}: its tests fail without any mutant: {' '.join(tests)}")
        for number, mutant in enumerate(counted, start=1):
            how = outcome(mutant, copy)
            if how != "killed":
                survivors.append(f"{how}: {mutant}")
            print(f"{number}/{len(counted)} {how}: {mutant}", flush=True)
    killed = len(counted) - len(survivors)
    print(f"\n{killed} of {len(counted)} killed ({killed / len(counted):.1%}), {time.monotonic() - began:.0f} s")
    print(f"{len(mutants) - len(counted)} more change nothing that a test could notice")
    print(*survivors, sep="\n")
    return 0 if killed >= GOAL * len(counted) else 1
