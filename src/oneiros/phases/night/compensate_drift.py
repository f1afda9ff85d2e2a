"""The night of features that moved: sums of the past are taken along, then today's are added.

After Gomez-Villa et al. 2024 (a learned map) and Yu et al. 2020 (a mean shift), solved. Equations:
`oneiros.equations.drift`. Test: `tests/sleeper/test_drift.py`.
"""

from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor

from oneiros.core import Batch, Brain
from oneiros.equations.drift import Drift, linear_drift, mean_drift
from oneiros.memory.moments import Moments
from oneiros.memory.waiting import Waiting
from oneiros.nets.moving import MovingFeatures

ROWS = 256  # through the network at once


@dataclass(frozen=True, kw_only=True)
class CompensateDrift:
    """Sees today's examples through the network of dawn and of dusk, moves the sums of the past as these have moved.

    Then today's examples are added as they are seen now, and forgotten, and dusk's network is the next dawn's.

    Attributes:
        by: "linear", a map of all features; "mean", the same shift for all; "nothing", the control.
        penalty: of the linear map, relative to the features' mean variance.
        features: name of the `MovingFeatures`, a module of the brain's network.
        memory: name of the `Moments`.
        today: name of the `Waiting` that holds today's examples.
    """

    name = "compensate-drift"
    returns = ("drift", "explained")  # mean squared move in variances of the features, and the share that is foretold

    by: Literal["linear", "mean", "nothing"] = "linear"
    penalty: float = 1e-2
    features: str = "features"
    memory: str = "moments"
    today: str = "waiting"

    def __post_init__(self) -> None:
        if self.by not in ("linear", "mean", "nothing") or not self.penalty >= 0:
            raise ValueError(f"{self}: expected by 'linear', 'mean' or 'nothing', and a penalty of at least 0")

    @property
    def changes(self) -> tuple[str, ...]:
        """The copy of dawn."""
        return (f"{self.features}.dawn.",)

    def __call__(self, brain: Brain, rng: torch.Generator) -> dict[str, Tensor]:
        """Move the past along, add today."""
        features = brain.network(MovingFeatures, part=self.features)
        moments, today = brain.remembers(self.memory, Moments), brain.remembers(self.today, Waiting)
        told = {"drift": torch.tensor(0.0), "explained": torch.tensor(1.0)}
        if len(today):
            lessons = [part for lesson in today.released() for part in _parts(lesson)]
            new = torch.cat([features(each.x) for each in lessons])
            if len(moments) and len(new) > 1:
                told = self._take_along(moments, torch.cat([features.before(each.x) for each in lessons]), new)
            moments.store(Batch(x=new, y=torch.cat([each.targets() for each in lessons])), rng)
            moments.added()
        features.rise()
        return told

    def _take_along(self, moments: Moments, old: Tensor, new: Tensor) -> dict[str, Tensor]:
        drift: Drift = linear_drift(old, new, self.penalty) if self.by == "linear" else mean_drift(old, new)
        if self.by != "nothing":
            moments.move(drift)
        moved, spread = (new - old).double().square().mean(), old.double().var(0).mean().clamp(min=1e-12)
        left = drift.unexplained.diagonal().mean() if self.by != "nothing" else moved
        share = 1 - left / moved if moved > 0 else torch.ones_like(moved)
        return {"drift": (moved / spread).float(), "explained": share.float()}


def _parts(lesson: Batch) -> list[Batch]:
    rows = zip(lesson.x.split(ROWS), lesson.targets().split(ROWS), strict=True)
    return [Batch(x=x, y=y) for x, y in rows]
