"""Wake by backpropagation: one optimiser step on a sum of losses.

Test: `tests/phases/test_scholar_phases.py`.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from oneiros.core import Batch, Brain, LossTerm
from oneiros.phases.losses import CrossEntropy, total


@dataclass(frozen=True, kw_only=True)
class BackpropWake:
    """One step down the sum of `losses`: by itself, the cross-entropy between the net's scores and the labels.

    Attributes:
        losses: terms that add up, such as `(CrossEntropy(), ElasticPenalty(weight=100.0))`.
        optim: name of the optimiser in `brain.optim`; it steps the parameters it holds.
        changes: prefixes of those parameters' names.
    """

    name = "backprop-wake"
    returns = ("loss",)

    losses: tuple[LossTerm, ...] = (CrossEntropy(),)
    optim: str = "wake"
    changes: tuple[str, ...] = ("",)

    def __call__(self, brain: Brain, batch: Batch, rng: torch.Generator) -> dict[str, Tensor]:
        """Learn one batch."""
        return learn_batch(brain, batch, rng, self.losses, self.optim)


def learn_batch(
    brain: Brain, batch: Batch, rng: torch.Generator, losses: Sequence[LossTerm], optim: str
) -> dict[str, Tensor]:
    """One step of the optimiser `optim` down the sum of `losses`."""
    loss = total(losses, brain, batch, rng)
    descend(brain.optimiser(optim), loss)
    return {"loss": loss.detach()}


def descend(optimiser: torch.optim.Optimizer, loss: Tensor, *others: torch.optim.Optimizer) -> None:
    """One step down the gradient of `loss`, of these optimisers' parameters and no others; leaves no gradients."""
    optimisers = (optimiser, *others)
    groups = [group for each in optimisers for group in each.param_groups]
    parameters = [p for group in groups for p in group["params"] if p.requires_grad]
    gradients = torch.autograd.grad(loss, parameters, allow_unused=True)
    for parameter, gradient in zip(parameters, gradients, strict=True):
        parameter.grad = gradient
    for each in optimisers:
        each.step()
    for parameter in parameters:
        parameter.grad = None
