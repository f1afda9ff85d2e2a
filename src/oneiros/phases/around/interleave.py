"""What a new generator learns from: today and the previous scholar's dreams (Shin et al. 2017, figure 1b).

Equation: `oneiros.equations.scholar.mixture_weights`. Test: `tests/phases/test_scholar_phases.py`.
"""

from dataclasses import dataclass, replace

import torch
from torch import Tensor

from oneiros.core import Around, Batch, Brain, DayPhase, Replayable, concatenate
from oneiros.equations.scholar import Ratio, mixture_weights, share_of_new


@dataclass(frozen=True, kw_only=True)
class Interleave(Around):
    """Calls `inner` on the wake batch and replayed examples in one batch, whose weights make its mean Eq. 1.

    `inner` must count examples by the batch's `weight` (BackpropWake, LearnVAE and LearnWGAN do); one that cannot
    refuses. For mixing by number, where an inner phase knows no weights, see `Rehearse`.

    Attributes:
        inner: the wake phase.
        ratio: r, the share of the real examples: a number, "1/i" for task i, or a function of `brain.age` = i - 1.
        replayed: replayed examples a batch; while the memory is empty, `inner` runs alone.
        memory: name of the memory to recall from.
    """

    inner: DayPhase
    ratio: Ratio = "1/i"
    replayed: int = 64
    memory: str = "scholar"

    def __post_init__(self) -> None:
        if self.replayed < 1:
            raise ValueError(f"Interleave.replayed is {self.replayed}; expected at least 1")

    def __call__(self, brain: Brain, batch: Batch, rng: torch.Generator) -> dict[str, Tensor]:
        """Live one batch, with what is replayed beside it."""
        memory = brain.remembers(self.memory, Replayable)
        if len(memory):
            past = memory.recall(self.replayed, rng)
            weight = mixture_weights(len(batch), len(past), r=share_of_new(self.ratio, brain.age))
            # What `inner` learns from; a lesson without labels asks for none of the past.
            fields = ("x",) if batch.y is None else ("x", "y")
            weight = weight.to(batch.x.device)
            if batch.weight is not None:
                weight[: len(batch)] = batch.weight * weight[: len(batch)].sum()
            batch = replace(concatenate([batch, past], only=fields), weight=weight)
        return self.inner(brain, batch, rng)
