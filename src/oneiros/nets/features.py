"""What any network says at a layer of its own, whatever its forward is made of."""

import difflib
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.functional import normalize

from oneiros.equations.classwise import squared_mahalanobis, tukey
from oneiros.nets.modes import resting


def features_at(net: nn.Module, location: str, x: Tensor) -> Tensor:
    """Output `[n, ...]` of the module called `location` while `net` sees `x`, at rest and without gradients.

    The network runs as it is, so it need not be traceable, as `oneiros.nets.cut` asks of it.

    Raises:
        KeyError: there is no module of that name.
        ValueError: it is not passed exactly once, or does not give one tensor with a row an example.
    """
    modules = dict(net.named_modules())
    if location not in modules or not location:
        near = difflib.get_close_matches(location, modules, n=3, cutoff=0.4)
        hint = (
            f"did you mean {' or '.join(map(repr, near))}?" if near else f"there are {', '.join(list(modules)[1:13])}"
        )
        raise KeyError(f"{type(net).__name__} has no module {location!r}; {hint}")
    seen: list[Any] = []
    handle = modules[location].register_forward_hook(lambda module, given, answer: seen.append(answer))
    try:
        with resting(net):
            net(x)
    finally:
        handle.remove()
    if len(seen) != 1:
        raise ValueError(f"{location!r} is passed {len(seen)} times; features need a place that is passed once")
    if not isinstance(seen[0], Tensor) or not seen[0].ndim or len(seen[0]) != len(x):
        what = tuple(seen[0].shape) if isinstance(seen[0], Tensor) else type(seen[0]).__name__
        raise ValueError(f"{location!r} gives {what} for {len(x)} inputs; expected one tensor with a row for each")
    return seen[0].detach()


class RandomFeatures(nn.Module):
    """Fixed random projections of any input, rectified: relu(W x), W of independent normal numbers (RanPAC's layer).

    McDonnell, Gong, Parvaneh, Abbasnejad & van den Hengel 2023, "RanPAC", Eq. 6.

    Args:
        inputs: numbers in one flattened input.
        width: features.
        rng: where W comes from.
    """

    weight: Tensor

    def __init__(self, inputs: int, width: int, rng: torch.Generator) -> None:
        super().__init__()
        normal = torch.randn(width, inputs, generator=rng, device=rng.device)
        self.register_buffer("weight", normal / inputs**0.5)

    def forward(self, x: Tensor) -> Tensor:
        """Inputs `[n, ...]` to features `[n, width]`."""
        return torch.relu(x.flatten(1) @ self.weight.T)


class Tukey(nn.Module):
    """Tukey's ladder of powers: sign(x) |x|^power makes skewed features, such as rectified ones, more like Gaussians.

    Args:
        power: between 0 and 1; 0.5 is the square root.
    """

    def __init__(self, power: float = 0.5) -> None:
        super().__init__()
        if not 0 < power <= 1:
            raise ValueError(f"Tukey.power is {power}; expected more than 0 and at most 1")
        self.power = power

    def forward(self, x: Tensor) -> Tensor:
        """Inputs `[n, ...]` to features `[n, d]`."""
        return tukey(x.flatten(1), self.power)


class GaussianHead(nn.Module):
    """A Gaussian for each class: its score is bias - |A (x - mean)|^2 / 2. Classes that were never seen score -inf.

    Args:
        d: features.
        classes: how many there will ever be.
        directions: whether features are brought to length 1 before they are compared, as FeCAM's code has it.
    """

    def __init__(self, d: int, classes: int, *, directions: bool = False) -> None:
        super().__init__()
        self.directions = directions
        self.means = nn.Parameter(torch.zeros(classes, d), requires_grad=False)
        self.whitening = nn.Parameter(torch.zeros(classes, d, d), requires_grad=False)
        self.bias = nn.Parameter(torch.full((classes,), -torch.inf), requires_grad=False)

    def forward(self, x: Tensor) -> Tensor:
        """Features `[n, d]` to scores `[n, classes]`."""
        flat = normalize(x.flatten(1)) if self.directions else x.flatten(1)
        return self.bias - squared_mahalanobis(flat, self.means, self.whitening) / 2
