"""One day's lessons: a task over examples that sit in memory."""

from collections.abc import Iterator
from dataclasses import dataclass

import torch

from oneiros.core import Batch
from oneiros.data import Examples


@dataclass(frozen=True, kw_only=True, eq=False)
class ExampleTask:
    """Examples to learn from in shuffled batches, and examples to be tested on; meets `oneiros.core.Task`.

    Attributes:
        name: what the task is called in results, unique within a life.
        classes: the labels that occur in it, by number.
        train: at least one example.
        test: of the same classes.
        batch_size: examples a batch; the last batch of an epoch holds what is left.
    """

    name: str
    classes: tuple[int, ...]
    train: Examples
    test: Examples
    batch_size: int

    def __post_init__(self) -> None:
        if self.batch_size < 1:
            raise ValueError(f"ExampleTask.batch_size is {self.batch_size}; expected at least 1")
        if not len(self.train):
            raise ValueError(f"task {self.name!r} has no train examples; expected at least one")

    def __len__(self) -> int:
        """Batches an epoch."""
        return -(-len(self.train) // self.batch_size)

    def batches(self, rng: torch.Generator) -> Iterator[Batch]:
        """Every train example once, in an order drawn from `rng` (which may live on another device)."""
        order = torch.randperm(len(self.train), generator=rng, device=rng.device)
        for index in order.to(self.train.labels.device).split(self.batch_size):
            yield self.train.batch(index)
