"""How far the runs of an output folder are, without disturbing whoever works there."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from oneiros.runs.store.errors import DamagedError
from oneiros.runs.store.folder import read_failure
from oneiros.runs.store.lease import LeaseInfo, alive, read_lease
from oneiros.runs.store.reading import read_run, run_folders
from oneiros.runs.store.sweep_list import read_sweep_lists

State = Literal["done", "running", "failed", "interrupted", "waiting", "damaged"]


@dataclass(frozen=True, kw_only=True)
class RunStatus:
    """One run.

    Attributes:
        name: its path below `runs`.
        state: interrupted runs go on with the command that began them; waiting ones have not begun.
        said: what it says of itself: its progress, or the first line of its error.
        fraction: how much of it is done.
        seconds: of work, for a run that is done.
        lease: who works on it, for a run that is running.
    """

    name: str
    state: State
    said: str = ""
    fraction: float = 0.0
    seconds: float = 0.0
    lease: LeaseInfo | None = None

    @property
    def condition(self) -> str:
        """All of its name but the seed: runs of one condition take about as long."""
        return self.name.rpartition("/")[0]


@dataclass(frozen=True, kw_only=True)
class Status:
    """All runs of a folder.

    Attributes:
        runs: in the order of their names.
        seconds_left: until all that run or wait are done, if as many go on working; None while nobody can tell.
        problems: what could not be read.
    """

    runs: tuple[RunStatus, ...]
    seconds_left: float | None
    problems: tuple[str, ...] = ()

    def count(self, state: State) -> int:
        """How many runs are in this state."""
        return sum(run.state == state for run in self.runs)


def read_status(out: Path) -> Status:
    """Look at every run that is in `out` or was asked for."""
    problems: tuple[str, ...] = ()
    try:
        planned = read_sweep_lists(out)
    except DamagedError as error:
        planned, problems = [], (str(error),)
    there = [path.relative_to(out).as_posix() for path in run_folders(out)]
    runs = tuple(_status(out / name, name) for name in sorted({*there, *planned}))
    return Status(runs=runs, seconds_left=seconds_left(runs), problems=problems)


def _status(path: Path, name: str) -> RunStatus:
    name = name.removeprefix("runs/")
    if not path.is_dir():
        return RunStatus(name=name, state="waiting")
    info, _ = read_run(path)
    if info.state == "finished":
        return RunStatus(name=name, state="done", fraction=1.0, seconds=info.seconds)
    lease = read_lease(path)
    fraction = lease.fraction if lease else 0.0
    if alive(path):
        assert lease is not None, "a lease that is alive can be read"
        return RunStatus(name=name, state="running", said=lease.text, fraction=fraction, lease=lease)
    failure = read_failure(path)
    if failure:
        first = (failure.message.strip() or "it said nothing").splitlines()[0]
        return RunStatus(name=name, state="failed", said=f"{failure.error}: {first}", fraction=fraction)
    if info.state == "damaged" and (path / "manifest.json").exists():
        return RunStatus(name=name, state="damaged", said=info.problem, fraction=fraction)
    return RunStatus(name=name, state="interrupted", fraction=fraction)


def seconds_left(runs: Sequence[RunStatus]) -> float | None:
    """Work that is left, over the number of runs that are running; runs of one condition take equally long.

    >>> done = RunStatus(name="p/e/c/seed-0", state="done", seconds=60.0)
    >>> lease = LeaseInfo(host="h", machine="", pid=1, since="", seconds=15.0, first=0.0)
    >>> runs = [RunStatus(name=f"p/e/c/seed-{s}", state="running", fraction=0.25, lease=lease) for s in (1, 2)]
    >>> seconds_left([done, *runs, RunStatus(name="p/e/c/seed-3", state="waiting")])
    75.0
    """
    running = [run for run in runs if run.state == "running"]
    to_do = [run for run in runs if run.state in ("waiting", "interrupted")]
    if not running:
        return 0.0 if not to_do else None
    whole: dict[str, list[float]] = {}
    for run in runs:
        seconds = run.seconds if run.state == "done" else _whole(run)
        if seconds:
            whole.setdefault(run.condition, []).append(seconds)
    known = [seconds for each in whole.values() for seconds in each]
    if not known:
        return None
    left = 0.0
    for run in (*running, *to_do):
        alike = whole.get(run.condition, known)
        left += (1 - run.fraction) * (_whole(run) or sum(alike) / len(alike))
    return left / len(running)


def _whole(run: RunStatus) -> float | None:
    """Seconds that a running run will have taken, by its own pace."""
    lease = run.lease
    if lease is None or lease.first is None or run.fraction <= lease.first or not lease.seconds:
        return None
    return lease.seconds / (run.fraction - lease.first)
