"""Controls: of what a night does to each neuron's incoming weights, keep one aspect and undo the rest.

A night that works through which synapses it moves is spoilt by these; one that only scales or shifts whole neurons
is not. They draw what their `inner` night draws, so differences between conditions are paired.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor

from oneiros.core import Around, Brain, NightPhase


def rescaled(before: Float[Tensor, "post pre"], after: Float[Tensor, "post pre"]) -> Float[Tensor, "post pre"]:
    """`before` with the length of each row of `after`; a row of zeros stays one.

    >>> rescaled(torch.tensor([[3.0, 4.0]]), torch.tensor([[0.0, 10.0]]))
    tensor([[6., 8.]])
    """
    length = before.norm(dim=1, keepdim=True)
    return before * torch.where(length > 0, after.norm(dim=1, keepdim=True) / length, 1)


def shifted(before: Float[Tensor, "post pre"], after: Float[Tensor, "post pre"]) -> Float[Tensor, "post pre"]:
    """`before`, every row moved as a whole by what its synapses moved on average.

    >>> shifted(torch.tensor([[3.0, 4.0]]), torch.tensor([[1.0, 4.0]]))
    tensor([[2., 3.]])
    """
    return before + (after - before).mean(dim=1, keepdim=True)


@contextmanager
def _kept(brain: Brain, inner: NightPhase, keep: Callable[[Tensor, Tensor], Tensor]) -> Iterator[None]:
    """Replace what `inner` makes of each matrix it changes by what `keep` leaves of it."""
    named = dict(brain.net.named_parameters())
    moved = [p for name, p in named.items() if name.startswith(inner.changes) and p.ndim == 2]
    before = [p.detach().clone() for p in moved]
    yield
    with torch.no_grad():
        for p, was in zip(moved, before, strict=True):
            p.copy_(keep(was, p.detach()))


@dataclass(frozen=True, kw_only=True)
class RowLengthsOnly(Around):
    """The night scales each neuron's incoming weights as a whole: their pattern stays, their length changes.

    Attributes:
        inner: the night whose effect on lengths is kept.
    """

    inner: NightPhase

    def __call__(self, brain: Brain, rng: torch.Generator) -> dict[str, Tensor]:
        """Sleep, then keep the lengths only."""
        with _kept(brain, self.inner, rescaled):
            return self.inner(brain, rng)


@dataclass(frozen=True, kw_only=True)
class RowMeansOnly(Around):
    """The night shifts all of a neuron's incoming weights by the same amount: their mean change.

    Attributes:
        inner: the night whose effect on means is kept.
    """

    inner: NightPhase

    def __call__(self, brain: Brain, rng: torch.Generator) -> dict[str, Tensor]:
        """Sleep, then keep the means only."""
        with _kept(brain, self.inner, shifted):
            return self.inner(brain, rng)
