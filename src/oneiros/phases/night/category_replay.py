"""Category replay: a night of training on activations that are imagined, or remembered, at one location of a network.

Barry & Love 2022, Methods, "Replay". Equation: `oneiros.equations.gaussian`. Test:
`tests/phases/test_category_replay.py`.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Protocol, runtime_checkable

import torch
from jaxtyping import Int
from torch import Tensor
from torch.nn.functional import cross_entropy

from oneiros.core import Batch, Brain
from oneiros.memory.class_activations import ClassActivations
from oneiros.nets.cut import Cut, cut
from oneiros.nets.dense import backpropagate
from oneiros.nets.modes import learning
from oneiros.phases.night.dreams import Dreams, Imagined


@runtime_checkable
class SteerableReplay(Protocol):
    """A night phase of many batches, each of chosen classes: what a selector can steer."""

    @property
    def location(self) -> str:
        """Where in the network it replays."""
        ...

    @property
    def batch_size(self) -> int:
        """Dreams to a batch."""
        ...

    @property
    def changes(self) -> tuple[str, ...]:
        """Parameters it may move."""
        ...

    def night(self, brain: Brain, rng: torch.Generator) -> Int[Tensor, " dreams"]:
        """The classes of an ordinary night's dreams, in order."""
        ...

    def dream(self, brain: Brain, labels: Int[Tensor, " dreams"], rng: torch.Generator) -> Iterator[Batch]:
        """Dreams of these classes, in batches."""
        ...

    def learn(self, brain: Brain, parts: Cut, batch: Batch, rng: torch.Generator) -> Tensor:
        """One optimiser step of the layers above the location; returns the loss."""
        ...


@dataclass(frozen=True, kw_only=True)
class CategoryReplay:
    """Trains the layers above `location` for one epoch of dreams, every class equally often, in random order.

    Attributes:
        location: name of a module of the network.
        above: names of the parameters above it, see `oneiros.nets.names_above`.
        dreams: where activations come from: `Imagined` (generative) or `Veridical`.
        per_class: dreams of each class in a night; 0 for as many as there are activations of it (paper: 1,170 of each).
        batch_size: dreams to an optimiser step (paper: 36).
        optim: name of the optimiser in `brain.optim`: the day's, moments and step count included.
    """

    name = "category-replay"
    returns = ("loss",)

    location: str
    above: tuple[str, ...]
    dreams: Dreams = field(default_factory=Imagined)
    per_class: int = 0
    batch_size: int = 36
    optim: str = "wake"

    def __post_init__(self) -> None:
        if self.per_class < 0 or self.batch_size < 1:
            raise ValueError(f"{self}: expected per_class >= 0 and batch_size >= 1")

    @property
    def changes(self) -> tuple[str, ...]:
        """The layers above the location."""
        return self.above

    def __call__(self, brain: Brain, rng: torch.Generator) -> dict[str, Tensor]:
        """Sleep for one night; the loss is the mean over its batches."""
        parts = cut(brain.net, self.location)
        losses = [self.learn(brain, parts, batch, rng) for batch in self.dream(brain, self.night(brain, rng), rng)]
        return {"loss": torch.stack(losses).mean()}

    def night(self, brain: Brain, rng: torch.Generator) -> Int[Tensor, " dreams"]:
        """Every class equally often (or as often as it is remembered), shuffled."""
        bank = brain.remembers(self.dreams.memory, ClassActivations)
        each = [torch.full((self.per_class or bank.count(label),), label) for label in bank.classes]
        if not each:
            raise RuntimeError("CategoryReplay has nothing to replay: run the night phase Encode after a day")
        labels = torch.cat(each)
        return labels[torch.randperm(len(labels), generator=rng, device=rng.device).cpu()]

    def dream(self, brain: Brain, labels: Int[Tensor, " dreams"], rng: torch.Generator) -> Iterator[Batch]:
        """Dreams of these classes, in batches."""
        return self.dreams.batches(brain, labels, self.batch_size, rng)

    def learn(self, brain: Brain, parts: Cut, batch: Batch, rng: torch.Generator) -> Tensor:
        """One step. Layers below get no gradient, so their weights and moments rest while the step count goes on."""
        optimiser = brain.optimiser(self.optim)
        optimiser.zero_grad(set_to_none=True)
        if parts.dense:
            loss = backpropagate(parts.dense, batch.x, batch.targets(), rng)
        else:
            with learning(parts.above, rng):
                loss = cross_entropy(parts.above(batch.x), batch.targets())
            loss.backward()
        optimiser.step()
        return loss.detach()
