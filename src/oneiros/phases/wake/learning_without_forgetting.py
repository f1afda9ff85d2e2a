"""Learning without Forgetting (Li & Hoiem 2016), and with dreams in place of today's inputs (Shin et al. 2017, Fig. 5).

Equation: `oneiros.equations.scholar.soft_target_loss`. Test: `tests/phases/test_scholar_phases.py`.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace

import torch
from torch import Tensor

from oneiros.core import Batch, Brain
from oneiros.equations.scholar import soft_target_loss
from oneiros.memory.frozen_scholar import FrozenScholar
from oneiros.nets.layers import MultiHead
from oneiros.phases.losses import mean_cross_entropy
from oneiros.phases.wake.backprop_wake import descend


@dataclass(frozen=True)
class TodaysInputs:
    """LwF itself: the old network's answers to today's inputs stand for the past."""

    def __call__(self, teacher: FrozenScholar, batch: Batch, rng: torch.Generator) -> Batch:
        """Today's inputs with the teacher's scores."""
        return Batch(x=batch.x, soft=teacher.answer(batch.x), weight=batch.weight)


@dataclass(frozen=True)
class DreamtInputs:
    """LwF-GR: its answers to `n` dreams of the past."""

    n: int = 64

    def __call__(self, teacher: FrozenScholar, batch: Batch, rng: torch.Generator) -> Batch:
        """Dreams with the teacher's scores."""
        return teacher.recall(self.n, rng)


@dataclass(frozen=True, kw_only=True)
class LearnWithoutForgetting:
    """Today's head learns today's labels; the other heads keep giving the old network's answers.

    While the day is young only today's head moves ("warming up the new network head"), then everything does.
    Labels count over all heads' scores, side by side. Needs a Scholar whose solver is a MultiHead.

    Attributes:
        inputs: on what the old answers are asked for, `TodaysInputs()` or `DreamtInputs()`.
        warm_up: fraction of the day for the new head alone; the first task has none.
        temperature: of the old answers (Li & Hoiem: 2).
        keep: weight of the old heads' loss (Li & Hoiem's lambda_o: 1).
        memory: name of the memory that holds the old network.
        trunk, heads: names of the optimisers.
    """

    name = "learn-without-forgetting"
    changes = ("solver.",)
    returns = ("loss",)

    inputs: Callable[[FrozenScholar, Batch, torch.Generator], Batch]
    warm_up: float = 0.25
    temperature: float = 2.0
    keep: float = 1.0
    memory: str = "scholar"
    trunk: str = "trunk"
    heads: str = "heads"

    def __call__(self, brain: Brain, batch: Batch, rng: torch.Generator) -> dict[str, Tensor]:
        """Learn one batch."""
        net, teacher = brain.network(MultiHead, part="solver"), brain.remembers(self.memory, FrozenScholar)
        today = net.columns[brain.age]
        new = mean_cross_entropy(net(batch.x)[:, list(today)], replace(batch, y=batch.targets() - today[0]))
        if len(teacher) and brain.hour < self.warm_up:
            descend(brain.optimiser(self.heads), new)
            return {"loss": new.detach()}
        loss = new + self.keep * self._kept(net, teacher, batch, rng, brain.age) if len(teacher) else new
        descend(brain.optimiser(self.heads), loss, brain.optimiser(self.trunk))
        return {"loss": loss.detach()}

    def _kept(
        self, net: MultiHead, teacher: FrozenScholar, batch: Batch, rng: torch.Generator, age: int
    ) -> Tensor:  # fmt: skip
        asked = self.inputs(teacher, batch, rng)
        scores = net(asked.x)
        if asked.soft is None:
            raise ValueError("LearnWithoutForgetting: its inputs must come with the old network's scores")
        old = [list(columns) for columns in net.columns[:age]]
        soft = asked.soft
        losses = [asked.mean(soft_target_loss(scores[:, c], soft[:, c], temperature=self.temperature)) for c in old]
        return torch.stack(losses).sum()
