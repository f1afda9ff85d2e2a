r"""Deep generative replay, stated once: how today and the past share a loss (Shin et al. 2017, section 3.1, Eq. 1)."""

from collections.abc import Callable, Sequence
from typing import Literal

import torch
from jaxtyping import Float, Int64
from torch import Tensor
from torch.nn.functional import kl_div, one_hot

Ratio = float | Literal["1/i"] | Callable[[int], float]


def share_of_new(ratio: Ratio, age: int) -> float:
    """r, the share of today in the loss of task i = age + 1: a number, "1/i" (all tasks alike), or a function of age.

    >>> [share_of_new("1/i", age) for age in range(4)]
    [1.0, 0.5, 0.3333333333333333, 0.25]
    """
    share = 1 / (age + 1) if ratio == "1/i" else ratio(age) if callable(ratio) else float(ratio)
    if not 0 <= share <= 1:
        raise ValueError(f"the share of new examples is {share} at age {age}; expected a number from 0 to 1")
    return share


def scholar_loss(real: Float[Tensor, ""], replayed: Float[Tensor, ""], *, r: float) -> Float[Tensor, ""]:
    r"""Eq. 1: `r E_(x,y)~D_i [L(S(x), y)] + (1 - r) E_x'~G_(i-1) [L(S(x'), S_(i-1)(x'))]`.

    >>> scholar_loss(torch.tensor(2.0), torch.tensor(6.0), r=0.25)
    tensor(5.)
    """
    return r * real + (1 - r) * replayed


def shared_loss(
    real: Float[Tensor, ""], replayed: Sequence[Float[Tensor, ""]], rs: Sequence[float]
) -> Float[Tensor, ""]:  # fmt: skip
    """Today beside several pasts: the mean of their Eqs. 1. The real loss of today counts once, by the mean of all r.

    >>> shared_loss(torch.tensor(2.0), [torch.tensor(6.0)], [0.25])  # of one, Eq. 1 itself
    tensor(5.)
    >>> shared_loss(torch.tensor(2.0), [torch.tensor(6.0), torch.tensor(4.0)], [0.25, 0.75])  # of 5. and 2.5
    tensor(3.7500)
    """
    first, *others = ((1 - r) / len(rs) * past for past, r in zip(replayed, rs, strict=True))
    return sum(rs) / len(rs) * real + sum(others, first)


def mixture_weights(n_real: int, n_replayed: int, *, r: float) -> Float[Tensor, " n"]:
    """Weights of a batch, real rows first, under which a mean is Eq. 1: r shared by the real, 1 - r by the replayed.

    >>> mixture_weights(2, 4, r=0.5)
    tensor([0.2500, 0.2500, 0.1250, 0.1250, 0.1250, 0.1250])
    """
    if not n_real or not n_replayed:
        return torch.full((n_real + n_replayed,), 1 / (n_real + n_replayed))
    return torch.cat([torch.full((n_real,), r / n_real), torch.full((n_replayed,), (1 - r) / n_replayed)])


def soft_target_loss(
    scores: Float[Tensor, "n classes"], teacher: Float[Tensor, "n classes"], *, temperature: float
) -> Float[Tensor, " n"]:
    r"""`T^2 KL(softmax(teacher / T) || softmax(scores / T))`: distillation (Hinton, Vinyals & Dean 2015, section 2).

    The factor T^2 keeps the gradient's size when the temperature changes.

    >>> soft_target_loss(torch.zeros(1, 2), torch.tensor([[0.0, 0.0]]), temperature=2.0)
    tensor([0.])
    """
    ours, theirs = (scores / temperature).log_softmax(1), (teacher / temperature).log_softmax(1)
    return temperature**2 * kl_div(ours, theirs, log_target=True, reduction="none").sum(1)


def rank_within_class(labels: Int64[Tensor, " n"], n_classes: int) -> Int64[Tensor, " n"]:
    """How many earlier entries have the same label; the first n by this rank are as balanced as they can be.

    >>> rank_within_class(torch.tensor([3, 3, 0, 3]), 4)
    tensor([0, 1, 0, 2])
    """
    members = one_hot(labels, n_classes)
    return (members.cumsum(0) * members).sum(1) - 1
