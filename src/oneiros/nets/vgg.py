"""VGG of any depth, width and input size (Simonyan & Zisserman 2014), as a model of the ventral stream.

Barry & Love 2022 replay from the max-pooling at the end of each block; here those places are called
`features.pool1`, `features.pool2`, ... and `oneiros.nets.cut` cuts the network at any of them.
"""

import re
from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from oneiros.nets.modes import Dropout

VGG16 = ((64, 64), (128, 128), (256, 256, 256), (512, 512, 512), (512, 512, 512))


@dataclass(frozen=True, kw_only=True)
class Architecture:
    """Shape of a VGG.

    Attributes:
        blocks: of each block, the number of channels of each of its 3 x 3 convolutions.
        head: units of each fully connected layer below the class scores (Barry & Love: 4096, 4096).
        size: height and width of an input in pixels.
        dropout: of each layer of the head (Barry & Love: .5).
        mean, std: of inputs in [0, 1], per channel, red first; inputs are normalised by them.
    """

    blocks: tuple[tuple[int, ...], ...] = VGG16
    head: tuple[int, ...] = (4096, 4096)
    size: int = 224
    dropout: float = 0.5
    mean: tuple[float, ...] = (0.485, 0.456, 0.406)
    std: tuple[float, ...] = (0.229, 0.224, 0.225)

    def __post_init__(self) -> None:
        if not self.blocks or not all(self.blocks):
            raise ValueError(f"Architecture.blocks is {self.blocks}; expected at least one block of at least one layer")
        if self.size < 2 ** len(self.blocks):
            raise ValueError(
                f"Architecture.size is {self.size}, but {len(self.blocks)} blocks halve it {len(self.blocks)} times; "
                f"expected at least {2 ** len(self.blocks)} pixels"
            )
        if len(self.mean) != len(self.std) or not self.mean:
            raise ValueError(
                f"Architecture has {len(self.mean)} means and {len(self.std)} stds; expected one a channel"
            )

    @property
    def features(self) -> int:
        """Activations of the last pooling layer."""
        return self.blocks[-1][-1] * (self.size >> len(self.blocks)) ** 2


class Normalise(nn.Module):
    """(x - mean) / std of each channel."""

    mean: Tensor
    std: Tensor

    def __init__(self, mean: tuple[float, ...], std: tuple[float, ...]) -> None:
        super().__init__()
        self.register_buffer("mean", torch.tensor(mean)[:, None, None])
        self.register_buffer("std", torch.tensor(std)[:, None, None])

    def forward(self, x: Tensor) -> Tensor:
        """Normalise images `[n, channels, height, width]`."""
        return (x - self.mean) / self.std


class VGG(nn.Module):
    """Blocks of 3 x 3 convolutions, each ending in 2 x 2 max pooling, below a fully connected head.

    Args:
        anatomy: its shape.
        classes: number of class scores.
    """

    def __init__(self, anatomy: Architecture, classes: int) -> None:
        super().__init__()
        self.classes = classes
        self.normalise = Normalise(anatomy.mean, anatomy.std)
        self.features = nn.Sequential(_features(anatomy))
        self.classifier = nn.Sequential(_head(anatomy, classes))
        self.reset_head()
        for module in self.features:
            if isinstance(module, nn.Conv2d):
                nn.init.kaiming_normal_(module.weight, nonlinearity="relu")
                nn.init.zeros_(module.bias)  # pyright: ignore[reportArgumentType]
        self.to(memory_format=torch.channels_last)  # a quarter faster on CPUs; numbers do not depend on it

    # Not annotated: torch.fx calls it with stand-ins for tensors, which the shape checks of the tests would refuse.
    def forward(self, x):  # noqa: D102
        return self.classifier(self.features(self.normalise(x)).flatten(1))

    @property
    def locations(self) -> tuple[str, ...]:
        """Names of the pooling layers, from the earliest: where Barry & Love replay."""
        return tuple(f"features.{name}" for name, _ in self.features.named_children() if name.startswith("pool"))

    def reset_head(self) -> None:
        """Glorot's uniform initialisation with zero biases, the default of the authors' library."""
        for module in self.classifier:
            if isinstance(module, nn.Linear):
                nn.init.xavier_uniform_(module.weight)
                nn.init.zeros_(module.bias)

    def load_features(self, state: Mapping[str, Tensor]) -> None:
        """Take the convolutions of another VGG, ours or torchvision's, in their order; the head stays as it is.

        Raises:
            ValueError: the other network's convolutions are not of the same number and shapes.
        """
        # By their numbers, weight before bias: a file need not keep the order in which they were written.
        names = sorted((name for name in state if name.startswith("features.")), key=_depth)
        theirs = [state[name] for name in names]
        mine = list(self.features.parameters())
        if [w.shape for w in theirs] != [w.shape for w in mine]:
            raise ValueError(
                f"these weights are of a network with convolutions {[tuple(w.shape) for w in theirs]}; "
                f"expected {[tuple(w.shape) for w in mine]}"
            )
        with torch.no_grad():
            for weights, given in zip(mine, theirs, strict=True):
                weights.copy_(given)


def _depth(name: str) -> tuple[list[int], bool]:
    return [int(number) for number in re.findall(r"\d+", name)], name.endswith("bias")


def _features(anatomy: Architecture) -> OrderedDict[str, nn.Module]:
    layers: OrderedDict[str, nn.Module] = OrderedDict()
    channels = len(anatomy.mean)
    for block, widths in enumerate(anatomy.blocks, start=1):
        for index, width in enumerate(widths, start=1):
            layers[f"conv{block}_{index}"] = nn.Conv2d(channels, width, 3, padding=1)
            layers[f"relu{block}_{index}"] = nn.ReLU()
            channels = width
        layers[f"pool{block}"] = nn.MaxPool2d(2)
    return layers


def _head(anatomy: Architecture, classes: int) -> OrderedDict[str, nn.Module]:
    layers: OrderedDict[str, nn.Module] = OrderedDict()
    units = anatomy.features
    for index, width in enumerate(anatomy.head, start=1):
        layers[f"full{index}"] = nn.Linear(units, width)
        layers[f"relu{index}"] = nn.ReLU()
        layers[f"dropout{index}"] = Dropout(anatomy.dropout)
        units = width
    layers["scores"] = nn.Linear(units, classes)
    return layers
