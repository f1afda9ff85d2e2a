"""`oneiros tune`, apart from how it looks: what is asked for, searched by several processes, re-ranked, written."""

from collections.abc import Callable
from pathlib import Path

from oneiros.runs.catalogue import experiment
from oneiros.runs.engines import InlineEngine, Job, LocalEngine, Outcome, run_jobs
from oneiros.runs.search import Tunable
from oneiros.tuning.outcome import write_outcome
from oneiros.tuning.study import FRESH, SEARCH, Request, Storage, work

OnProgress = Callable[[str, float, str], None]


class NothingFoundError(RuntimeError):
    """A search ended before one candidate lived all its lives."""


def tune(
    request: Request, chosen: Tunable, *, workers: int, on_progress: OnProgress
) -> tuple[Path | None, list[Outcome]]:
    """Search, re-rank the winners on fresh seeds, write what came of it.

    Returns:
        where the winner is, or None where a worker failed; and the outcomes that failed.
    """
    storage, search = Storage(request.out), chosen.searches[request.condition]
    storage.prepare(request, [dict(start) for start in search.starts])
    for name in (SEARCH, FRESH):
        if name == FRESH and not storage.enter_winners(request):
            raise NothingFoundError(
                f"no candidate in {request.out} has lived all its lives; give more --trials or --minutes"
            )
        jobs = [Job(key=f"{name} {k + 1}", payload=(request, name)) for k in range(workers)]
        engine = LocalEngine(search_process, workers=workers) if workers > 1 else InlineEngine(search_process)
        outcomes = list(run_jobs(engine, jobs, on_progress))
        if failed := [outcome for outcome in outcomes if outcome.error]:
            return None, failed
    return write_outcome(storage, request, search), []


def search_process(payload: tuple[Request, str], report: Callable[[float, str], None]) -> int:
    """What a worker process does with its job."""
    import torch

    # Sums are split by threads; with one, what a candidate reaches does not depend on the machine's cores.
    torch.set_num_threads(1)
    request, study = payload
    chosen = experiment(request.experiment)
    if not isinstance(chosen, Tunable):
        raise TypeError(f"{request.experiment} declares nothing to tune")
    return work(request, study, chosen, report)
