"""`oneiros bench replay`: what steps of category replay cost beside the layers they train (Barry & Love 2022).

Two networks: the quick replica's, with 120 activations of each of ten classes, and the last layers of VGG-16 as the
paper has them, with 1,170 activations of each of two. Batches of 36, as in their nights.
"""

import statistics
from collections.abc import Iterator
from dataclasses import replace

import torch
from torch.nn.functional import cross_entropy

from bench.speed.timing import Measurement, median_ratio, seconds_side_by_side
from oneiros.core import Batch, Brain, Seeds
from oneiros.memory import ClassActivations, Images, Selector
from oneiros.nets import VGG, cut, names_above
from oneiros.nets.modes import learning
from oneiros.nets.vgg import Architecture
from oneiros.papers.barry2022.config import QUICK
from oneiros.phases import CategoryReplay, Encode, SelectedReplay
from oneiros.phases.optim import TensorFlowAdam

CLASSES, ROUNDS, STEP_ROUNDS = 10, 5, 15
FULL_CLASSES, FULL_IMAGES, FULL_BATCHES = 2, 1170, 6


def sleeper(location: str, coarsen: int) -> tuple[Brain, CategoryReplay]:
    """An untrained network in the evening: activations of random images in memory."""
    rng = Seeds(0).rng("bench")
    with Seeds(0).building("init"):
        net = VGG(QUICK.anatomy, CLASSES)
    held_labels = torch.arange(CLASSES * QUICK.validation) % CLASSES
    activations, held = ClassActivations(coarsen), Images()
    held.store(_random_images(held_labels, rng), rng)
    memory = {
        "today": Images(), "activations": activations, "validation": held, "selector": Selector(CLASSES)
    }  # fmt: skip
    optimiser = TensorFlowAdam(net.parameters(), lr=QUICK.lr, epsilon=QUICK.epsilon)
    brain = Brain(net=net, memory=memory, optim={"wake": optimiser})
    for batch in _random_day(rng):
        memory["today"].store(batch, rng)
    Encode(location=location)(brain, rng)
    replay = CategoryReplay(location=location, above=names_above(net, location), batch_size=QUICK.batch_size)
    return brain, replay


def _random_images(labels: torch.Tensor, rng: torch.Generator) -> Batch:
    size = QUICK.anatomy.size
    return Batch(x=torch.rand(len(labels), 3, size, size, generator=rng), y=labels)


def _random_day(rng: torch.Generator) -> Iterator[Batch]:
    shown = torch.arange(CLASSES * QUICK.train) % CLASSES
    return (_random_images(labels, rng) for labels in shown.split(QUICK.batch_size))


def full_size() -> tuple[Brain, CategoryReplay]:
    """VGG-16 at 224 pixels with the paper's head; random numbers where the last pooling layer's activations would be.

    Its convolutions, which no night from there touches, are as thin as can be.
    """
    thin = replace(Architecture(), blocks=((1,), (1,), (1,), (1,), (512,)))
    with Seeds(0).building("init"):
        net = VGG(thin, FULL_CLASSES)
    rng, activations = Seeds(0).rng("bench"), ClassActivations()
    for label in range(FULL_CLASSES):
        labels = torch.full((FULL_IMAGES,), label)
        activations.store(Batch(x=torch.rand(FULL_IMAGES, 512, 7, 7, generator=rng), y=labels), rng)
    optimiser = TensorFlowAdam(net.parameters())
    brain = Brain(net=net, memory={"activations": activations}, optim={"wake": optimiser})
    location = net.locations[-1]
    replay = CategoryReplay(
        location=location, above=names_above(net, location), per_class=36 * FULL_BATCHES // FULL_CLASSES
    )
    return brain, replay


def bench_replay() -> Iterator[Measurement]:
    """A night from the last two locations over its upper layers' own work; and what selection adds."""
    for number in (4, 5):
        brain, replay = sleeper(f"features.pool{number}", QUICK.shrink[number - 1])
        yield from _over_upper(f"pool{number}", brain, replay, STEP_ROUNDS)
        if number == 4:
            yield from _selection(brain, replay)
    yield from _over_upper("pool5_full_size", *full_size(), rounds=5)


def _over_upper(name: str, brain: Brain, replay: CategoryReplay, rounds: int) -> Iterator[Measurement]:
    """A night's steps, and autograd's forward and backward of the upper layers alone as often, on one batch.

    The latter twice: as the layers learn, with dropout, and at rest, without its masks. Cutting the network, once a
    night, is on no side: on all of them it would hide what a step adds.
    """
    parts, labels = cut(brain.net, replay.location), replay.night(brain, Seeds(0).rng("night"))
    one = next(iter(replay.dream(brain, labels[: replay.batch_size], Seeds(0).rng("dream"))))

    def steps() -> None:
        rng = Seeds(0).rng("night")
        for batch in replay.dream(brain, labels, rng):
            replay.learn(brain, parts, batch, rng)

    def at_rest() -> None:
        for _ in range(-(-len(labels) // replay.batch_size)):
            brain.optim["wake"].zero_grad(set_to_none=True)
            cross_entropy(parts.above(one.x), one.targets()).backward()

    def as_they_learn() -> None:
        with learning(parts.above, Seeds(0).rng("night")):
            at_rest()

    night, learns, rests = seconds_side_by_side([steps, as_they_learn, at_rest], rounds)
    for metric, alone, adds in (
        ("night_over_learning_upper", learns, "draws and optimiser"),
        ("night_over_upper", rests, "draws, dropout and optimiser"),
    ):
        yield Measurement(
            bench="replay", metric=f"replay.{metric}_{name}", value=median_ratio(night, alone), unit="ratio",
            against=f"forward and backward of the layers above by autograd; {adds} are what it adds",
        )  # fmt: skip


def _selection(brain: Brain, replay: CategoryReplay) -> Iterator[Measurement]:
    """A selected night has as many steps: what it takes longer are rewards, single-class draws and the selector."""
    encode, rng = Encode(location=replay.location), Seeds(0).rng("evening")
    today = list(_random_day(rng))

    def evening() -> None:
        for batch in today:
            brain.remembers("today", Images).store(batch, rng)
        encode(brain, rng)

    selected = SelectedReplay(inner=replay, classes=CLASSES, rewarded=QUICK.rewarded)
    by_all = replace(selected, rewarded=0)
    selected(brain, Seeds(0).rng("first night"))  # in which each class is tried once
    dusk, plain, steered, dear = seconds_side_by_side(
        [
            evening,
            lambda: replay(brain, Seeds(0).rng("night")),
            lambda: selected(brain, Seeds(0).rng("night")),
            lambda: by_all(brain, Seeds(0).rng("night")),
        ],
        ROUNDS,
    )
    nights = (("", dusk, "of its night"), ("_of_replay", [0.0] * ROUNDS, "of its night, less the day's encoding"))
    for images, seconds in (("", steered), ("_all_images", dear)):
        for of, start, unit in nights:
            share = statistics.median((s - p) / (d + s) for d, s, p in zip(start, seconds, plain, strict=True))
            yield Measurement(
                bench="replay", metric=f"replay.selection_share{of}{images}", value=share, unit=unit,
                against="the same night without selection",
            )  # fmt: skip
