"""Category replay at one layer of anybody's network (Barry & Love 2022)."""

from dataclasses import dataclass
from functools import partial
from typing import ClassVar

import torch
from torch import nn

from oneiros.core import Batch, Brain, Seeds
from oneiros.memory.class_activations import ClassActivations
from oneiros.memory.exemplars import Exemplars
from oneiros.nets.cut import cut, names_above
from oneiros.phases.bookkeeping.encode import EncodeBeside, FreezeBelow
from oneiros.phases.bookkeeping.remember import Remember
from oneiros.phases.night.category_replay import CategoryReplay
from oneiros.phases.night.dreams import Dreams, Imagined
from oneiros.sleeper import checks
from oneiros.sleeper.audit import of_layer
from oneiros.sleeper.mechanism import Attachment, Needs


@dataclass(frozen=True, kw_only=True)
class LayerReplay:
    """At night the layers above `layer` learn from activations of every class, imagined from what each is like.

    By day a sample of today's inputs is kept; at nightfall it turns into the activations that it causes at `layer`,
    and is forgotten. After the first night the layers below rest for good, so that activations of old keep their
    meaning: this suits a pretrained network, or a first task that is rich enough.

    Attributes:
        layer: name of a module; every path through the network must pass it once.
        per_class: inputs sampled of each class, and activations kept.
        dreams: `Imagined()`, new activations from the Gaussian of each class, or `Veridical()`, those that are kept.
        replayed: activations of each class in a night.
        batch_size: to a step.
        lr: of the night's Adam.
    """

    needs: ClassVar[Needs] = Needs(
        paper="Barry & Love 2022",
        net="feed-forward, traceable by torch.fx, without torch's own dropout",
        inputs="any",
        keeps="activations of each class at `layer`; today's sample until nightfall",
        raw=False,
        layer="one module",
    )

    layer: str
    per_class: int = 200
    dreams: Dreams = Imagined()
    replayed: int = 1000
    batch_size: int = 50
    lr: float = 1e-3

    def __post_init__(self) -> None:
        if min(self.per_class, self.replayed, self.batch_size) < 1 or self.lr <= 0:
            raise ValueError(f"{self}: expected per_class, replayed and batch_size of at least 1 and lr > 0")

    def attach(self, net: nn.Module, like: Batch, classes: int, seeds: Seeds) -> tuple[Attachment, ...]:
        """Cut the network at the layer."""
        night = (EncodeBeside(location=self.layer), FreezeBelow(location=self.layer), self.replay(net))
        judges = {"activations": partial(of_layer, net, self.layer)}
        return (Attachment(brain=self.brain(net), day=(Remember(memory="today"),), night=night, judges=judges),)

    def replay(self, net: nn.Module) -> CategoryReplay:
        """The night phase that learns from activations at the layer.

        Raises:
            KeyError, ValueError: there is no such layer, or the network cannot be cut at it.
        """
        checks.as_one_tensor(net, "LayerReplay", dreams=False)
        if any(each.dtype == torch.float64 for each in net.parameters()):
            raise TypeError("LayerReplay keeps and replays activations in single precision: net.float()")
        checks.known(self.layer, dict(net.named_modules()), what="module", where=net)
        replay = CategoryReplay(
            location=self.layer, above=names_above(net, self.layer), dreams=self.dreams, per_class=self.replayed,
            batch_size=self.batch_size, optim="night",
        )  # fmt: skip
        dropped = [type(m).__name__ for m in cut(net, self.layer).above.modules() if isinstance(m, nn.Dropout) and m.p]
        if dropped:
            raise TypeError(
                f"there is {dropped[0]} above {self.layer!r}, which would draw from torch's global generator at night: "
                "oneiros.nets.lend_dropout(net) before the Sleeper is made puts one in its place that does not"
            )
        if not replay.above:
            raise ValueError(f"there are no parameters above {self.layer!r}, so a night could teach nothing")
        return replay

    def brain(self, net: nn.Module) -> Brain:
        """The network, what is kept beside it, and the night's optimiser."""
        return Brain(
            net=net,
            memory={"today": Exemplars(self.per_class), "activations": ClassActivations()},
            optim={"night": torch.optim.Adam(net.parameters(), lr=self.lr)},
        )
