r"""Linear discriminant analysis from sums: what a head trained on endless dreams tends to.

Category replay (`equations.gaussian`) draws activations of class c from N(m_c, S_c) and trains a head on them by
cross-entropy. Where all classes share one covariance S, the posterior of the class is exactly a softmax of linear
scores (Fisher 1936; Hastie, Tibshirani & Friedman 2009, 4.3),

    p(c | x) = softmax_c(w_c'x + b_c),   w_c = S^-1 m_c,   b_c = -m_c'w_c / 2 + log(prior_c)

so cross-entropy over the dreams has its minimum at these w and b (up to what all classes have in common), and a head
that is trained on n dreams tends to them as n grows. The night can be solved instead of dreamed.
Test: `tests/equations/test_discriminant.py`.
"""

import torch
from jaxtyping import Float
from torch import Tensor


def linear_discriminant(
    means: Float[Tensor, "classes d"], covariance: Float[Tensor, "d d"], log_priors: Float[Tensor, " classes"]
) -> tuple[Float[Tensor, "classes d"], Float[Tensor, " classes"]]:
    """Weights w and biases b of the exact head; the covariance must be positive definite.

    >>> linear_discriminant(torch.tensor([[2.0], [-2.0]]), torch.tensor([[4.0]]), torch.zeros(2))
    (tensor([[ 0.5000],
            [-0.5000]]), tensor([-0.5000, -0.5000]))
    """
    weight = torch.cholesky_solve(means.T, torch.linalg.cholesky(covariance)).T
    return weight, -(means * weight).sum(1) / 2 + log_priors
