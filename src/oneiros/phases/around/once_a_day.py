"""Each example of a day once, however many epochs the day has. Test: `tests/phases/test_exact_night.py`."""

from dataclasses import dataclass

import torch
from torch import Tensor

from oneiros.core import Around, Batch, Brain, DayPhase
from oneiros.memory.waiting import SeenToday


@dataclass(frozen=True, kw_only=True)
class OnceADay(Around):
    """Shows `inner` only what did not come today: sums that count each example once, and cost one epoch.

    Views of an example that differ (augmentation) are different examples. Not called where a batch has nothing new,
    so `inner` must return nothing.

    Attributes:
        inner: a day phase such as `Accumulate`.
        memory: name of the `SeenToday`; `NewDay` empties it.
    """

    inner: DayPhase
    memory: str = "seen"

    def __post_init__(self) -> None:
        if self.inner.returns:
            raise ValueError(f"OnceADay around {self.inner.name}, which returns {self.inner.returns}; expected nothing")

    def __call__(self, brain: Brain, batch: Batch, rng: torch.Generator) -> dict[str, Tensor]:
        """Pass on what is new."""
        new = brain.remembers(self.memory, SeenToday).new(batch.unweighted())
        return self.inner(brain, new, rng) if len(new) else {}


@dataclass(frozen=True, kw_only=True)
class NewDay:
    """Falling asleep: what was seen today may come again tomorrow. Moves no parameter."""

    name = "new-day"
    changes = ()
    returns = ()

    memory: str = "seen"

    def __call__(self, brain: Brain, rng: torch.Generator) -> dict[str, Tensor]:
        """Forget the fingerprints."""
        brain.remembers(self.memory, SeenToday).forget()
        return {}
