"""The solver's day in deep generative replay (Shin et al. 2017, Eq. 1).

Equation: `oneiros.equations.scholar.scholar_loss`. Test: `tests/phases/test_scholar_phases.py`.
"""

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn.functional import cross_entropy

from oneiros.core import Batch, Brain, Replayable
from oneiros.equations.scholar import Ratio, scholar_loss, share_of_new, soft_target_loss
from oneiros.phases.wake.backprop_wake import descend


@dataclass(frozen=True)
class HardTargets:
    """The old solver's decision is the label; best where the generator is poor (its doubts are about bad dreams)."""

    def __call__(self, scores: Tensor, replayed: Batch) -> Tensor:
        """Cross-entropy of each replayed example, `[n]`."""
        return cross_entropy(scores, replayed.targets(), reduction="none")


@dataclass(frozen=True)
class SoftTargets:
    """The old solver's probabilities are the target, softened by `temperature` (Hinton et al. 2015)."""

    temperature: float = 2.0

    def __post_init__(self) -> None:
        if self.temperature <= 0:
            raise ValueError(f"SoftTargets.temperature is {self.temperature}; expected more than 0")

    def __call__(self, scores: Tensor, replayed: Batch) -> Tensor:
        """Distillation loss of each replayed example, `[n]`."""
        if replayed.soft is None:
            raise ValueError(
                "SoftTargets needs a memory that recalls scores (FrozenScholar, PastLessons); use HardTargets"
            )
        return soft_target_loss(scores, replayed.soft, temperature=self.temperature)


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
        optim: name of the optimiser in `brain.optim`; it steps the parameters it holds.
        changes: prefixes of those parameters' names.
    """

    name = "scholar-wake"
    returns = ("loss",)

    ratio: Ratio = "1/i"
    replayed: int = 128
    targets: Callable[[Tensor, Batch], Tensor] = SoftTargets()
    memory: str = "scholar"
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
        """Eq. 1 for this batch, for whoever takes the step himself."""
        memory = brain.remembers(self.memory, Replayable)
        if not len(memory):
            return cross_entropy(brain.net(batch.x), batch.targets())
        replayed = memory.recall(self.replayed, rng)
        # One pass over both: layers are shared, and half as many small products are slower than one.
        scores = brain.net(torch.cat([batch.x, replayed.x.to(batch.x.dtype)]))
        past = self.targets(scores[len(batch) :], replayed).mean()
        r = share_of_new(self.ratio, brain.age)
        today = cross_entropy(scores[: len(batch)], batch.targets()) if len(batch) else past
        return scholar_loss(today, past, r=r)
