"""Awake rehearsal: exemplars of earlier days mixed into today's lessons (Kubo et al. 2025, 2.0.4).

Test: `tests/phases/test_rehearse.py`.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from oneiros.core import Around, Batch, Brain, DayPhase, DayStacked, Replayable, concatenate


@dataclass(frozen=True, kw_only=True)
class Rehearse(Around):
    """Calls `inner` on the wake batch plus recalled exemplars, in ONE optimiser step.

    An exemplar comes up as often as a new example does, as if the stored ones were shuffled into the day's
    training set: with `today` new examples to a day and m in memory, a batch of B brings m B / today along
    (rounded up or down at random, so that the mean is exact).

    Attributes:
        inner: the wake phase.
        today: new examples in one day's training set.
        memory: name of the memory to recall from; while it is empty, `inner` runs alone.
    """

    inner: DayPhase
    today: int
    memory: str = "exemplars"

    def __post_init__(self) -> None:
        if self.today < 1:
            raise ValueError(f"Rehearse.today is {self.today}; expected the number of new examples in a day")

    def __call__(self, brain: Brain, batch: Batch, rng: torch.Generator) -> dict[str, Tensor]:
        """Learn one batch, with what is recalled beside it."""
        return self.inner(brain, self._mixed(brain, batch, rng), rng)

    def stacked(
        self, brains: Sequence[Brain], batches: Sequence[Batch], rngs: Sequence[torch.Generator]
    ) -> list[dict[str, Tensor]]:
        """Learn one batch each, with what each recalls beside it.

        Raises:
            TypeError: `inner` cannot.
        """
        if not isinstance(self.inner, DayStacked):
            raise TypeError(f"{type(self.inner).__name__} cannot be lived by several brains together")
        mixed = [self._mixed(*each) for each in zip(brains, batches, rngs, strict=True)]
        return self.inner.stacked(brains, mixed, rngs)

    def _mixed(self, brain: Brain, batch: Batch, rng: torch.Generator) -> Batch:
        memory, batch = brain.remembers(self.memory, Replayable), batch.unweighted()
        if len(memory):
            expected = len(memory) * len(batch) / self.today
            n = int(expected + float(torch.rand((), generator=rng, device=rng.device)))
            # The lesson's own fields: what is recalled besides (a teacher's scores) is not what `inner` is taught by.
            batch = concatenate([batch, memory.recall(n, rng)], only=tuple(batch.tensors())) if n else batch
        return batch
