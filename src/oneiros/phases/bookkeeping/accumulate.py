"""Adding up by day what an exact night is solved from. Test: `tests/phases/test_exact_night.py`."""

from dataclasses import dataclass

import torch
from torch import Tensor

from oneiros.core import Batch, Brain
from oneiros.memory.moments import Moments
from oneiros.nets.features import features_at


@dataclass(frozen=True, kw_only=True)
class Accumulate:
    """Adds today's features at `location` to the moments. Moves no parameter.

    Attributes:
        location: name of a module of the network, below which nothing learns.
        memory: name of the `Moments`.
    """

    name = "accumulate"
    changes = ()
    returns = ()

    location: str
    memory: str = "moments"

    def __call__(self, brain: Brain, batch: Batch, rng: torch.Generator) -> dict[str, Tensor]:
        """Look at the batch once."""
        batch = batch.unweighted()
        if len(batch):
            x = features_at(brain.net, self.location, batch.x)
            brain.remembers(self.memory, Moments).store(Batch(x=x, y=batch.targets()), rng)
        return {}
