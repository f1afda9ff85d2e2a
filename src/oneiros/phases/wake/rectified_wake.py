"""Wake of a network whose output is rectified, too (Tadros et al. 2022, code).

Test: `tests/phases/test_rectified_wake.py`.
"""

from dataclasses import dataclass

import torch
from jaxtyping import Float, Int64
from torch import Tensor
from torch.nn.functional import one_hot

from oneiros.core import Batch, Brain, LossTerm
from oneiros.nets.modes import learning
from oneiros.phases.wake.backprop_wake import learn_batch


def rectified_loss(scores: Float[Tensor, "n classes"], labels: Int64[Tensor, " n"]) -> Float[Tensor, " n"]:
    """Sum of relu(score)^2 / 2 - target score: its gradient is relu(score) - target, at every score.

    That is the error the code sends back. Half the squared error of relu(score), which it reports, has no gradient
    where a score is negative; there a class once silenced could not come back.

    >>> rectified_loss(torch.tensor([[2.0, -1.0]]), torch.tensor([1]))  # 4/2 - (-1)
    tensor([3.])
    """
    return (scores.relu().square() / 2 - one_hot(labels, scores.shape[1]) * scores).sum(1)


@dataclass(frozen=True)
class RectifiedLoss:
    """`rectified_loss` of a batch, each row counting by its weight."""

    def __call__(self, brain: Brain, batch: Batch, rng: torch.Generator) -> Tensor:
        """Mean over the batch."""
        return batch.mean(rectified_loss(brain.net(batch.x), batch.targets()))


@dataclass(frozen=True, kw_only=True)
class RectifiedWake:
    """Backpropagation of relu(score) - target, dropout included.

    Needs a classifier and labels.

    Attributes:
        losses: terms that add up.
        optim: name of the optimiser in `brain.optim`; it steps the parameters it holds.
        changes: prefixes of those parameters' names.
    """

    name = "rectified-wake"
    returns = ("loss",)

    losses: tuple[LossTerm, ...] = (RectifiedLoss(),)
    optim: str = "wake"
    changes: tuple[str, ...] = ("",)

    def __call__(self, brain: Brain, batch: Batch, rng: torch.Generator) -> dict[str, Tensor]:
        """Learn one batch."""
        with learning(brain.net, rng):
            return learn_batch(brain, batch, rng, self.losses, self.optim)
