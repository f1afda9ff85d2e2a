"""What a generator is: a net that dreams inputs. How it learns to is a phase (`phases/learn_*.py`)."""

from collections.abc import Iterable
from typing import Protocol, runtime_checkable

import torch
from jaxtyping import Int64
from torch import Tensor

from oneiros.core import Batch


class UntrainedError(RuntimeError):
    """Samples were asked of a generator that has learned nothing (of what they should show)."""


@runtime_checkable
class Generator(Protocol):
    """Any `nn.Module` that can dream inputs; its weights and buffers are its state.

    Attributes:
        seen: 0-d int64 buffer, examples it has learned from; 0 means untrained.
    """

    seen: Tensor

    def sample(self, n: int, rng: torch.Generator, labels: Int64[Tensor, " n"] | None = None) -> Batch:
        """`n` dreams as x `[n, ...]`, with the code z they were decoded from where there is one.

        Args:
            n: how many.
            rng: where chance comes from.
            labels: classes to dream of, for a generator that knows classes; None for all it knows, in equal shares.

        Raises:
            UntrainedError: it has learned nothing, or nothing of such a class.
            ValueError: `labels` were given to a generator that knows no classes.
        """
        ...


@runtime_checkable
class ClassGenerator(Generator, Protocol):
    """A generator that knows classes: asked for none in particular, it dreams of all that it knows equally often."""

    @property
    def classes(self) -> int:
        """How many classes there can be."""
        ...


def require_trained(generator: Generator) -> None:
    """Refuse to dream with initial weights: such replay erases what it should keep, and looks like it works."""
    if not int(generator.seen):
        raise UntrainedError(
            f"sampling from an untrained {type(generator).__name__}: run its learning phase by day "
            "before a night or a scholar samples from it"
        )


def refuse_labels(generator: object, labels: Tensor | None) -> None:
    """For generators that know no classes."""
    if labels is not None:
        raise ValueError(f"{type(generator).__name__} knows no classes: sample without labels, or use a ClassVAE")


def named_classes(classes: Iterable[int]) -> str:
    """Classes for an error message."""
    return ", ".join(map(str, classes)) or "none"
