"""The solver's day in deep generative replay (Shin et al. 2017, Eq. 1).

Equation: `oneiros.equations.scholar.scholar_loss`. Test: `tests/phases/test_scholar_phases.py`.
"""

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

from oneiros.core import Batch, Brain, LossTerm
from oneiros.equations.scholar import Ratio, scholar_loss
from oneiros.phases.losses import Replayed, SoftTargets, mean_cross_entropy, total
from oneiros.phases.wake.backprop_wake import descend


@dataclass(frozen=True, kw_only=True)
class ScholarWake:
    """One step on today's lessons and on what the memory replays, weighted as in Eq. 1.

    While the memory is empty, and that is the first task, the second term is absent. On a batch without rows (a day
    on which nothing new happens) the first one is, and the replay counts alone.

    Needs a classifier, labels, and a memory whose replays carry answers.

    Attributes:
        ratio: r, the share of the real examples in the loss: a number, "1/i" for task i, or a function of
            `brain.age` = i - 1. The paper does not say which it used ("the desired importance of a task").
        replayed: replayed examples a step.
        targets: what the replayed examples teach; called on (scores, replayed batch).
        memory: name of the memory to recall from.
        beside: terms that are added to Eq. 1, such as `ElasticPenalty`.
        optim: name of the optimiser in `brain.optim`; it steps the parameters it holds.
        changes: prefixes of those parameters' names.
    """

    name = "scholar-wake"
    returns = ("loss",)

    ratio: Ratio = "1/i"
    replayed: int = 128
    targets: Callable[[Tensor, Batch], Tensor] = SoftTargets()
    memory: str = "scholar"
    beside: tuple[LossTerm, ...] = ()
    optim: str = "solver"
    changes: tuple[str, ...] = ("solver.",)

    def __post_init__(self) -> None:
        if self.replayed < 1:
            raise ValueError(f"ScholarWake.replayed is {self.replayed}; expected at least 1 (or BackpropWake for none)")

    def __call__(self, brain: Brain, batch: Batch, rng: torch.Generator) -> dict[str, Tensor]:
        """Learn one batch, and what is replayed beside it."""
        loss = self.loss(brain, batch, rng)
        descend(brain.optimiser(self.optim), loss)
        return {"loss": loss.detach()}

    def loss(self, brain: Brain, batch: Batch, rng: torch.Generator) -> Tensor:
        """Eq. 1 for this batch and the terms beside it, for whoever takes the step himself."""
        lesson = self._eq_1(brain, batch, rng)
        return lesson + total(self.beside, brain, batch, rng) if self.beside else lesson

    def _eq_1(self, brain: Brain, batch: Batch, rng: torch.Generator) -> Tensor:
        replay = Replayed(memory=self.memory, n=self.replayed, ratio=self.ratio, targets=self.targets)
        asked = replay.ask(brain, rng)
        if asked is None:
            return mean_cross_entropy(brain.net(batch.x), batch)
        # One pass over both: layers are shared, and half as many small products are slower than one.
        scores = brain.net(torch.cat([batch.x, asked.x.to(batch.x.dtype)]))
        past = replay.judge(scores[len(batch) :], asked)
        today = mean_cross_entropy(scores[: len(batch)], batch) if len(batch) else past
        return scholar_loss(today, past, r=replay.r(brain))
