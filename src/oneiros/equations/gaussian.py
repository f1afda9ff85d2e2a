r"""Exact draws from the Gaussian that a class's activations define, without ever forming its covariance matrix.

Barry & Love 2022 sample N(mean, covariance) of a class's activations at a location of the network; for all but the
last they call the covariance matrix "computationally intractable" and coarsen the activations first. The matrix is
not needed. With X the n x d activations and G an m x n matrix of independent standard normal numbers,

    S = mean(X) + (G - rowmean(G)) X / sqrt(n - 1)

has rows that are independent draws from N(mean(X), cov(X)): they are linear in G, their mean is mean(X), and their
covariance is X' C X / (n - 1), with C = I - 11'/n the centring that takes G's row means away (C C' = C). That is the
empirical covariance, for any d. Coarsening is linear in X, so it may come before or after the draw.
"""

import torch
from jaxtyping import Float
from torch import Tensor
from torch.nn.functional import avg_pool2d


def draw_weights(g: Float[Tensor, "m n"]) -> Float[Tensor, "m n"]:
    """Turn normal numbers into the W of S = W X: centred, scaled by 1 / sqrt(n - 1), and 1 / n added for the mean.

    >>> draw_weights(torch.tensor([[1.0, -1.0]]))  # 1 / sqrt(1) * (1, -1) + 1/2
    tensor([[ 1.5000, -0.5000]])
    """
    n = g.shape[1]
    if n < 2:
        raise ValueError(f"a Gaussian of {n} activation has no covariance: remember at least 2 of each class")
    return (g - g.mean(1, keepdim=True)) / (n - 1) ** 0.5 + 1 / n


def gaussian_draw(x: Float[Tensor, "n d"], g: Float[Tensor, "m n"]) -> Float[Tensor, "m d"]:
    """Draw m times from N(mean(X), cov(X)): one matrix product.

    Args:
        x: X, the activations of one class, one a row.
        g: G, independent standard normal numbers.

    >>> gaussian_draw(torch.tensor([[0.0, 4.0], [2.0, 4.0]]), torch.tensor([[1.0, -1.0]]))
    tensor([[-1.,  4.]])
    """
    return draw_weights(g) @ x


def gaussian_draw_half(
    x: Float[Tensor, "n d"], g: Float[Tensor, "m n"], *, columns: int = 16_384
) -> Float[Tensor, "m d"]:
    """Like `gaussian_draw`, for activations kept in float16: draws come in float16, sums are made in g's precision.

    Args:
        x: X in float16, which halves what is kept.
        g: as above.
        columns: units worked on at a time; nothing larger than n x columns is ever made in full precision.
    """
    weights = draw_weights(g)
    drawn = torch.empty(len(g), x.shape[1], dtype=x.dtype, device=x.device)
    for at in range(0, x.shape[1], columns):
        drawn[:, at : at + columns] = weights @ x[:, at : at + columns].to(g.dtype)
    return drawn


def block_mean(x: Float[Tensor, "n c h w"], factor: int) -> Float[Tensor, "n c k l"]:
    """Coarsen maps: the mean of each `factor` x `factor` block; blocks cut off by the edge average what they have.

    Paper and code do not say what is done where the factor does not divide the map (3 into 28); ours is this.

    >>> block_mean(torch.tensor([[[[1.0, 3.0, 5.0], [1.0, 3.0, 7.0], [2.0, 4.0, 9.0]]]]), 2)
    tensor([[[[2., 6.],
              [3., 9.]]]])
    """
    return avg_pool2d(x, factor, ceil_mode=True, count_include_pad=False)


def nearest_repeat(x: Float[Tensor, "n c k l"], factor: int, size: tuple[int, int]) -> Float[Tensor, "n c h w"]:
    """Undo the size of `block_mean`: each number `factor` times down and across, cut to `size`.

    >>> nearest_repeat(torch.tensor([[[[1.0, 2.0]]]]), 2, (2, 3))
    tensor([[[[1., 1., 2.],
              [1., 1., 2.]]]])
    """
    return x.repeat_interleave(factor, 2).repeat_interleave(factor, 3)[:, :, : size[0], : size[1]]


def clamped(s: Float[Tensor, "m d"], x: Float[Tensor, "n d"]) -> Float[Tensor, "m d"]:
    """Ablation: negative draws `s`, which rectified units cannot have, become 0. Raises means, shrinks spreads.

    Args:
        s: draws.
        x: the activations that they were drawn from; not needed here.
    """
    return s.clamp(min=0)


def rectified_parameters(
    mean: Float[Tensor, " d"], spread: Float[Tensor, " d"], *, rounds: int = 60
) -> tuple[Float[Tensor, " d"], Float[Tensor, " d"]]:
    """Mean and sd of the normal variable Z for which max(0, Z) has the mean and sd given (mean > 0).

    With Z = sigma (a + N(0, 1)): E max(0, Z) = sigma (a P(a) + p(a)) and
    E max(0, Z)^2 = sigma^2 ((a^2 + 1) P(a) + a p(a)), where p and P are the standard normal density and distribution.
    The second moment over the squared first falls with a, which bisection finds. Units whose spread is more than some
    six times their mean are as sparse as a < -3 makes them; they are held there.

    >>> mu, sigma = rectified_parameters(torch.tensor([0.3989]), torch.tensor([0.5838]))  # of max(0, N(0, 1))
    >>> bool(mu.abs() < 1e-3), bool((sigma - 1).abs() < 1e-3)
    (True, True)
    """
    wanted = 1 + (spread / mean).square()
    low, high = torch.full_like(mean, -3.0), torch.full_like(mean, 40.0)
    for _ in range(rounds):
        middle = (low + high) / 2
        first, second = _rectified_moments(middle)
        too_low = second / first.square() > wanted
        low, high = torch.where(too_low, middle, low), torch.where(too_low, high, middle)
    a = (low + high) / 2
    sigma = mean / _rectified_moments(a)[0]
    return a * sigma, sigma


def rectified(s: Float[Tensor, "m d"], x: Float[Tensor, "n d"]) -> Float[Tensor, "m d"]:
    """Ablation: rectified draws that keep each unit's mean and spread, and the ranks of `s`.

    Each unit's draws are stretched so that, cut off at 0, they have the mean and sd of its activations `x`. Units that
    are constant stay what they were; those that are never positive are cut off only.
    """
    x = x.to(s.dtype)
    mean, spread = x.mean(0), x.std(0)
    varies = (spread > 1e-6 * mean.abs()) & (mean > 0)
    mu, sigma = rectified_parameters(torch.where(varies, mean, 1.0), torch.where(varies, spread, 1.0))
    standard = (s - mean) / torch.where(varies, spread, 1.0)
    return torch.where(varies, mu + sigma * standard, s).clamp(min=0)


def _rectified_moments(a: Float[Tensor, " d"]) -> tuple[Float[Tensor, " d"], Float[Tensor, " d"]]:
    """First and second moment of max(0, a + N(0, 1))."""
    density, below = torch.exp(-a.square() / 2) / (2 * torch.pi) ** 0.5, torch.special.ndtr(a)
    return a * below + density, (a.square() + 1) * below + a * density
