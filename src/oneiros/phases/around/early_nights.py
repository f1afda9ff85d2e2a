"""Nights that stop: a control in which the same life goes on without its later nights.

Test: `tests/phases/test_early_nights.py`.
"""

from dataclasses import dataclass

import torch
from torch import Tensor

from oneiros.core import Around, Brain, NightPhase


@dataclass(frozen=True, kw_only=True)
class EarlyNights(Around):
    """Calls `inner` while the brain has lived fewer than `nights` tasks before this one; afterwards nothing happens.

    Until then everything is as without it, random numbers included, so that a life with `inner` and one with
    `EarlyNights(inner)` are the same up to the first night that falls out.

    Attributes:
        inner: the night phase.
        nights: how many nights there are, one a task.
    """

    inner: NightPhase
    nights: int

    def __post_init__(self) -> None:
        if self.nights < 0:
            raise ValueError(f"EarlyNights.nights is {self.nights}; expected 0 or more")

    def __call__(self, brain: Brain, rng: torch.Generator) -> dict[str, Tensor]:
        """Sleep, or not."""
        if brain.age < self.nights:
            return self.inner(brain, rng)
        return {key: torch.zeros((), device=rng.device) for key in self.inner.returns}
