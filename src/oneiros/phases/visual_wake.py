"""Wake of a deep network: one optimiser step on the cross-entropy of a batch of images (Barry & Love 2022, Methods).

Test: `tests/phases/test_visual_wake.py`.
"""

from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn.functional import cross_entropy

from oneiros.core import Batch, Brain
from oneiros.nets.modes import learning


@dataclass(frozen=True, kw_only=True)
class VisualWake:
    """Backpropagation through the whole network, dropout included; everything is trained.

    Attributes:
        changes: prefixes of the parameters that the optimiser holds.
        optim: name of the optimiser in `brain.optim`; its moments go on from night to day.
    """

    name = "visual-wake"
    returns = ("loss",)

    changes: tuple[str, ...] = ("features.", "classifier.")
    optim: str = "wake"

    def __call__(self, brain: Brain, batch: Batch, rng: torch.Generator) -> dict[str, Tensor]:
        """Learn one batch."""
        optimiser = brain.optimiser(self.optim)
        optimiser.zero_grad(set_to_none=True)
        with learning(brain.net, rng):
            loss = batch.mean(cross_entropy(brain.net(batch.x), batch.targets(), reduction="none"))
        loss.backward()
        optimiser.step()
        return {"loss": loss.detach()}
