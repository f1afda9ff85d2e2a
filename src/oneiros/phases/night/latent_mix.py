"""What the hippocampus sends to the cortex in a dream (Deperrois et al. 2022): memories, mixtures of them, noise.

Equation: `oneiros.equations.dreaming.mixture`. Test: `tests/phases/test_dreaming.py`.
"""

from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor

from oneiros.equations.dreaming import mixture
from oneiros.memory.recent_latents import RecentLatents


@dataclass(frozen=True, kw_only=True)
class LatentMix:
    """Z_mix = memories (newest Z + (1 - newest) Z_old) + (1 - memories) epsilon, epsilon ~ N(0, 1).

    Row i of Z meets row i of Z_old: batches are shuffled, so these are strangers. Without a previous batch, Z
    stands for both (authors' code, in the first batch of every epoch; the paper's Algorithm 1 also leaves the noise
    out, in the very first iteration only).

    Attributes:
        memories: lambda, the share of memories; the rest is noise. 1: no noise is drawn.
        newest: lambda', the share of this wake batch among the memories; the rest is the previous one.
    """

    memories: float = 1.0
    newest: float = 1.0

    def __post_init__(self) -> None:
        if not (0 <= self.memories <= 1 and 0 <= self.newest <= 1):
            raise ValueError(f"{self}: expected shares between 0 and 1")

    def __call__(self, memory: RecentLatents, rng: torch.Generator) -> Tensor:
        """Latents to dream from, as many as this wake batch had."""
        present = memory.present
        return self.mixed(present, present if memory.previous is None else memory.previous, rng)

    def mixed(
        self, present: Float[Tensor, "b latent"], previous: Float[Tensor, "b latent"], rng: torch.Generator
    ) -> Float[Tensor, "b latent"]:
        """Latents to dream from, given this wake batch's and the previous one's."""
        noise = torch.zeros_like(present)
        if self.memories < 1:
            noise = torch.randn(present.shape, generator=rng, device=rng.device, dtype=present.dtype)
        return mixture(present, previous, noise.to(present.device), memories=self.memories, newest=self.newest)


SINGLE = LatentMix()  # each memory by itself, as it was
