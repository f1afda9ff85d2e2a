"""Runs that differ in their seed, lived side by side in one process: what several brains do at once is one stack.

Each keeps its own folder, rows, checkpoints and seal, as if it were alone; a GPU that one small net leaves idle does
several for little more than the time of one.
"""

import contextlib
from collections.abc import Callable, Iterator, Sequence

from oneiros.data import DataError
from oneiros.life import can_be_together, live_together, turns
from oneiros.runs.experiment import Entry, Experiment, Report, Run, manifest_of
from oneiros.runs.store import BusyError, ResultsError, RunFolder


class NotStackableError(ValueError):
    """Nothing in the days of these lives can be lived by several brains together."""


def perform_together(runs: Sequence[Run], experiment: Experiment, report: Report) -> None:
    """Live side by side what is not finished of `runs`, each from where its folder left off.

    A run that another process does, that cannot begin or that fails is left there, and the others go on; `perform`
    says why, or goes on with it.

    Raises:
        NotStackableError: no phase of their days can be lived together.
    """
    with contextlib.ExitStack() as claims:
        begun = [entry for run in runs for entry in _begin(run, experiment, report, claims)]
        for entry in begun:
            if not any(map(can_be_together, entry.life.schedule.day)):
                raise NotStackableError(
                    f"{entry.run.experiment}, condition {entry.run.condition}: no phase of its days can be lived by "
                    "several brains together (EquilibriumWake can); leave --stack out"
                )
            entry.folder.shared_by = len(begun)
        diaries = [entry.diary() for entry in begun]
        lives = [turns(d.life.brain, d.life.tasks, d.life.schedule, d.life.seeds, start=d.start) for d in diaries]
        failed = set[int]()
        for i, event in live_together(lives):
            if not _goes_well(begun[i], lambda i=i, event=event: diaries[i].write(event)):
                failed.add(i)
                lives[i].close()
        for i, entry in enumerate(begun):
            if i not in failed:
                _goes_well(entry, entry.seal)
    report(1.0, "")


def _begin(run: Run, experiment: Experiment, report: Report, claims: contextlib.ExitStack) -> Iterator[Entry]:
    """The run, if it is there to be done."""
    with contextlib.suppress(BusyError, ResultsError, DataError):
        folder = claims.enter_context(RunFolder.open(run.out, manifest_of(run, experiment)))
        if folder.finished or (folder.failure and not run.retry_failed):
            return
        folder.forget_failure()
        yield Entry(run, experiment, folder, report)


def _goes_well(entry: Entry, step: Callable[[], None]) -> bool:
    try:
        step()
    except (ResultsError, DataError):
        return False  # the machine's fault, and not noted
    except Exception as error:  # noqa: BLE001 (whatever it is, the others go on)
        entry.folder.fail(error)
        return False
    return True
