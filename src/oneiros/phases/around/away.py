"""Days without experience, on which dreams stand in for lessons (Barry & Love 2022, "continuous replay").

Test: `tests/phases/test_category_replay.py`.
"""

from dataclasses import dataclass

import torch
from torch import Tensor

from oneiros.core import Around, Batch, Brain, DayPhase, NightPhase


@dataclass(frozen=True, kw_only=True)
class Away(Around):
    """Calls `inner` on a batch of examples, and on a batch without any, dreams for a whole night by day.

    Attributes:
        inner: the day phase.
        dream: the night phase that stands in for a day's lessons; `EmptyTask` gives such a day one empty batch.
    """

    inner: DayPhase
    dream: NightPhase

    def __post_init__(self) -> None:
        if self.inner.returns != self.dream.returns:
            raise ValueError(f"Away: inner returns {self.inner.returns}, dream {self.dream.returns}; expected the same")

    @property
    def changes(self) -> tuple[str, ...]:
        """What either changes."""
        return (*self.inner.changes, *self.dream.changes)

    def __call__(self, brain: Brain, batch: Batch, rng: torch.Generator) -> dict[str, Tensor]:
        """Learn, or dream."""
        return self.inner(brain, batch, rng) if len(batch) else self.dream(brain, rng)
