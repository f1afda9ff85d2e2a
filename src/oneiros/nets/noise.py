"""A generator that has learned nothing and says so: the control condition Noise of Shin et al. 2017, section 4."""

from collections.abc import Sequence

import torch
from jaxtyping import Int64
from torch import Tensor, nn

from oneiros.core import Batch
from oneiros.nets.generator import refuse_labels


class GaussianNoise(nn.Module):
    """Inputs whose pixels are independent standard normal numbers, "random gaussian noises" in the paper.

    Args:
        shape: of one input, without the batch axis.
    """

    seen: Tensor

    def __init__(self, shape: Sequence[int]) -> None:
        super().__init__()
        self.shape = tuple(shape)
        self.register_buffer("seen", torch.tensor(1))  # there is nothing to learn

    def sample(self, n: int, rng: torch.Generator, labels: Int64[Tensor, " n"] | None = None) -> Batch:
        """`n` inputs of noise."""
        refuse_labels(self, labels)
        return Batch(x=torch.randn(n, *self.shape, generator=rng, device=rng.device))
