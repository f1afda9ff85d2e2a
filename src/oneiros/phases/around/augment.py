"""Seeing things anew: a day in which every image is met as a random view of it (Barry & Love 2022, Methods).

Equation: `oneiros.equations.augment`. Test: `tests/equations/test_augment.py` and `tests/phases/test_augment.py`.
"""

from dataclasses import dataclass, replace

import torch
from torch import Tensor

from oneiros.core import Batch, Brain, DayPhase
from oneiros.equations.augment import random_views


@dataclass(frozen=True, kw_only=True)
class Augment:
    """Calls `inner`, in order, on one and the same random view of each image of the batch.

    Attributes:
        inner: day phases, such as one that remembers and one that learns.
        degrees: largest rotation either way (Barry & Love: 20).
        shift: largest shift, as a fraction of the height and the width (Barry & Love: .2).
        zoom: largest zoom, in and out, independent per axis (Barry & Love: .2).
    """

    name = "augment"

    inner: tuple[DayPhase, ...]
    degrees: float = 20.0
    shift: float = 0.2
    zoom: float = 0.2

    def __post_init__(self) -> None:
        if not self.inner or self.degrees < 0 or self.shift < 0 or not 0 <= self.zoom < 1:
            raise ValueError(f"{self}: expected an inner phase, degrees and shift >= 0 and zoom in [0, 1)")

    @property
    def changes(self) -> tuple[str, ...]:
        """What the inner phases change."""
        return tuple(prefix for phase in self.inner for prefix in phase.changes)

    @property
    def returns(self) -> tuple[str, ...]:
        """What the inner phases return."""
        return tuple(key for phase in self.inner for key in phase.returns)

    def __call__(self, brain: Brain, batch: Batch, rng: torch.Generator) -> dict[str, Tensor]:
        """Live through one batch of views."""
        views = random_views(batch.x, degrees=self.degrees, shift=self.shift, zoom=self.zoom, rng=rng)
        seen, answer = replace(batch, x=views), {}
        for phase in self.inner:
            answer |= phase(brain, seen, rng)
        return answer
