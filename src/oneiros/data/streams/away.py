"""A day without lessons."""

from collections.abc import Iterator
from dataclasses import dataclass

import torch
from torch import Tensor

from oneiros.core import Batch


@dataclass(frozen=True, kw_only=True, eq=False)
class AwayTask:
    """One batch without any examples, of the shape that a day's batches have: the phase `Away` dreams on it.

    Attributes:
        name: what the day is called in results.
        classes: of the days before.
        like: one input, for shape, type and device.
    """

    name: str
    classes: tuple[int, ...]
    like: Tensor

    def __len__(self) -> int:
        """One batch."""
        return 1

    def batches(self, rng: torch.Generator) -> Iterator[Batch]:
        """The empty batch."""
        nothing = self.like[None][:0]
        yield Batch(x=nothing, y=torch.zeros(0, dtype=torch.int64, device=nothing.device))
