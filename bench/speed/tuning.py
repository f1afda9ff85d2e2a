"""How fast constants are searched: candidates per minute with one worker process and with two, on one storage."""

import math
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple

from bench.speed.timing import Measurement
from oneiros.runs.catalogue import experiment
from oneiros.runs.engines import Job, LocalEngine, run_jobs
from oneiros.runs.search import Tunable

EXPERIMENT, CONDITION, EACH = "kubo2025/digits", "src", 8


def bench_tuning() -> Iterator[Measurement]:
    """Random candidates of one life each, none given up, so that both sides do the same work.

    The two sides are not interleaved, so wall-clock rates compare on a quiet machine only; rates per second of
    processor time (of all workers together, times their number) leave out what other programs take.
    """
    against = "one worker process"
    (one, one_cpu), (two, two_cpu) = (_rates(workers) for workers in (1, 2))
    yield Measurement(bench="tune", metric="tune.two_over_one", value=two / one, unit="ratio", against=against)
    yield Measurement(
        bench="tune", metric="tune.two_over_one_cpu", value=two_cpu / one_cpu, unit="ratio", against=against
    )
    for workers, rate, cpu in ((1, one, one_cpu), (2, two, two_cpu)):
        yield Measurement(bench="tune", metric=f"tune.candidates_per_minute_{workers}", value=rate, unit="1/min")
        yield Measurement(bench="tune", metric=f"tune.candidates_per_minute_{workers}_cpu", value=cpu, unit="1/min")


def _rates(workers: int) -> tuple[float, float]:
    """Candidates a minute, by the clock and by the processor time used."""
    from oneiros.tuning.study import Request, Storage  # needs the extra `tune`

    with tempfile.TemporaryDirectory() as folder:
        request = Request(
            experiment=EXPERIMENT, scale="paper", condition=CONDITION, config=experiment(EXPERIMENT).scales["paper"],
            sampler="random", seed=0, population=2, trials=EACH * workers, deadline=math.inf, orders=1,
            sleeps=1, winners=1, out=Path(folder), data=None,
        )  # fmt: skip
        Storage(request.out).prepare(request, [])
        jobs = [Job(key=str(k), payload=request) for k in range(workers)]
        outcomes = list(run_jobs(LocalEngine(_work, workers=workers), jobs, _quiet))
        if failed := [outcome for outcome in outcomes if outcome.error]:
            raise RuntimeError(failed[0].trace)
        spent: list[Spent] = [outcome.result for outcome in outcomes]
        began, ended = min(each.began for each in spent), max(each.ended for each in spent)
        lived = sum(each.lived for each in spent)
        return 60 * lived / (ended - began), 60 * lived * workers / sum(each.cpu for each in spent)


class Spent(NamedTuple):
    """What one worker did: candidates, from when to when, with how much processor time."""

    lived: int
    began: float
    ended: float
    cpu: float


def _work(request: object, report: Callable[[float, str], None]) -> Spent:
    import torch

    from oneiros.tuning.fitness import Fitness, LifeSeeds
    from oneiros.tuning.study import SEARCH, Request, work

    torch.set_num_threads(1)
    chosen = experiment(EXPERIMENT)
    assert isinstance(request, Request)
    assert isinstance(chosen, Tunable)
    search = chosen.searches[CONDITION]
    warm = Fitness(experiment=chosen, condition=CONDITION, config=request.config, data=None)
    list(warm.days(search.starts[0], LifeSeeds(seed=0, sleep=0)))  # loads compiled kernels
    unraced = replace(search, starts=(), slack=math.inf, margin=math.inf)
    began, cpu = time.time(), time.process_time()
    lived = work(request, SEARCH, replace(chosen, searches={CONDITION: unraced}), report)  # pyright: ignore[reportArgumentType]
    return Spent(lived, began, time.time(), time.process_time() - cpu)


def _quiet(key: str, fraction: float, text: str) -> None:
    """Nobody watches."""
