"""How fast constants are searched: candidates per minute with one worker process and with two, on one storage."""

import math
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

from oneiros.benches.timing import Measurement
from oneiros.engines import Job, LocalEngine, run_jobs
from oneiros.papers import experiment
from oneiros.papers.search import Tunable

EXPERIMENT, CONDITION, EACH = "kubo2025/digits", "src", 8


def bench_tuning() -> Iterator[Measurement]:
    """Random candidates of one life each, none given up, so that both sides do the same work.

    Each worker's first candidate, which loads compiled kernels, does not count; the two sides are not interleaved,
    so compare them on a quiet machine.
    """
    one, two = (_rate(workers) for workers in (1, 2))
    against = "one worker process"
    yield Measurement(bench="tune", metric="tune.two_over_one", value=two / one, unit="ratio", against=against)
    for workers, rate in ((1, one), (2, two)):
        metric = f"tune.candidates_per_minute_{workers}"
        yield Measurement(bench="tune", metric=metric, value=rate, unit="1/min")


def _rate(workers: int) -> float:
    """Candidates a minute."""
    from oneiros.tuning.study import SEARCH, Request, Storage, finished  # needs the extra `tune`

    with tempfile.TemporaryDirectory() as folder:
        request = Request(
            experiment=EXPERIMENT, scale="paper", condition=CONDITION, config=experiment(EXPERIMENT).scales["paper"],
            sampler="random", seed=0, population=2, trials=EACH * workers + workers, deadline=math.inf, orders=1,
            sleeps=1, winners=1, out=Path(folder), data=None,
        )  # fmt: skip
        storage = Storage(request.out)
        storage.prepare(request, [])
        jobs = [Job(key=str(k), payload=request) for k in range(workers)]
        if failed := [o for o in run_jobs(LocalEngine(_work, workers=workers), jobs, _quiet) if o.error]:
            raise RuntimeError(failed[0].trace)
        begun: dict[str, list[tuple[float, float]]] = {}
        for trial in finished(storage.study(SEARCH)):
            if trial.datetime_start is None or trial.datetime_complete is None:
                continue
            span = trial.datetime_start.timestamp(), trial.datetime_complete.timestamp()
            begun.setdefault(trial.user_attrs["worker"], []).append(span)
        # Of each worker: candidates after its first, over the time they took.
        return sum(60 * (len(spans) - 1) / (spans[-1][1] - spans[0][1]) for spans in map(sorted, begun.values()))


def _work(request: object, report: Callable[[float, str], None]) -> int:
    import torch

    from oneiros.tuning.study import SEARCH, Request, work

    torch.set_num_threads(1)
    chosen = experiment(EXPERIMENT)
    assert isinstance(request, Request)
    assert isinstance(chosen, Tunable)
    search = replace(chosen.searches[CONDITION], starts=(), slack=math.inf, margin=math.inf)
    return work(request, SEARCH, replace(chosen, searches={CONDITION: search}), report)  # pyright: ignore[reportArgumentType]


def _quiet(key: str, fraction: float, text: str) -> None:
    """Nobody watches."""
