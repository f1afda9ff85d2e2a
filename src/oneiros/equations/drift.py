r"""Where features of the past have gone, told from today's examples alone: drift compensation, solved.

A network that goes on learning moves its features. Today's examples are seen before and after, as rows of O (old) and
N (new). Gomez-Villa et al. 2024 ("Exemplar-free continual representation learning via learnable drift compensation",
Eq. 4) train a projector from O to N and pass old class means through it. With squared error, and a penalty k on what
the map changes, the linear one has a closed form: with O and N less their means o and n,

    A = I + (O'O + k I)^-1 O'(N - O),   b = n - o A

A mean m moves to m A + b, a scatter W of n_c - 1 degrees of freedom to A'W A + (n_c - 1) R, R the covariance of what
the map leaves unexplained. With A = I it is the mean shift of semantic drift compensation (Yu et al. 2020, Eq. 6, with
all of today's examples weighing alike).
"""

from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor


@dataclass(frozen=True, eq=False)
class Drift:
    """An affine map from old features to new ones, in double precision.

    Attributes:
        weight: A, `[d, d]`.
        shift: b, `[d]`.
        unexplained: R, `[d, d]`, the covariance of new features around those that the map foretells.
    """

    weight: Float[Tensor, "d d"]
    shift: Float[Tensor, " d"]
    unexplained: Float[Tensor, "d d"]


def linear_drift(old: Float[Tensor, "n d"], new: Float[Tensor, "n d"], penalty: float) -> Drift:
    """The ridge's map; `penalty` is relative to the mean of the diagonal of O'O.

    >>> old = torch.tensor([[1.0], [-1.0]])
    >>> linear_drift(old, 3 * old + 5, 0.0).weight  # N - O = 2 O, so A = 1 + 2
    tensor([[3.]], dtype=torch.float64)
    """
    old, new = old.double(), new.double()
    centred, moved = old - old.mean(0), new - new.mean(0)
    gram = centred.T @ centred
    floor = gram.diagonal().mean() * max(penalty, torch.finfo(torch.float64).eps)
    gram.diagonal().add_(floor if floor > 0 else 1.0)
    change = torch.cholesky_solve(centred.T @ (moved - centred), torch.linalg.cholesky(gram))
    weight = change + torch.eye(old.shape[1], dtype=torch.float64, device=old.device)
    return _with_rest(weight, old, new)


def mean_drift(old: Float[Tensor, "n d"], new: Float[Tensor, "n d"]) -> Drift:
    """Everything has moved as today's mean has: A = I.

    >>> mean_drift(torch.tensor([[1.0], [-1.0]]), torch.tensor([[4.0], [2.0]])).shift
    tensor([3.], dtype=torch.float64)
    """
    return _with_rest(torch.eye(old.shape[1], dtype=torch.float64, device=old.device), old.double(), new.double())


def moved_means(means: Float[Tensor, "classes d"], drift: Drift) -> Float[Tensor, "classes d"]:
    """Means where the map takes them: m A + b."""
    return means @ drift.weight + drift.shift


def moved_scatter(scatter: Float[Tensor, "d d"], freedom: float, drift: Drift) -> Float[Tensor, "d d"]:
    """A'W A, and what the map does not explain, as often as there are degrees of freedom."""
    return drift.weight.T @ scatter @ drift.weight + freedom * drift.unexplained


def _with_rest(weight: Float[Tensor, "d d"], old: Float[Tensor, "n d"], new: Float[Tensor, "n d"]) -> Drift:
    shift = new.mean(0) - old.mean(0) @ weight
    rest = new - old @ weight - shift
    return Drift(weight, shift, rest.T @ rest / max(len(new) - 1, 1))
