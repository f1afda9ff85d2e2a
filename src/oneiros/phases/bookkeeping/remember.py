"""Writing to memory: the day phase that stores what passes, and the night phase that seals a day's exemplars."""

from dataclasses import dataclass

import torch
from torch import Tensor

from oneiros.core import Batch, Brain, Writable
from oneiros.memory.exemplars import Exemplars


@dataclass(frozen=True, kw_only=True)
class Remember:
    """Store each wake batch in the memory called `memory`. Moves no parameter."""

    name = "remember"
    changes = ()
    returns = ()

    memory: str

    def __call__(self, brain: Brain, batch: Batch, rng: torch.Generator) -> dict[str, Tensor]:
        """Store the batch."""
        brain.remembers(self.memory, Writable).store(batch.unweighted(), rng)
        return {}


@dataclass(frozen=True, kw_only=True)
class SealExemplars:
    """Falling asleep: the examples sampled today may be rehearsed from tomorrow. Moves no parameter."""

    name = "seal-exemplars"
    changes = ()
    returns = ()

    memory: str = "exemplars"

    def __call__(self, brain: Brain, rng: torch.Generator) -> dict[str, Tensor]:
        """Seal the sample."""
        brain.remembers(self.memory, Exemplars).seal()
        return {}
