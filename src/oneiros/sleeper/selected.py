"""Category replay whose classes are chosen by what replaying each is worth (Barry & Love 2022)."""

from dataclasses import dataclass
from functools import partial
from typing import ClassVar

from torch import nn
from torch.nn.modules.batchnorm import _BatchNorm

from oneiros.core import Batch, Seeds
from oneiros.memory.class_activations import ClassActivations
from oneiros.memory.selector import Selector
from oneiros.nets.cut import cut
from oneiros.phases.bookkeeping.encode import EncodeBeside, FreezeBelow
from oneiros.phases.bookkeeping.remember import Remember
from oneiros.phases.night.selected_replay import SelectedReplay
from oneiros.sleeper.audit import of_layer
from oneiros.sleeper.layer import LayerReplay
from oneiros.sleeper.mechanism import Attachment, Needs


@dataclass(frozen=True, kw_only=True)
class SelectedLayerReplay:
    """The nights of `replay`, as long, with each batch of one class that a selector chooses.

    The selector is rewarded by how much a batch improved the answers to examples that are not replayed: `rewarded` of
    each class's sample, kept as activations like the others. By day they are learned like all. Batches of one class
    want to be small and their steps too: 10 and 0.0003 kept most of an MLP's validation digits, against `LayerReplay`'s
    own 50 and 0.001. Batch normalisation above the layer is refused, since it would see one class at a time: ResNet-18
    on the small digits ended below chance.

    Attributes:
        replay: whose nights these are.
        rewarded: activations of each class that are held out of the nights.
        temperature: of the choice; below 1 it is sharper than a softmax of the expected rewards (authors' code: 0.3,
            for nights ten times as long; in shorter ones the first class that pays would be all that is replayed).
        lr: of the selector's Adam.
    """

    needs: ClassVar[Needs] = Needs(
        paper="Barry & Love 2022",
        net="as `LayerReplay`, without batch normalisation above `layer`",
        inputs="any; of each class more different ones than `rewarded`",
        keeps="as `LayerReplay`, and what replaying each class was worth",
        raw=False,
        layer="one module",
    )

    replay: LayerReplay
    rewarded: int = 20
    temperature: float = 3.0
    lr: float = 1e-3

    def __post_init__(self) -> None:
        if not 1 <= self.rewarded < self.replay.per_class:
            raise ValueError(
                f"SelectedLayerReplay.rewarded is {self.rewarded}; expected at least 1 and fewer than the "
                f"{self.replay.per_class} that LayerReplay(per_class=...) samples of each class"
            )

    def attach(self, net: nn.Module, like: Batch, classes: int, seeds: Seeds) -> tuple[Attachment, ...]:
        """Cut the network at the layer, and put the selector in charge of its nights."""
        inner, location = self.replay.replay(net), self.replay.layer
        normalising = [type(m).__name__ for m in cut(net, location).above.modules() if isinstance(m, _BatchNorm)]
        if normalising:
            raise ValueError(
                f"there is {normalising[0]} above {location!r}: a selector's batches are of one class each, whose "
                "statistics it would take for all. Replay from above it, or use LayerReplay, whose batches are mixed"
            )
        brain = self.replay.brain(net)
        brain.memory |= {
            "held": ClassActivations(),
            "selector": Selector(classes, temperature=self.temperature, lr=self.lr),
        }
        night = (
            EncodeBeside(location=location, aside=self.rewarded),
            FreezeBelow(location=location),
            SelectedReplay(inner=inner, classes=classes, held="held", optim=inner.optim),
        )
        judge = partial(of_layer, net, location)
        return (
            Attachment(
                brain=brain, day=(Remember(memory="today"),), night=night, judges={"activations": judge, "held": judge}
            ),
        )
