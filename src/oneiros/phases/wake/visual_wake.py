"""Wake of a deep network: one optimiser step on the cross-entropy of a batch of images (Barry & Love 2022, Methods).

Test: `tests/phases/test_visual_wake.py`.
"""

from dataclasses import dataclass

import torch
from torch import Tensor

from oneiros.core import Batch, Brain, LossTerm
from oneiros.nets.modes import learning
from oneiros.phases.losses import CrossEntropy
from oneiros.phases.wake.backprop_wake import learn_batch


@dataclass(frozen=True, kw_only=True)
class VisualWake:
    """Backpropagation through the whole network, dropout included; everything is trained.

    Attributes:
        changes: prefixes of the parameters that the optimiser holds.
        optim: name of the optimiser in `brain.optim`; its moments go on from night to day.
        losses: terms that add up.
    """

    name = "visual-wake"
    returns = ("loss",)

    changes: tuple[str, ...] = ("features.", "classifier.")
    optim: str = "wake"
    losses: tuple[LossTerm, ...] = (CrossEntropy(),)

    def __call__(self, brain: Brain, batch: Batch, rng: torch.Generator) -> dict[str, Tensor]:
        """Learn one batch."""
        with learning(brain.net, rng):
            return learn_batch(brain, batch, rng, self.losses, self.optim)
