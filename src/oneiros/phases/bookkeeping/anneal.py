"""Learning rates that fall over the day. Test: `tests/phases/test_scholar_phases.py`."""

from dataclasses import dataclass

import torch
from torch import Tensor

from oneiros.core import Batch, Brain


@dataclass(frozen=True, kw_only=True)
class Anneal:
    """Constant until `start` of the day, then a straight line down to `end` times the rate; first of a day's phases.

    The rate it scales is the one that the optimiser was built with. Moves no parameter.

    Attributes:
        optim: names of optimisers in `brain.optim`.
        start: fraction of the task's lessons after which rates begin to fall.
        end: what they fall to, as a fraction.
    """

    name = "anneal"
    changes = ()
    returns = ()

    optim: tuple[str, ...]
    start: float = 0.5
    end: float = 0.02

    def __post_init__(self) -> None:
        if not 0 <= self.start < 1 or not 0 <= self.end <= 1:
            raise ValueError(f"{self}: expected 0 <= start < 1 and 0 <= end <= 1")

    def __call__(self, brain: Brain, batch: Batch, rng: torch.Generator) -> dict[str, Tensor]:
        """Set the rates of this hour."""
        past = max(0.0, brain.hour - self.start) / (1 - self.start)
        for name in self.optim:
            for group in brain.optimiser(name).param_groups:
                group["lr"] = group.setdefault("initial_lr", group["lr"]) * (1 - past * (1 - self.end))
        return {}
