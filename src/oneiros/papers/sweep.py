"""Many runs through an engine, beside whoever else works in the same folder."""

from collections.abc import Iterator, Sequence
from dataclasses import replace

from oneiros.engines import DIED, Engine, Job, Outcome
from oneiros.engines.engine import OnProgress, Progress
from oneiros.papers import experiment
from oneiros.papers.recipe import FailedBeforeError, Run, manifest_of, perform, require_same_settings
from oneiros.results import BusyError, note_failure, run_path
from oneiros.results.claim import STALE_SECONDS
from oneiros.results.plan import write_plan
from oneiros.results.store import read_run

BUSY, FAILED_BEFORE = BusyError.__name__, FailedBeforeError.__name__
PATIENCE = STALE_SECONDS + 10  # so that a worker which waits sees a dead owner's claim get stale


def do(run: Run, report: Progress) -> str:
    """What a worker does with a job."""
    import torch

    # Sums are split by threads; with one, rows do not depend on the number of workers or the machine's cores.
    torch.set_num_threads(1)
    return perform(run, experiment(run.experiment), report)


def plan(runs: Sequence[Run]) -> list[Run]:
    """Note which runs are asked for; those that are not finished.

    Raises:
        ForeignOutputError: their folder holds them under other settings.
        StorageError: it cannot be written to.
    """
    manifests = [manifest_of(run, experiment(run.experiment)) for run in runs]
    first = {(run.experiment, run.condition): run for run in reversed(runs)}
    for run in first.values():
        require_same_settings(run, experiment(run.experiment))
    for out in {run.out for run in runs}:
        write_plan(out, [m for run, m in zip(runs, manifests, strict=True) if run.out == out])
    states = [read_run(run.out / run_path(m))[0].state for run, m in zip(runs, manifests, strict=True)]
    return [run for run, state in zip(runs, states, strict=True) if state != "finished"]


def sweep(engine: Engine, runs: Sequence[Run], on_progress: OnProgress) -> Iterator[Outcome]:
    """Do all runs and yield their outcomes as they come.

    A run that another process is doing goes to the end of the queue, and is then waited for: it is finished by the
    other, or taken over if the other dies. Nothing is done twice.
    """
    by_key = {run.key: run for run in runs}
    with engine:
        for key, run in by_key.items():
            engine.submit(Job(key=key, payload=run))
        for outcome in engine.stream(on_progress):
            run = by_key[outcome.key]
            if outcome.error == BUSY:
                engine.submit(Job(key=outcome.key, payload=replace(run, patience=PATIENCE)))
                continue
            if outcome.error == DIED:
                _note_death(run, outcome)
            yield outcome


def _note_death(run: Run, outcome: Outcome) -> None:
    """Say in its folder that a run failed whose process could no longer do so."""
    path = run.out / run_path(manifest_of(run, experiment(run.experiment)))
    if path.is_dir():
        note_failure(path, outcome.error, outcome.message)
