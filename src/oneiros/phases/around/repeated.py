"""More than one step on a batch, for a part that learns more slowly than the rest of the brain.

Test: `tests/phases/test_repeated.py`.
"""

from dataclasses import dataclass

import torch
from torch import Tensor

from oneiros.core import Around, Batch, Brain, DayPhase


@dataclass(frozen=True, kw_only=True)
class Repeated(Around):
    """Calls `inner` several times on each wake batch; what it draws, dreams too, is drawn anew each time.

    So a slow generator learns more a day while the solver beside it learns as much as in every other condition.

    Attributes:
        inner: the day phase.
        times: calls a batch; returned is what the last one returns.
    """

    inner: DayPhase
    times: int

    def __post_init__(self) -> None:
        if self.times < 1:
            raise ValueError(f"Repeated.times is {self.times}; expected at least 1")

    def __call__(self, brain: Brain, batch: Batch, rng: torch.Generator) -> dict[str, Tensor]:
        """Live one batch so many times."""
        for _ in range(self.times - 1):
            self.inner(brain, batch, rng)
        return self.inner(brain, batch, rng)
