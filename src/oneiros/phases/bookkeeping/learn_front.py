"""A front learned from the first images of the first day, and from then on fixed.

Test: `tests/sleeper/test_exact.py`.
"""

from dataclasses import dataclass

import torch
from torch import Tensor

from oneiros.core import Batch, Brain
from oneiros.memory.waiting import Waiting
from oneiros.nets.patch_front import PatchFront
from oneiros.phases.bookkeeping.accumulate import Accumulate


@dataclass(frozen=True, kw_only=True)
class LearnFront:
    """At nightfall, a front that has not learned yet learns from what waited, which is then added up and forgotten.

    Moves no parameter: a front's filters are buffers.

    Attributes:
        accumulate: what adds up; the front is the module at its location.
        waiting: name of the memory of lessons that wait.
    """

    name = "learn-front"
    changes = ()
    returns = ()

    accumulate: Accumulate
    waiting: str = "waiting"

    def __call__(self, brain: Brain, rng: torch.Generator) -> dict[str, Tensor]:
        """Learn, once."""
        front = brain.network(PatchFront, part=self.accumulate.location)
        waiting = brain.remembers(self.waiting, Waiting)
        if not front.learned and len(waiting):
            front.learn(torch.cat([each.x for each in waiting.lessons]), rng)
            for batch in waiting.released():
                self.accumulate(brain, batch, rng)
        return {}


@dataclass(frozen=True, kw_only=True)
class AccumulateBehindFront:
    """Adds today's features up; before the front has learned, lessons wait until it has seen enough to learn from.

    Attributes:
        learn: what learns the front, here or at nightfall.
        enough: images to learn from.
    """

    name = "accumulate-behind-front"
    changes = ()
    returns = ()

    learn: LearnFront
    enough: int = 5000

    def __call__(self, brain: Brain, batch: Batch, rng: torch.Generator) -> dict[str, Tensor]:
        """Add up, or wait."""
        front = brain.network(PatchFront, part=self.learn.accumulate.location)
        if front.learned:
            return self.learn.accumulate(brain, batch, rng)
        waiting = brain.remembers(self.learn.waiting, Waiting)
        waiting.store(batch.unweighted(), rng)
        return self.learn(brain, rng) if len(waiting) >= self.enough else {}
