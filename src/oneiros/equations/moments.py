r"""Sums that stand for all examples seen: count, mean and scatter of each class, merged without loss.

With n_c examples of class c, m_c their mean, and W = sum_c sum_{i in c} (x_i - m_c)(x_i - m_c)' the scatter within
classes, two parts of a stream merge by (Chan, Golub & LeVeque 1983)

    n = n1 + n2,   m = m1 + (n2 / n) (m2 - m1),   W = W1 + W2 + (n1 n2 / n) (m2 - m1)(m2 - m1)'

so that any order and any cutting of the stream gives the same sums. From them follow linear discriminant analysis
(`equations.discriminant`), ridge regression (`equations.ridge`) and a Gaussian for each class (`equations.classwise`).
"""

import torch
from jaxtyping import Float, Int
from torch import Tensor


def class_means(
    x: Float[Tensor, "n d"], y: Int[Tensor, " n"], classes: int
) -> tuple[Float[Tensor, " classes"], Float[Tensor, "classes d"]]:
    """Counts n_c and means m_c of a batch in double precision; the mean of a class that is not there is 0.

    >>> class_means(torch.tensor([[1.0], [3.0], [5.0]]), torch.tensor([0, 0, 2]), 3)
    (tensor([2., 0., 1.], dtype=torch.float64), tensor([[2.], [0.], [5.]], dtype=torch.float64))
    """
    counts = torch.bincount(y, minlength=classes).double()
    sums = x.new_zeros(classes, x.shape[1], dtype=torch.float64).index_add_(0, y, x.double())
    return counts, sums / counts.clamp(min=1)[:, None]


def merged_means(
    n1: Float[Tensor, " classes"], m1: Float[Tensor, "classes d"],
    n2: Float[Tensor, " classes"], m2: Float[Tensor, "classes d"],
) -> Float[Tensor, "classes d"]:  # fmt: skip
    """Means of both parts together.

    >>> one = torch.tensor([1.0])
    >>> merged_means(one, torch.tensor([[0.0]]), 3 * one, torch.tensor([[4.0]]))
    tensor([[3.]])
    """
    return m1 + (n2 / (n1 + n2).clamp(min=1))[:, None] * (m2 - m1)


def merging_rows(
    n1: Float[Tensor, " classes"], m1: Float[Tensor, "classes d"],
    n2: Float[Tensor, " classes"], m2: Float[Tensor, "classes d"],
) -> Float[Tensor, "classes d"]:  # fmt: skip
    """Rows R for which W = W1 + W2 + R'R: sqrt(n1 n2 / n) (m2 - m1), one a class.

    >>> one = torch.tensor([1.0])
    >>> merging_rows(one, torch.tensor([[0.0]]), one, torch.tensor([[2.0]])).square()  # of 0 and 2, around 1: 1 + 1
    tensor([[2.0000]])
    """
    return (n1 * n2 / (n1 + n2).clamp(min=1)).sqrt()[:, None] * (m2 - m1)


def between_rows(counts: Float[Tensor, " classes"], means: Float[Tensor, "classes d"]) -> Float[Tensor, "classes d"]:
    """Rows B for which B'B is the scatter between classes: sqrt(n_c) (m_c - m), m the mean of all examples.

    >>> between_rows(torch.tensor([1.0, 1.0]), torch.tensor([[0.0], [2.0]]))
    tensor([[-1.],
            [ 1.]])
    """
    centre = counts @ means / counts.sum()
    return counts.sqrt()[:, None] * (means - centre)
