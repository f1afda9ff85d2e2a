"""Experiments by name: those that installed packages list, ours among them, and those in a file of one's own.

A package lists its experiments through an entry point of the group `oneiros.experiments`, whose value is a mapping from
PAPER/NAME to `Listed`. Listing imports none of them. A file of one's own is named with its experiment:
`my_file.py:EXPERIMENT`.
"""

import functools
import importlib
import importlib.util
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path
from typing import TYPE_CHECKING

from oneiros.runs.drawing import drawings_in

if TYPE_CHECKING:
    from oneiros.runs.drawing import Drawing
    from oneiros.runs.experiment import Experiment

GROUP = "oneiros.experiments"


class NoExperimentError(ValueError):
    """A file has no experiment of that name, or cannot be read as one."""


@dataclass(frozen=True)
class Listed:
    """An experiment that nobody has imported yet.

    Attributes:
        target: where it is, "module:NAME".
        summary: what it is, in one line.
    """

    target: str
    summary: str


@dataclass(frozen=True)
class Listing:
    """What is installed.

    Attributes:
        experiments: by PAPER/NAME.
        problems: one sentence for each entry point that could not be read.
    """

    experiments: Mapping[str, Listed]
    problems: tuple[str, ...]


@functools.cache
def listing() -> Listing:
    """All experiments of all installed packages."""
    found, problems = dict[str, Listed](), list[str]()
    for point in metadata.entry_points(group=GROUP):
        try:
            theirs = point.load()
            if not all(isinstance(each, Listed) for each in theirs.values()):
                raise TypeError(f"expected a mapping from PAPER/NAME to {__name__}.Listed")
        except Exception as error:  # noqa: BLE001 (whatever is wrong with one package, the others are listed)
            problems.append(f"entry point {point.name!r} ({point.value}): {type(error).__name__}: {error}")
            continue
        for name, listed in theirs.items():
            if found.setdefault(name, listed) != listed:
                problems.append(f"{name} of {point.value} is left out: {found[name].target} has that name")
    return Listing(found, tuple(problems))


def installed() -> Mapping[str, Listed]:
    """Those that are listed, by PAPER/NAME."""
    return listing().experiments


def experiment(name: str) -> "Experiment":
    """The experiment called PAPER/NAME, or that of a file, `my_file.py:EXPERIMENT`.

    Raises:
        KeyError: for a name that is none, listing those there are.
        NoExperimentError: for a file without that experiment.
    """
    if is_file(name):
        return _of_file(name)
    if name not in installed():
        raise KeyError(f"no experiment is called {name!r}; there are {', '.join(installed())}")
    module, _, attribute = installed()[name].target.partition(":")
    return getattr(importlib.import_module(module), attribute)


def drawings_of(name: str) -> "tuple[Drawing, ...]":
    """The own figures of a listed experiment; none of one that is not listed.

    Where a module `figures` lies beside it, `DRAWINGS` of that are asked, so that a report need not import the rest.
    """
    if name not in installed():
        return ()
    package = installed()[name].target.partition(":")[0].rpartition(".")[0]
    if package and importlib.util.find_spec(f"{package}.figures"):
        return drawings_in(f"{package}.figures", name.partition("/")[2])
    return experiment(name).drawings()


def is_file(name: str) -> bool:
    """Whether a name leads to a file.

    >>> is_file("kubo2025/mnist"), is_file("my_file.py:EXPERIMENT"), is_file("my_file.py")
    (False, True, True)
    """
    return name.partition(":")[0].endswith(".py")


def full_name(name: str) -> str:
    """A name that means the same in every folder: that of a file with its whole path."""
    file, _, attribute = name.partition(":")
    return f"{Path(file).resolve()}:{attribute}" if is_file(name) else name


def source_of(name: str) -> Path | None:
    """What a run of `name` rests on besides this package: a file, or the folder of a package; None for ours."""
    if is_file(name):
        return Path(name.partition(":")[0]).resolve()
    listed = installed().get(name)
    package = listed.target.partition(":")[0].partition(".")[0] if listed else "oneiros"
    return None if package == "oneiros" else _folder(package)


def tables_of(paper: str) -> Path | None:
    """The folder in which a paper's targets.csv and claims.csv lie; None for a paper that nobody lists."""
    for name, listed in installed().items():
        if name.partition("/")[0] == paper:
            return _folder(listed.target.partition(":")[0])
    return None


def _folder(module: str) -> Path | None:
    found = importlib.util.find_spec(module)
    return Path(found.origin).parent if found and found.origin else None


def _of_file(name: str) -> "Experiment":
    file, _, attribute = name.partition(":")
    path = Path(file).resolve()
    if not path.is_file():
        raise NoExperimentError(f"{file}: no such file; give PAPER/NAME, or FILE.py:NAME")
    # As `python my_file.py` would: what it defines is importable by its stem, so that worker processes find it, too.
    if str(path.parent) not in sys.path:
        sys.path.insert(0, str(path.parent))
    module = importlib.import_module(path.stem)
    if Path(module.__file__ or "").resolve() != path:
        raise NoExperimentError(f"{file}: a module called {path.stem!r} is there already; rename the file")
    if not attribute or not hasattr(module, attribute):
        from oneiros.runs.experiment import Experiment

        there = [key for key, value in vars(module).items() if isinstance(value, Experiment)]
        raise NoExperimentError(f"{file} has no {attribute!r}; name one of its experiments: {there or 'none'}")
    chosen = getattr(module, attribute)
    if tables_of(chosen.paper):
        raise NoExperimentError(
            f"{file}: {attribute}.paper is {chosen.paper!r}, which is installed; give it another name"
        )
    return chosen
