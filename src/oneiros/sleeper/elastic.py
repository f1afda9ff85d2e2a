"""Elastic weight consolidation: weights that mattered are held (Kirkpatrick et al. 2017; Schwarz et al. 2018)."""

from dataclasses import dataclass
from typing import ClassVar

from torch import nn

from oneiros.core import Batch, Brain, Seeds
from oneiros.memory.anchor import Anchor
from oneiros.memory.exemplars import Exemplars
from oneiros.phases.bookkeeping.anchor_weights import AnchorWeights
from oneiros.phases.bookkeeping.remember import Remember
from oneiros.phases.losses import ElasticPenalty
from oneiros.sleeper.mechanism import Attachment, Needs


@dataclass(frozen=True, kw_only=True)
class ElasticWeights:
    """Each weight is held to where it was at dusk, as firmly as it mattered for the answers of the days before.

    Nothing is replayed, so classes of different days are never told apart by it alone: combine it with a mechanism that
    replays, as in `Combined((GenerativeReplay(), ElasticWeights(weight=100.0)))`.

    Attributes:
        weight: lambda, how firmly; choose it on validation data.
        decay: what is left of earlier importances a night (gamma of the online form).
        per_class: of today's examples of each class, those that importance is estimated from; forgotten at night.
    """

    needs: ClassVar[Needs] = Needs(
        paper="Kirkpatrick et al. 2017",
        net="any classifier whose rows do not depend on one another in evaluation mode",
        inputs="any",
        keeps="the weights and the importance of each; today's sample until nightfall",
        raw=False,
    )

    weight: float
    decay: float = 1.0
    per_class: int = 100

    def attach(self, net: nn.Module, like: Batch, classes: int, seeds: Seeds) -> tuple[Attachment, ...]:
        """A sample of today and an anchor."""
        brain = Brain(net=net, memory={"today": Exemplars(self.per_class), "anchor": Anchor()})
        return (
            Attachment(
                brain=brain, losses=(ElasticPenalty(weight=self.weight),), day=(Remember(memory="today"),),
                night=(AnchorWeights(decay=self.decay),),
            ),
        )  # fmt: skip
