"""`oneiros bench stack`: six seeds of the demo's network in one stack of tensors, and one after the other."""

from collections.abc import Callable, Iterator
from unittest.mock import patch

import torch

from bench.speed.timing import Measurement, median_ratio, seconds_side_by_side
from oneiros.core import Batch, Brain, Seeds
from oneiros.equations import compiled
from oneiros.memory.mean_input import MeanInput
from oneiros.nets.equilibrium import EquilibriumRNN
from oneiros.phases.night.spiking_sleep import SpikingSleep
from oneiros.phases.wake.equilibrium_wake import EquilibriumWake

SEEDS, SIZES, BATCH = 6, (64, 256, 10), 16
STEPS = 100  # of a night


def _brain(seed: int, lesson: Batch) -> Brain:
    with Seeds(seed).building("init"):
        net = EquilibriumRNN(SIZES)
    mean = MeanInput()
    mean.store(lesson, Seeds(seed).rng("store"))
    return Brain(net=net, memory={"mean": mean}, optim={"wake": torch.optim.SGD(net.parameters(), lr=0.01)})


def _as_tensors(side: Callable[[], object]) -> Callable[[], object]:
    """`side` as where no kernels run: what a GPU would be asked to do, on this CPU."""

    def done() -> object:
        with patch.object(compiled, "HOME", "nowhere"):
            return side()

    return done


def bench_stack() -> Iterator[Measurement]:
    """Lessons and nights: seeds one after the other, by tensors and by the kernels, over all of them in one stack."""
    rng = Seeds(0).rng("lessons")
    lessons = [
        Batch(x=torch.rand(BATCH, SIZES[0], generator=rng), y=torch.randint(10, (BATCH,), generator=rng))
        for _ in range(SEEDS)
    ]
    brains = [_brain(seed, lesson) for seed, lesson in enumerate(lessons)]
    wake = EquilibriumWake()
    sleep = SpikingSleep(
        layers=("hidden.weight", "output.weight"), steps=STEPS, rate=0.3, gains=(1.2, 60.0), feedback=(1.0,),
        inc=(1e-9, 1e-9), dec=(1e-9, 1e-9),
    )  # fmt: skip

    def lesson_each() -> object:
        return [wake(brain, lesson, rng) for brain, lesson in zip(brains, lessons, strict=True)]

    def night_each() -> object:
        return [sleep(brain, rng) for brain in brains]

    sides = {
        "lesson": (lesson_each, lambda: wake.dense_stack(brains, lessons)),
        "night": (night_each, lambda: sleep.dense_stack(brains, [rng] * SEEDS)),
    }
    for name, (each, stack) in sides.items():
        tensors, compiled, one = seconds_side_by_side([_as_tensors(each), each, _as_tensors(stack)])
        for way, seconds in (("tensors", tensors), ("kernels", compiled)):
            yield Measurement(
                bench="stack", metric=f"stack.{name}_{way}_over_stack", value=median_ratio(seconds, one), unit="ratio",
                against=f"{SEEDS} seeds in one stack of tensors, same CPU",
            )  # fmt: skip
