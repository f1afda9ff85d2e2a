"""A day without lessons: batches of no rows, for lives that learn from dreams alone."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import torch

from oneiros.core import Batch


@dataclass(frozen=True, kw_only=True)
class EmptyTask:
    """`hours` batches of no examples; meets `oneiros.core.Task`.

    Day phases that replay live on their memory alone, and `Away` dreams.

    Attributes:
        name: what the task is called in results.
        classes: classes that are asked about afterwards.
        shape: of one input, without the batch axis.
        hours: batches an epoch.
        device: where the empty batches are.
    """

    name: str
    classes: tuple[int, ...]
    shape: Sequence[int]
    hours: int = 1
    device: str = "cpu"

    def __post_init__(self) -> None:
        if self.hours < 1:
            raise ValueError(f"EmptyTask.hours is {self.hours}; expected at least 1")

    def __len__(self) -> int:
        """Batches an epoch."""
        return self.hours

    def batches(self, rng: torch.Generator) -> Iterator[Batch]:
        """Nothing, `hours` times."""
        empty = Batch(
            x=torch.zeros(0, *self.shape, device=self.device),
            y=torch.zeros(0, dtype=torch.int64, device=self.device),
        )
        for _ in range(self.hours):
            yield empty
