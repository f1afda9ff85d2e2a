"""`oneiros bench replay`: what a night of category replay costs beside the layers it trains (Barry & Love's replica).

The network is the quick replica's, 120 activations of each of ten classes, batches of 36, as in its nights.
"""

import statistics
from collections.abc import Iterator
from dataclasses import replace

import torch
from torch.nn.functional import cross_entropy

from oneiros.bench import Measurement, median_ratio, seconds_side_by_side
from oneiros.core import Batch, Brain, Seeds
from oneiros.memory import ClassActivations, Images, Selector
from oneiros.nets import VGG, names_above, split
from oneiros.optim import TensorFlowAdam
from oneiros.papers.barry2022.config import QUICK
from oneiros.phases import CategoryReplay, SelectedReplay

CLASSES, ROUNDS = 10, 5


def sleeper(location: str, coarsen: int) -> tuple[Brain, CategoryReplay]:
    """A newborn network in the evening: activations of random images in memory."""
    rng = Seeds(0).rng("bench")
    with Seeds(0).building("init"):
        net = VGG(QUICK.anatomy, CLASSES)
    size, shown = QUICK.anatomy.size, torch.arange(CLASSES * QUICK.train) % CLASSES
    activations, held, below = ClassActivations(coarsen), Images(), split(net, location).below
    with torch.no_grad():
        for labels in shown.split(120):
            images = torch.rand(len(labels), 3, size, size, generator=rng)
            activations.store(Batch(x=below(images), y=labels), rng)
    labels = torch.arange(CLASSES * QUICK.validation) % CLASSES
    held.store(Batch(x=torch.rand(len(labels), 3, size, size, generator=rng), y=labels), rng)
    memory = {"activations": activations, "validation": held, "selector": Selector(CLASSES)}
    optimiser = TensorFlowAdam(net.parameters(), lr=QUICK.lr, epsilon=QUICK.epsilon)
    brain = Brain(net=net, memory=memory, optim={"wake": optimiser})
    replay = CategoryReplay(location=location, above=names_above(net, location), batch_size=QUICK.batch_size)
    return brain, replay


def upper_layers(brain: Brain, replay: CategoryReplay) -> None:
    """Forward and backward of the layers above the location alone, as often as a night does it, on one batch."""
    above = split(brain.net, replay.location).above
    batch = next(iter(replay.dream(brain, torch.arange(replay.batch_size) % CLASSES, Seeds(0).rng("dream"))))
    for _ in range(-(-CLASSES * QUICK.train // replay.batch_size)):
        brain.optim["wake"].zero_grad(set_to_none=True)
        cross_entropy(above(batch.x), batch.targets()).backward()


def bench_replay() -> Iterator[Measurement]:
    """A night from the last two locations over its upper layers' own work; and what selection adds."""
    for number in (4, 5):
        brain, replay = sleeper(f"features.pool{number}", QUICK.shrink[number - 1])
        night, bare = seconds_side_by_side(
            [lambda b=brain, r=replay: r(b, Seeds(0).rng("night")), lambda b=brain, r=replay: upper_layers(b, r)],
            ROUNDS,
        )
        yield Measurement(
            bench="replay", metric=f"replay.night_over_upper_pool{number}", value=median_ratio(night, bare),
            unit="ratio", against="forward and backward of the layers above; draws and optimiser are what it adds",
        )  # fmt: skip
        if number == 4:
            yield from _selection(brain, replay, night)


def _selection(brain: Brain, replay: CategoryReplay, night: list[float]) -> Iterator[Measurement]:
    """A selected night has as many steps: what it takes longer are rewards, single-class draws and the selector."""
    selected = SelectedReplay(inner=replay, classes=CLASSES)
    selected(brain, Seeds(0).rng("first night"))  # in which each class is tried once
    plain, steered = seconds_side_by_side(
        [lambda: replay(brain, Seeds(0).rng("night")), lambda: selected(brain, Seeds(0).rng("night"))], ROUNDS
    )
    fewer = replace(selected, rewarded=3)
    _, cheap = seconds_side_by_side([lambda: None, lambda: fewer(brain, Seeds(0).rng("night"))], ROUNDS)
    for name, seconds in (("", steered), ("_3_images", cheap)):
        share = statistics.median((s - p) / s for s, p in zip(seconds, plain, strict=True))
        yield Measurement(
            bench="replay", metric=f"replay.selection_share{name}", value=share, unit="of its night",
            against="the same night without selection",
        )  # fmt: skip
