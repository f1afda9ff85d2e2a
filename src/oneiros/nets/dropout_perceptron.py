"""The feed-forward network that sleep replay was first shown in (Tadros et al. 2022, code)."""

from collections.abc import Sequence
from itertools import pairwise

from jaxtyping import Float
from torch import Tensor, nn

from oneiros.nets.modes import Dropout


class Times(nn.Module):
    """Multiplies by a constant."""

    def __init__(self, factor: float) -> None:
        super().__init__()
        self.factor = factor

    def forward(self, x: Tensor) -> Tensor:
        """The product."""
        return self.factor * x


class DropoutPerceptron(nn.Module):
    """ReLU layers without biases, silenced at random while they learn and scaled down when they do not.

    Dropout as first published (Srivastava et al. 2014), not inverted: units that stay are not scaled up. The difference
    matters to spiking sleep, which takes weights and activations as they are.

    Args:
        sizes: input, hidden, ..., output units.
        dropout: probability that a hidden unit is silent.
        span: weights begin uniform in [-span, span].
    """

    def __init__(self, sizes: Sequence[int], *, dropout: float, span: float) -> None:
        super().__init__()
        layers: list[nn.Module] = []
        for n_in, n_out in pairwise(sizes):
            linear = nn.Linear(n_in, n_out, bias=False)
            nn.init.uniform_(linear.weight, -span, span)
            layers += [linear, nn.ReLU(), Dropout(dropout), Times(1 - dropout)]
        self.layers = nn.Sequential(*layers[:-3])

    def forward(self, x: Float[Tensor, "n ..."]) -> Float[Tensor, "n classes"]:
        """Scores, before the rectification of the output."""
        return self.layers(x.flatten(1))

    def activity(self, x: Float[Tensor, "n ..."]) -> Float[Tensor, "n hidden"]:
        """The last hidden layer, which the scores are read from."""
        return self.layers[:-1](x.flatten(1))
