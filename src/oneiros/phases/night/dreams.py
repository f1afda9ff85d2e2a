"""Where the activations of a night come from: imagined from what a class is like, or remembered as they were."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

import torch
from jaxtyping import Float, Int
from torch import Tensor

from oneiros.core import Batch, Brain
from oneiros.memory.class_activations import ClassActivations


@runtime_checkable
class Dreams(Protocol):
    """A source of activations with labels."""

    @property
    def memory(self) -> str:
        """Name of the `ClassActivations` it draws on."""
        ...

    def batches(self, brain: Brain, labels: Int[Tensor, " dreams"], size: int, rng: torch.Generator) -> Iterator[Batch]:
        """Activations for these labels, in order, `size` to a batch."""
        ...


def as_drawn(s: Float[Tensor, "m d"], x: Float[Tensor, "n d"]) -> Float[Tensor, "m d"]:
    """The default: draws may be negative although activations are not, and are replayed as they are (authors' code)."""
    return s


@dataclass(frozen=True, kw_only=True)
class Imagined:
    """Generative: new activations, drawn from the Gaussian of each class (Barry & Love 2022).

    Attributes:
        memory: name of the `ClassActivations`.
        ahead: batches drawn at once: more is faster and takes more memory; the draws' law does not depend on it.
        shape: what is done to a class's draws `s`, given its activations `x`: `as_drawn`, or an ablation that
            rectifies them.
    """

    memory: str = "activations"
    ahead: int = 32
    shape: Callable[[Tensor, Tensor], Tensor] = as_drawn

    def __post_init__(self) -> None:
        if self.ahead < 1:
            raise ValueError(f"Imagined.ahead is {self.ahead}; expected at least 1 batch")

    def batches(self, brain: Brain, labels: Int[Tensor, " dreams"], size: int, rng: torch.Generator) -> Iterator[Batch]:
        """Activations for these labels, in order, `size` to a batch."""
        bank = brain.remembers(self.memory, ClassActivations)
        for asked in labels.split(size * self.ahead):
            x = bank.imagine(asked, rng, self.shape)
            y = asked.to(x.device)
            for at in range(0, len(asked), size):
                yield Batch(x=x[at : at + size], y=y[at : at + size])


@dataclass(frozen=True, kw_only=True)
class Veridical:
    """The activations themselves, each as often as any other of its class (Barry & Love 2022, "veridical replay").

    Attributes:
        memory: name of the `ClassActivations`.
    """

    memory: str = "activations"

    def batches(self, brain: Brain, labels: Int[Tensor, " dreams"], size: int, rng: torch.Generator) -> Iterator[Batch]:
        """Activations for these labels, in order, `size` to a batch."""
        bank = brain.remembers(self.memory, ClassActivations)
        index = torch.empty_like(labels)
        for label in labels.unique().tolist():
            places = (labels == label).nonzero().flatten()
            rounds = -(-len(places) // bank.count(label))
            order = [torch.randperm(bank.count(label), generator=rng, device=rng.device).cpu() for _ in range(rounds)]
            index[places] = torch.cat(order)[: len(places)]
        for at in range(0, len(labels), size):
            yield bank.at(labels[at : at + size], index[at : at + size])
