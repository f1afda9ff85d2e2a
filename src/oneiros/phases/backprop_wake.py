"""Wake by backpropagation: one optimiser step on the cross-entropy of a batch.

Test: `tests/phases/test_scholar_phases.py`.
"""

from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn.functional import cross_entropy

from oneiros.core import Batch, Brain


@dataclass(frozen=True, kw_only=True)
class BackpropWake:
    """Cross-entropy between the net's scores and the labels, each example counting by the batch's weight.

    Needs a classifier and labels.

    Attributes:
        optim: name of the optimiser in `brain.optim`; it steps the parameters it holds.
        changes: prefixes of those parameters' names.
    """

    name = "backprop-wake"
    returns = ("loss",)

    optim: str = "wake"
    changes: tuple[str, ...] = ("",)

    def __call__(self, brain: Brain, batch: Batch, rng: torch.Generator) -> dict[str, Tensor]:
        """Learn one batch."""
        loss = batch.mean(cross_entropy(brain.net(batch.x), batch.targets(), reduction="none"))
        descend(brain.optimiser(self.optim), loss)
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
