"""How well a linear layer reads classes out of latents: by the paper's SGD, or by ridge regression in closed form."""

from typing import NamedTuple

import torch
from jaxtyping import Float, Int
from torch import Tensor
from torch.nn.functional import one_hot


class Readout(NamedTuple):
    """Class scores of latents z: `weight` z + `bias`."""

    weight: Tensor  # [classes, latent]
    bias: Tensor  # [classes]

    def __call__(self, z: Float[Tensor, "n latent"]) -> Int[Tensor, " n"]:
        """The class with the highest score."""
        return (z.to(self.weight) @ self.weight.T + self.bias).argmax(1)

    def accuracy(self, z: Float[Tensor, "n latent"], y: Int[Tensor, " n"]) -> float:
        """Fraction correct: "linear separability" (Deperrois et al. 2022, Methods; Hjelm et al. 2019)."""
        return (self(z) == y).double().mean().item()


@torch.no_grad()
def sgd_readout(
    z: Float[Tensor, "n latent"],
    y: Int[Tensor, " n"],
    n_classes: int,
    rng: torch.Generator,
    *,
    epochs: int = 20,
    rate: float = 0.2,
) -> Readout:
    """Softmax regression by plain SGD in batches of 64, last iterate (Deperrois et al. 2022, Eqs. 9 and 10).

    Paper: y = W z; authors' code, and ours: with a bias. Latents are not standardised. At this learning rate the last
    iterate jumps by several points while z has few directions, so read `ridge_readout` beside it.
    """
    n, latent = z.shape
    bound = latent**-0.5  # the framework's initial weights
    start = torch.rand(n_classes, latent + 1, generator=rng, device=rng.device, dtype=z.dtype)
    weight = ((2 * start - 1) * bound).to(z.device)
    z = torch.cat([z, z.new_ones(n, 1)], 1)  # the bias is the weight of a constant input
    for _ in range(epochs):
        order = torch.randperm(n, generator=rng, device=rng.device).to(z.device)
        for index in order.split(64):
            seen, told = z[index], y[index]
            error = (seen @ weight.T).softmax(1)
            error[torch.arange(len(told), device=z.device), told] -= 1
            weight -= (rate / len(told)) * (error.T @ seen)
    return Readout(weight[:, :-1], weight[:, -1])


def ridge_readout(z: Float[Tensor, "n latent"], y: Int[Tensor, " n"], n_classes: int, *, penalty: float) -> Readout:
    """Ridge regression of one-hot labels on standardised latents, solved in float64; no seed, no learning rate.

    `penalty` is added to the diagonal of the latents' correlation matrix.
    """
    wide = z.double()
    mean, sd = wide.mean(0), wide.std(0).clamp(min=1e-12)
    inputs = (wide - mean) / sd
    share = one_hot(y, n_classes).double()
    level = share.mean(0)
    correlations = inputs.T @ inputs / len(z)
    correlations.diagonal().add_(penalty)
    weight = torch.linalg.solve(correlations, inputs.T @ (share - level) / len(z)).T / sd
    return Readout(weight, level - weight @ mean)
