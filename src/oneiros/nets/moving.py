"""A layer of a network that goes on learning, now and as it was at dawn. Test: `tests/sleeper/test_drift.py`."""

import copy

import torch
from torch import Tensor, nn

from oneiros.nets.features import features_at


class MovingFeatures(nn.Module):
    """Features at a layer of a network that learns, and of a copy from the last dawn, which does not.

    Args:
        net: the network; it is not copied but for its past.
        layer: name of a module of it that gives one tensor with a row for each input.
    """

    def __init__(self, net: nn.Module, layer: str) -> None:
        super().__init__()
        self.net, self.layer = net, layer
        self.dawn = copy.deepcopy(net).eval().requires_grad_(False)

    def forward(self, x: Tensor) -> Tensor:
        """Inputs `[n, ...]` to features `[n, d]`, as they are now."""
        return features_at(self.net, self.layer, x).flatten(1)

    def before(self, x: Tensor) -> Tensor:
        """The same as they were at dawn."""
        return features_at(self.dawn, self.layer, x).flatten(1)

    def rise(self) -> None:
        """A new dawn: the copy becomes what the network is now."""
        with torch.no_grad():
            self.dawn.load_state_dict(self.net.state_dict())
