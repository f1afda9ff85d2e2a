"""Plain layer stacks that several nets are made of."""

from collections.abc import Sequence
from itertools import accumulate, pairwise

import torch
from jaxtyping import Float
from torch import Tensor, nn


def perceptron(sizes: Sequence[int]) -> nn.Sequential:
    """Linear layers of these sizes with ReLU between them, none at the end.

    >>> [type(layer).__name__ for layer in perceptron((4, 3, 2))]
    ['Linear', 'ReLU', 'Linear']
    """
    layers: list[nn.Module] = []
    for n_in, n_out in pairwise(sizes):
        layers += [nn.Linear(n_in, n_out), nn.ReLU()]
    return nn.Sequential(*layers[:-1])


class Perceptron(nn.Module):
    """Inputs of any shape, flattened, through linear layers with ReLU; scores come out."""

    def __init__(self, sizes: Sequence[int]) -> None:
        super().__init__()
        self.layers = perceptron(sizes)

    def forward(self, x: Float[Tensor, "n ..."]) -> Float[Tensor, "n classes"]:
        """Scores."""
        return self.layers(x.flatten(1))

    def activity(self, x: Float[Tensor, "n ..."]) -> Float[Tensor, "n hidden"]:
        """The last hidden layer, which the scores are read from."""
        return self.layers[:-1](x.flatten(1))


def small_convolutions(shape: Sequence[int], width: int) -> tuple[nn.Sequential, int]:
    """Two strided 5x5 convolutions with ReLU, flattened, and how many features come out.

    Args:
        shape: channels, height and width of an input; both sides divisible by 4. Inputs may come flattened.
        width: channels of the first convolution; the second has twice as many.
    """
    channels, height, breadth = shape
    if height % 4 or breadth % 4:
        raise ValueError(f"strided convolutions on images of {height} x {breadth}: expected multiples of 4")
    layers = nn.Sequential(
        nn.Flatten(), nn.Unflatten(1, (channels, height, breadth)),
        nn.Conv2d(channels, width, 5, stride=2, padding=2), nn.ReLU(),
        nn.Conv2d(width, 2 * width, 5, stride=2, padding=2), nn.ReLU(), nn.Flatten(),
    )  # fmt: skip
    return layers, 2 * width * height * breadth // 16


class SmallConvNet(nn.Module):
    """Two strided convolutions (`small_convolutions`) and a linear layer; scores come out."""

    def __init__(self, shape: Sequence[int], classes: int, width: int = 16) -> None:
        super().__init__()
        features, size = small_convolutions(shape, width)
        self.layers = nn.Sequential(*features, nn.Linear(size, classes))

    def forward(self, x: Float[Tensor, "n ..."]) -> Float[Tensor, "n classes"]:
        """Scores."""
        return self.layers(x)


class MultiHead(nn.Module):
    """A shared trunk and one linear head a task, whose scores stand side by side (Li & Hoiem 2016, figure 2).

    Args:
        trunk: from inputs to features.
        features: how many.
        heads: number of classes of each task.
    """

    def __init__(self, trunk: nn.Module, features: int, heads: Sequence[int]) -> None:
        super().__init__()
        self.trunk = trunk
        self.heads = nn.ModuleList(nn.Linear(features, classes) for classes in heads)
        self._ends = tuple(accumulate(heads, initial=0))

    @property
    def columns(self) -> tuple[tuple[int, ...], ...]:
        """Which scores belong to which head."""
        return tuple(tuple(range(a, b)) for a, b in pairwise(self._ends))

    def forward(self, x: Float[Tensor, "n ..."]) -> Float[Tensor, "n classes"]:
        """Scores of all heads, in their order."""
        shared = self.trunk(x)
        return torch.cat([head(shared) for head in self.heads], dim=1)
