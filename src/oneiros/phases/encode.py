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
from oneiros.nets.modes import resting
from oneiros.nets.split import split


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
        today, activations = brain.remembers(self.images), brain.remembers(self.into)
        if not isinstance(today, Images) or not isinstance(activations, ClassActivations):
            found = f"{type(today).__name__} and {type(activations).__name__}"
            raise TypeError(f"Encode needs memories Images and ClassActivations, got {found}")
        if not len(today):
            return {}
        activations.forget()
        below = split(brain.net, self.location).below
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
    """

    name = "encode-beside"
    changes = ()
    returns = ()

    location: str
    sample: str = "today"
    into: str = "activations"

    def __call__(self, brain: Brain, rng: torch.Generator) -> dict[str, Tensor]:
        """Encode the sample of the day."""
        sample, activations = brain.remembers(self.sample), brain.remembers(self.into)
        if not isinstance(sample, Exemplars) or not isinstance(activations, ClassActivations):
            found = f"{type(sample).__name__} and {type(activations).__name__}"
            raise TypeError(f"EncodeBeside needs memories Exemplars and ClassActivations, got {found}")
        below = split(brain.net, self.location).below
        with resting(brain.net):
            for label, inputs in sample.take_today().items():
                activations.replace(label, below(inputs))
        return {}


@dataclass(frozen=True, kw_only=True)
class RestBelow:
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
        below = split(brain.net, self.location).below
        for parameter in below.parameters():
            parameter.requires_grad_(False)
        for module in below.modules():
            if isinstance(module, (nn.BatchNorm1d, nn.BatchNorm2d, nn.BatchNorm3d)):
                module.momentum = 0.0
        return {}
