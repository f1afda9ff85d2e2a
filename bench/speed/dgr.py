"""`oneiros bench dgr`: what a batch of deep generative replay costs, and what accuracy its seconds buy."""

import statistics
import time
from collections.abc import Callable, Iterator
from dataclasses import replace

from bench.speed.timing import Measurement, seconds_side_by_side
from oneiros.core import Batch, DayPhase, Seeds
from oneiros.data import DataError, load
from oneiros.life import live
from oneiros.papers.shin2017.experiment import CLASSES
from oneiros.runs.experiment import BuildRequest, Life

# Lives of split MNIST by length: epochs of each task.
LIVES = {"gr": (1, 2, 5), "gr_wgan": (2, 6)}
GOOD = 0.9


def bench_dgr() -> Iterator[Measurement]:
    """Images a second of each part of a day with replay, and accuracy against seconds for both generators."""
    try:
        load("mnist", download=False)
        data = "mnist"
    except DataError:
        data = "digits"  # embedded: the speeds are of smaller images then, as their names say
    yield from _speeds(data)
    for condition, lengths in LIVES.items():
        yield from _lives(data, condition, lengths)


def _life(data: str, condition: str, **changed: int) -> Life:
    # Validation images: a benchmark is run too often to look at test images.
    config = replace(CLASSES.scales["quick"], data=data, evaluate_on="validation", probe_every=10**9, **changed)
    return CLASSES.build(BuildRequest(config=config, condition=condition, seed=0, data=None, device="cpu"))


def _speeds(data: str) -> Iterator[Measurement]:
    """The second day's phases on real batches: 64 new images, and what is replayed beside them."""
    sides: dict[str, Callable[[], object]] = {}
    for condition, generator in (("gr", "class_vae"), ("gr_wgan", "wgan")):
        life = _life(data, condition, examples=640, epochs=1, gan_steps=1)
        for event in live(life.brain, life.tasks, life.schedule, life.seeds):
            if event.kind == "task_end":
                break
        life.brain.age = 1
        batch = next(iter(life.tasks[1].batches(Seeds(0).rng("bench"))))
        for phase in life.schedule.day:
            if phase.name == "scholar-wake" and condition == "gr":
                sides["solver"] = _step(life, phase, batch)
            if phase.name == "learn-generator":
                sides[generator] = _step(life, phase, batch)
    n = len(batch)
    for name, seconds in zip(sides, seconds_side_by_side(list(sides.values())), strict=True):
        value = n / statistics.median(seconds)
        against = f"new {data} images, as many or twice as many replayed beside them"
        yield Measurement(bench="dgr", metric=f"dgr.images_per_second.{name}", value=value, unit="1/s", against=against)


def _step(life: Life, phase: DayPhase, batch: Batch) -> Callable[[], object]:
    rng = Seeds(0).rng("bench", 1)
    return lambda: phase(life.brain, batch, rng)


def _lives(data: str, condition: str, lengths: tuple[int, ...]) -> Iterator[Measurement]:
    reached = None
    for epochs in lengths:
        life = _life(data, condition, epochs=epochs, gan_steps=1)
        began, final = time.process_time(), 0.0
        for event in live(life.brain, life.tasks, life.schedule, life.seeds):
            last = event.kind == "task_end" and event.task == len(life.tasks) - 1
            if last:
                seconds = time.process_time() - began
                final = next(m.value for m in life.measure(event) if m.metric == "accuracy_seen")
        name = f"{condition}.{epochs}_epochs"
        yield Measurement(bench="dgr", metric=f"dgr.accuracy.{name}", value=100 * final, unit="%", against="validation")
        yield Measurement(bench="dgr", metric=f"dgr.seconds.{name}", value=seconds, unit="CPU s")
        if final >= GOOD and reached is None:
            reached = seconds
            yield Measurement(
                bench="dgr", metric=f"dgr.seconds_to_90.{condition}", value=seconds, unit="CPU s",
                against=f"the shortest of lives of {lengths} epochs that ends at 90 % or more",
            )  # fmt: skip
