"""Falling asleep: the day's images turn into the activations that they cause now, and are forgotten.

Barry & Love 2022, Methods, "Replay": activations "induced by the training images from the preceding epoch". Test:
`tests/phases/test_category_replay.py`.
"""

from dataclasses import dataclass

import torch
from torch import Tensor

from oneiros.core import Batch, Brain
from oneiros.memory.class_activations import ClassActivations
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
