"""Many runs through an engine, beside whoever else works in the same folder."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from oneiros.runs.catalogue import experiment, is_file, source_of
from oneiros.runs.engines import DIED, Engine, Job, Outcome
from oneiros.runs.engines.engine import OnProgress, Progress
from oneiros.runs.experiment import Run, execute, manifest_of, require_same_settings
from oneiros.runs.stacked import NotStackableError, execute_stacked
from oneiros.runs.store import BusyError, Manifest, note_failure, run_path
from oneiros.runs.store.copy import copy_sealed, is_copied, require_lasting
from oneiros.runs.store.lease import STALE_SECONDS
from oneiros.runs.store.published import keep_tables
from oneiros.runs.store.reading import read_run
from oneiros.runs.store.sweep_list import write_sweep_list

BUSY, NOT_STACKABLE = (e.__name__ for e in (BusyError, NotStackableError))
PATIENCE = STALE_SECONDS + 10  # so that a worker which waits sees a dead owner's lease get stale


def do(work: Run | tuple[Run, ...], report: Progress) -> str:
    """What a worker does with a job: a run, or a stack of them."""
    import torch

    # Sums are split by threads; with one, rows do not depend on the number of workers or the machine's cores.
    torch.set_num_threads(1)
    if isinstance(work, Run):
        path = execute(work, experiment(work.experiment), report)
        if work.copy_to:
            copy_sealed(Path(path), work.out, work.copy_to)
        return path
    execute_stacked(work, experiment(work[0].experiment), report)
    return ""


def pending(runs: Sequence[Run]) -> list[Run]:
    """Note which runs are asked for; those that are not finished, or not copied to where they should be.

    Raises:
        ForeignOutputError: their folder holds them under other settings.
        StorageError: it cannot be written to, or the place that they are copied to cannot be reached.
    """
    for url in {run.copy_to for run in runs if run.copy_to}:
        require_lasting(url)
    manifests = manifests_of(runs)
    first = {(run.experiment, run.condition): run for run in reversed(runs)}
    for run in first.values():
        require_same_settings(run, experiment(run.experiment))
    for run in first.values():
        if is_file(run.experiment) and (source := source_of(run.experiment)):
            keep_tables(run.out, experiment(run.experiment).paper, source.parent)
    for out in {run.out for run in runs}:
        write_sweep_list(out, [m for run, m in zip(runs, manifests, strict=True) if run.out == out])
    return _not_done(runs, manifests)


def unfinished(runs: Sequence[Run]) -> list[Run]:
    """Those that are not finished, or not copied to where they should be; writes nothing."""
    return _not_done(runs, manifests_of(runs))


def manifests_of(runs: Sequence[Run]) -> list[Manifest]:
    """What each of them is."""
    return [manifest_of(run, experiment(run.experiment)) for run in runs]


def _not_done(runs: Sequence[Run], manifests: Sequence[Manifest]) -> list[Run]:
    paths = [run.out / run_path(manifest) for run, manifest in zip(runs, manifests, strict=True)]
    return [run for run, path in zip(runs, paths, strict=True) if not _is_done(run, path)]


def _is_done(run: Run, path: Path) -> bool:
    # Asked first, so that a place out of reach is told before anything runs.
    copied = not run.copy_to or is_copied(path, run.out, run.copy_to)
    return read_run(path)[0].state == "finished" and copied


def stacks(runs: Sequence[Run], size: int) -> Mapping[str, tuple[Run, ...]]:
    """Runs of one condition in groups of `size`, by a name for each group; the last of a condition may be smaller."""
    conditions: dict[str, list[Run]] = {}
    for run in runs:
        conditions.setdefault(run.condition, []).append(run)
    groups = [tuple(each[i : i + size]) for each in conditions.values() for i in range(0, len(each), size)]
    return {f"{g[0].key} and {len(g) - 1} more": g for g in groups}


def sweep(engine: Engine, runs: Sequence[Run], on_progress: OnProgress, *, stack: int = 1) -> Iterator[Outcome]:
    """Do all runs and yield their outcomes as they come.

    A run that another process is doing goes to the end of the queue, and is then waited for: it is finished by the
    other, or taken over if the other dies. Nothing is done twice.

    Args:
        engine: does them.
        runs: of one experiment and configuration.
        on_progress: told how far each is.
        stack: seeds of a condition that are lived together, as one job.

    Raises:
        NotStackableError: they cannot be lived together.
    """
    by_key = {run.key: run for run in runs}
    together = stacks(runs, stack) if stack > 1 else {}

    def tell(key: str, fraction: float, text: str) -> None:
        for each in (run.key for run in together[key]) if key in together else (key,):
            on_progress(each, fraction, text)

    with engine:
        for key, payload in (together or by_key).items():
            engine.submit(Job(key=key, payload=payload))
        for outcome in engine.stream(tell):
            if outcome.error == NOT_STACKABLE:
                raise NotStackableError(outcome.message)
            if outcome.key in together:
                # Each now sees that it is done or that it failed, or is done alone.
                for run in together[outcome.key]:
                    engine.submit(Job(key=run.key, payload=replace(run, retry_failed=False)))
                continue
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
