"""Runs that differ in their seed, lived side by side in one process: what several brains do at once is one stack.

Each keeps its own folder, rows, checkpoints and seal, as if it were alone; a GPU that one small net leaves idle does
several for little more than the time of one.
"""

import contextlib
from collections.abc import Callable, Iterator, Sequence

from oneiros.data import DataError
from oneiros.life import can_be_stacked, live_stacked, turns
from oneiros.runs.arithmetic import computing
from oneiros.runs.experiment import Experiment, OpenRun, Report, Run, manifest_of
from oneiros.runs.store import BusyError, ResultsError, RunFolder


class NotStackableError(ValueError):
    """Nothing in the days of these lives can be lived by several brains together."""


def execute_stacked(runs: Sequence[Run], experiment: Experiment, report: Report) -> None:
    """Live side by side what is not finished of `runs`, each from where its folder left off.

    A run that another process does, that cannot begin or that fails is left there, and the others go on; `execute`
    says why, or goes on with it.

    Raises:
        NotStackableError: no phase of their days can be lived together.
    """
    with contextlib.ExitStack() as leases, computing(runs[0].arithmetic, runs[0].device):
        begun = [opened for run in runs for opened in _begin(run, experiment, report, leases)]
        for opened in begun:
            if not any(map(can_be_stacked, opened.life.schedule.day)):
                raise NotStackableError(
                    f"{opened.run.experiment}, condition {opened.run.condition}: no phase of its days can be lived by "
                    "several brains together (EquilibriumWake can); leave --stack out"
                )
            opened.folder.shared_by = len(begun)
        recorders = [opened.recorder() for opened in begun]
        lives = [turns(d.life.brain, d.life.tasks, d.life.schedule, d.life.seeds, start=d.start) for d in recorders]
        failed = set[int]()
        for i, event in live_stacked(lives):
            if not _goes_well(begun[i], lambda i=i, event=event: recorders[i].write(event)):
                failed.add(i)
                lives[i].close()
        for i, opened in enumerate(begun):
            if i not in failed:
                _goes_well(opened, opened.seal)
    report(1.0, "")


def _begin(run: Run, experiment: Experiment, report: Report, leases: contextlib.ExitStack) -> Iterator[OpenRun]:
    """The run, if it is there to be done."""
    with contextlib.suppress(BusyError, ResultsError, DataError):
        folder = leases.enter_context(RunFolder.open(run.out, manifest_of(run, experiment)))
        if folder.finished or (folder.failure and not run.retry_failed):
            return
        folder.forget_failure()
        yield OpenRun(run, experiment, folder, report)


def _goes_well(opened: OpenRun, step: Callable[[], None]) -> bool:
    try:
        step()
    except (ResultsError, DataError):
        return False  # the machine's fault, and not noted
    except Exception as error:  # noqa: BLE001 (whatever it is, the others go on)
        opened.folder.fail(error)
        return False
    return True
