"""Emptying the memory of recent latents between epochs (authors' code of Deperrois et al. 2022).

Test: `tests/phases/test_dreaming.py`.
"""

from dataclasses import dataclass

import torch
from torch import Tensor

from oneiros.core import Brain
from oneiros.memory.recent_latents import RecentLatents


@dataclass(frozen=True, kw_only=True)
class ForgetLatents:
    """Nothing of one epoch is mixed into the dreams of the next. Moves no parameter.

    Paper: only the very first iteration has no Z_old. Authors' code, and ours: the first batch of every epoch.
    """

    name = "forget-latents"
    changes = ()
    returns = ()

    memory: str = "latents"

    def __call__(self, brain: Brain, rng: torch.Generator) -> dict[str, Tensor]:
        """Empty it."""
        brain.remembers(self.memory, RecentLatents).forget()
        return {}
