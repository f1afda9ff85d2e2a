r"""Ridge regression on one-hot targets from sums: what a head trained by squared error tends to.

With X the examples less their mean m, Y the one-hot targets less theirs, and a penalty k,

    V = (X'X + k I)^-1 X'Y,   bias = n_c / n - m'V

X'X is the scatter within classes plus that between them, and column c of X'Y is n_c (m_c - m): the same sums that
discriminant analysis needs (`equations.moments`). The intercept is not penalised.
"""

import torch
from jaxtyping import Float
from torch import Tensor


def cross_moments(counts: Float[Tensor, " classes"], means: Float[Tensor, "classes d"]) -> Float[Tensor, "d classes"]:
    """X'Y: column c is n_c (m_c - m).

    >>> cross_moments(torch.tensor([1.0, 1.0]), torch.tensor([[0.0], [2.0]]))
    tensor([[-1.,  1.]])
    """
    return (counts[:, None] * (means - counts @ means / counts.sum())).T


def ridge_weights(
    gram: Float[Tensor, "d d"], cross: Float[Tensor, "d classes"], penalty: float
) -> Float[Tensor, "d classes"]:
    """V = (X'X + k I)^-1 X'Y.

    >>> ridge_weights(torch.tensor([[2.0]]), torch.tensor([[-1.0, 1.0]]), 2.0)
    tensor([[-0.2500,  0.2500]])
    """
    penalised = gram.clone()
    penalised.diagonal().add_(penalty)
    return torch.cholesky_solve(cross, torch.linalg.cholesky(penalised))


def residuals(
    counts: Float[Tensor, " classes"], cross: Float[Tensor, "d classes"], weights: Float[Tensor, "d classes"]
) -> Float[Tensor, " classes"]:
    """Q = Y'Y - Y'X V of each column: its squared residuals and the penalty k V'V together.

    >>> residuals(torch.tensor([1.0, 1.0]), torch.tensor([[-1.0, 1.0]]), torch.tensor([[-0.25, 0.25]]))
    tensor([0.2500, 0.2500])
    """
    return counts * (1 - counts / counts.sum()) - (cross * weights).sum(0)


def ridge_bias(
    counts: Float[Tensor, " classes"], means: Float[Tensor, "classes d"], weights: Float[Tensor, "d classes"]
) -> Float[Tensor, " classes"]:
    """The intercepts.

    >>> ridge_bias(torch.tensor([1.0, 1.0]), torch.tensor([[0.0], [2.0]]), torch.tensor([[-0.25, 0.25]]))
    tensor([0.7500, 0.2500])
    """
    return counts / counts.sum() - counts @ means / counts.sum() @ weights
