"""Falling asleep: the day's images turn into the activations that they cause now, and are forgotten.

Barry & Love 2022, Methods, "Replay": activations "induced by the training images from the preceding epoch". Test:
`tests/phases/test_category_replay.py`.
"""

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from oneiros.core import Batch, Brain
from oneiros.memory.class_activations import ClassActivations
from oneiros.memory.exemplars import Exemplars
from oneiros.memory.images import Images
from oneiros.nets.cut import cut
from oneiros.nets.modes import resting


@dataclass(frozen=True, kw_only=True)
class Encode:
    """Passes `images` through the layers below `location` and keeps the activations by class. Moves no parameter.

    Activations of earlier days are replaced. After a day without images everything stays as it was.

    Attributes:
        location: name of a module of the network.
        images: name of the memory of the day's images.
        into: name of the memory of activations.
    """

    name = "encode"
    changes = ()
    returns = ()

    location: str
    images: str = "today"
    into: str = "activations"

    def __call__(self, brain: Brain, rng: torch.Generator) -> dict[str, Tensor]:
        """Encode the day."""
        today = brain.remembers(self.images, Images)
        activations = brain.remembers(self.into, ClassActivations)
        if not len(today):
            return {}
        activations.forget()
        below = cut(brain.net, self.location).below
        with resting(brain.net):
            for batch in today.batches():
                activations.store(Batch(x=below(batch.x), y=batch.y), rng)
        today.forget()
        return {}


@dataclass(frozen=True, kw_only=True)
class EncodeBeside:
    """The same for a life of many days: today's classes are kept beside those of earlier days. Moves no parameter.

    A class that today showed again is replaced. What was sampled of today's inputs is forgotten.

    Attributes:
        location: name of a module of the network.
        sample: name of the `Exemplars` memory that sampled today's inputs.
        into: name of the memory of activations.
        aside: inputs of each class whose activations go into the memory `held` instead, for `SelectedReplay` to be
            rewarded by; the others do not repeat them.
        held: name of that memory, another `ClassActivations`; not asked for where `aside` is 0.
    """

    name = "encode-beside"
    changes = ()
    returns = ()

    location: str
    sample: str = "today"
    into: str = "activations"
    aside: int = 0
    held: str = "held"

    def __call__(self, brain: Brain, rng: torch.Generator) -> dict[str, Tensor]:
        """Encode the sample of the day."""
        sample = brain.remembers(self.sample, Exemplars)
        activations = brain.remembers(self.into, ClassActivations)
        held = brain.remembers(self.held, ClassActivations) if self.aside else activations
        taken = sample.take_today()
        below = cut(brain.net, self.location).below
        with resting(brain.net):
            for label, inputs in taken.items():
                kept = inputs
                if self.aside:
                    held.replace(label, below(inputs[: self.aside]))
                    kept = _others(inputs, self.aside, label)
                activations.replace(label, below(kept))
        return {}


def _others(inputs: Tensor, aside: int, label: int) -> Tensor:
    """The inputs behind the first `aside` that repeat none of these: a day of many epochs offers each several times."""
    later = inputs[aside:]
    repeats = torch.zeros(len(later), dtype=torch.bool, device=later.device)
    for each in inputs[:aside]:
        repeats |= (later == each).flatten(1).all(1)
    if repeats.all():
        raise ValueError(
            f"of class {label} there were too few different examples to hold {aside} of them out and replay others: "
            "hold fewer out, or show more"
        )
    return later[~repeats]


@dataclass(frozen=True, kw_only=True)
class FreezeBelow:
    """The layers up to `location` learn no more, so that activations there keep their meaning. Moves no parameter.

    Batch normalisation there keeps the statistics that it has.

    Attributes:
        location: name of a module of the network.
    """

    name = "rest-below"
    changes = ()
    returns = ()

    location: str

    def __call__(self, brain: Brain, rng: torch.Generator) -> dict[str, Tensor]:
        """Ask for no gradient of them from now on."""
        below = cut(brain.net, self.location).below
        for parameter in below.parameters():
            parameter.requires_grad_(False)
        for module in below.modules():
            if isinstance(module, (nn.BatchNorm1d, nn.BatchNorm2d, nn.BatchNorm3d)):
                module.momentum = 0.0
        return {}
