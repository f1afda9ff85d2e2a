"""Wake by backpropagation: one optimiser step on the cross-entropy of a batch.

Test: `tests/phases/test_scholar_phases.py`.
"""

from collections.abc import Callable
from dataclasses import dataclass

import torch
from jaxtyping import Float, Int64
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
        return learn_batch(brain, batch, self.optim, surprise)


def surprise(scores: Float[Tensor, "n classes"], labels: Int64[Tensor, " n"]) -> Float[Tensor, " n"]:
    """Cross-entropy of each example.

    >>> surprise(torch.zeros(1, 2), torch.tensor([0]))  # log 2
    tensor([0.6931])
    """
    return cross_entropy(scores, labels, reduction="none")


def learn_batch(
    brain: Brain, batch: Batch, optim: str, loss_of_each: Callable[[Tensor, Tensor], Tensor]
) -> dict[str, Tensor]:
    """One step of the optimiser `optim` on the mean of `loss_of_each(scores, labels)`, weighted as the batch says."""
    loss = batch.mean(loss_of_each(brain.net(batch.x), batch.targets()))
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
