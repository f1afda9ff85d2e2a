"""What a hidden layer makes of classes: correlations between them, and which synapses matter to each.

Source: Kubo, Delanois & Bazhenov 2025, Figs. 6 and 8. Test: `tests/measure/probes/test_representation.py`.
"""

from typing import Protocol, runtime_checkable

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn
from torch.nn.functional import cosine_similarity

from oneiros.measure.probes.accuracy import looking_only


@runtime_checkable
class HasActivity(Protocol):
    """A network that can say what its last hidden layer does."""

    def activity(self, x: Tensor) -> Tensor:
        """The last hidden layer, `[n, hidden]`."""
        ...


def hidden_activity(net: nn.Module, x: Float[Tensor, "n ..."], *, chunk: int = 2048) -> Float[Tensor, "n hidden"]:
    """The last hidden layer's response to each input.

    Raises:
        TypeError: the network has no `activity`.
    """
    if not isinstance(net, HasActivity):
        raise TypeError(f"{type(net).__name__} has no activity(x): use EquilibriumRNN, RecurrentNet or Perceptron")
    with looking_only(net):
        return torch.cat([net.activity(part) for part in x.split(chunk)])


def class_correlation(
    activity: Float[Tensor, "n hidden"], y: Int[Tensor, " n"], n_classes: int
) -> Float[Tensor, "classes classes"]:
    """Mean Pearson correlation, over hidden units, between examples of two classes (Fig. 6).

    The mean runs over all pairs of different examples; a silent example correlates with none (0). A class without
    examples (or with one, on the diagonal) gives nan.

    >>> class_correlation(torch.tensor([[1.0, 0, 0], [2.0, 0, 0], [0, 1.0, 0]]), torch.tensor([0, 0, 1]), 2)
    tensor([[ 1.0000, -0.5000],
            [-0.5000,     nan]])
    """
    centred = activity - activity.mean(1, keepdim=True)
    unit = centred / centred.norm(dim=1, keepdim=True).clamp(min=1e-12)
    member = torch.nn.functional.one_hot(y, n_classes).to(unit)
    sums, counts = member.T @ unit, member.sum(0)
    totals, pairs = sums @ sums.T, counts[:, None] * counts
    with_itself = member.T @ unit.square().sum(1)
    totals.diagonal().sub_(with_itself)
    pairs.diagonal().sub_(counts)
    return totals / pairs.masked_fill(pairs == 0, torch.nan)


def importance(
    activity: Float[Tensor, "n hidden"], y: Int[Tensor, " n"], weight: Float[Tensor, "out hidden"], label: int
) -> Float[Tensor, "out hidden"]:
    """Eq. 11: what each synapse onto the output carries, on average over the examples of class `label`: s_i W_i.

    >>> importance(torch.tensor([[1.0], [3.0], [9.0]]), torch.tensor([0, 0, 1]), torch.tensor([[0.5], [-1.0]]), 0)
    tensor([[ 1.],
            [-2.]])
    """
    return activity[y == label].mean(0) * weight


def importance_similarity(one: Float[Tensor, "out hidden"], other: Float[Tensor, "out hidden"]) -> float:
    """Cosine of the angle between two patterns of importance.

    >>> round(importance_similarity(torch.tensor([[1.0, 0.0]]), torch.tensor([[1.0, 1.0]])), 4)
    0.7071
    """
    return float(cosine_similarity(one.flatten().double(), other.flatten().double(), dim=0))
