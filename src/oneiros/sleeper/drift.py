"""An exact head over a layer that goes on learning: what is kept of the past is moved along. See `DriftCompensated`."""

import copy
from collections import OrderedDict
from dataclasses import dataclass, field
from typing import ClassVar, Literal

from torch import nn

from oneiros.core import Batch, Brain, Seeds
from oneiros.memory.moments import Moments
from oneiros.memory.waiting import SeenToday, Waiting
from oneiros.nets.moving import MovingFeatures
from oneiros.phases.around.once_a_day import NewDay, OnceADay
from oneiros.phases.bookkeeping.remember import Remember
from oneiros.phases.night.compensate_drift import CompensateDrift
from oneiros.phases.night.exact_heads import Head, Lda
from oneiros.phases.night.exact_night import ExactNight
from oneiros.sleeper.exact import AtLayer, blank_head
from oneiros.sleeper.mechanism import Attachment, Needs


@dataclass(frozen=True, kw_only=True)
class DriftCompensated:
    """Exact nights over a layer that learns on: at night sums of the past move as today's examples have moved.

    Where features hardly help old classes once they have moved, a layer that rests (`ExactNights(features=AtLayer())`)
    or the default is better: docs/which-mechanism.md has both. Beside a mechanism that holds the features, such as
    `Combined((ElasticWeights(weight=10.0), DriftCompensated(layer="3")))`, they move less.

    Attributes:
        layer: name of a module whose output the head is solved on.
        by: "linear", "mean", or "nothing" (the control): how sums of the past are moved.
        penalty: of the linear map, relative to the features' mean variance.
        head: what is solved.
    """

    needs: ClassVar[Needs] = Needs(
        paper="Gomez-Villa et al. 2024, solved",
        net="any classifier with a layer of that name",
        inputs="any",
        keeps="counts, means and second moments of features, a copy of the network; today's examples until nightfall",
        raw=False,
        layer="one that gives a row for each input",
    )

    layer: str
    by: Literal["linear", "mean", "nothing"] = "linear"
    penalty: float = 1e-2
    head: Head = field(default_factory=Lda)

    def attach(self, net: nn.Module, like: Batch, classes: int, seeds: Seeds) -> tuple[Attachment, ...]:
        """The layer, now and at dawn, and a head beside the network."""
        features = MovingFeatures(net, self.layer)
        with seeds.building("head"):
            head = blank_head(nn.Linear(features(like.x[:1]).shape[1], classes))
        brain = Brain(
            net=nn.Sequential(OrderedDict(features=features, head=head.to(like.x.device))),
            memory={"moments": Moments(), "waiting": Waiting(), "seen": SeenToday()},
        )

        def answer(asked: int) -> nn.Module:
            below = AtLayer(self.layer, freeze=False).build(copy.deepcopy(net), like.x, seeds)
            return nn.Sequential(OrderedDict(features=below, head=copy.deepcopy(head)))

        night = (CompensateDrift(by=self.by, penalty=self.penalty), ExactNight(head=self.head), NewDay())
        day = (OnceADay(inner=Remember(memory="waiting")),)
        return (Attachment(brain=brain, day=day, night=night, answer=answer),)
