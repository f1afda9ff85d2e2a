"""Rehearsal: a few raw examples of every class, learned again beside today's (Kubo et al. 2025, 2.0.4)."""

from dataclasses import dataclass
from typing import ClassVar

from torch import nn

from oneiros.core import Batch, Brain, Seeds
from oneiros.equations.scholar import Ratio
from oneiros.memory.exemplars import Exemplars
from oneiros.phases.bookkeeping.remember import Remember, SealExemplars
from oneiros.phases.losses import HardTargets, Replayed
from oneiros.sleeper.mechanism import Attachment, Needs


@dataclass(frozen=True, kw_only=True)
class Rehearsal:
    """Keeps `per_class` raw examples of each class and mixes them into every lesson of later days.

    Attributes:
        per_class: examples kept.
        replayed: of them in each step.
        ratio: r, the share of today in the loss: "1/i" (all days count alike), a number, or a function of age.
    """

    needs: ClassVar[Needs] = Needs(
        paper="Kubo et al. 2025", net="any classifier", inputs="any", keeps="raw examples of each class", raw=True
    )

    per_class: int = 100
    replayed: int = 64
    ratio: Ratio = "1/i"

    def attach(self, net: nn.Module, like: Batch, classes: int, seeds: Seeds) -> tuple[Attachment, ...]:
        """A sample of the stream."""
        replay = Replayed(memory="exemplars", n=self.replayed, ratio=self.ratio, targets=HardTargets())
        brain = Brain(net=net, memory={"exemplars": Exemplars(self.per_class, compact=True)})
        day, night = (Remember(memory="exemplars"),), (SealExemplars(),)
        return (Attachment(brain=brain, replays=(replay,), day=day, night=night, grows=True),)
