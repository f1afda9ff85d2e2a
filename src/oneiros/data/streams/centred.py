"""Images around zero, in whole batches: what networks with a tanh at their end are shown."""

from collections.abc import Iterator
from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor

from oneiros.core import Batch
from oneiros.data.streams.task import ExampleTask


def centred(x: Float[Tensor, "*shape"]) -> Float[Tensor, "*shape"]:
    """Grey values from [0, 1] to [-1, 1]; 0 is grey.

    >>> centred(torch.tensor([0.0, 0.5, 1.0]))
    tensor([-1.,  0.,  1.])
    """
    return 2 * x - 1


@dataclass(frozen=True, kw_only=True, eq=False)
class CentredTask:
    """The batches of `inner` in [-1, 1], without the last one of an epoch where it is not full.

    Batch statistics (the KL term of Deperrois et al. 2022) and pairs of batches need batches of one size.
    """

    inner: ExampleTask

    def __post_init__(self) -> None:
        if not len(self):
            raise ValueError(
                f"task {self.inner.name!r} has {len(self.inner.train)} examples, which do not fill one batch of "
                f"{self.inner.batch_size}: take more examples or smaller batches"
            )

    @property
    def name(self) -> str:
        """The inner task's name."""
        return self.inner.name

    @property
    def classes(self) -> tuple[int, ...]:
        """The inner task's classes."""
        return self.inner.classes

    def __len__(self) -> int:
        """Whole batches an epoch."""
        return len(self.inner.train) // self.inner.batch_size

    def batches(self, rng: torch.Generator) -> Iterator[Batch]:
        """One epoch, in an order drawn from `rng`; what is left over differs from epoch to epoch."""
        for batch in self.inner.batches(rng):
            if len(batch) == self.inner.batch_size:
                yield Batch(x=centred(batch.x), y=batch.y)
