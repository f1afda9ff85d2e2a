"""Predictions and what they come to: accuracy over classes, confusion, and whether weights are finite."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn

from oneiros.core import Brain


@contextmanager
def looking_only(net: nn.Module) -> Iterator[None]:
    """No gradients, evaluation mode, and every module's mode put back afterwards."""
    modes = [(module, module.training) for module in net.modules()]
    net.eval()
    try:
        with torch.no_grad():
            yield
    finally:
        for module, training in modes:
            module.training = training


def predictions(
    net: nn.Module, x: Float[Tensor, "n ..."], *, among: Sequence[int] = (), chunk: int = 2048
) -> Int[Tensor, " n"]:
    """The class with the highest score for each input, computed `chunk` inputs at a time.

    Args:
        net: gives scores.
        x: inputs.
        among: classes to choose from, where the network is told the task (task-incremental evaluation;
            van de Ven & Tolias 2019); empty for all.
        chunk: inputs at a time.
    """
    with looking_only(net):
        if not among:
            return torch.cat([net(part).argmax(1) for part in x.split(chunk)])
        classes = torch.tensor(among, device=x.device)
        return torch.cat([classes[net(part)[:, classes].argmax(1)] for part in x.split(chunk)])


def accuracy(predicted: Int[Tensor, " n"], y: Int[Tensor, " n"], classes: tuple[int, ...]) -> float:
    """Fraction correct among the examples whose label is one of `classes`.

    A prediction outside `classes` counts as wrong: nobody tells the network which classes are asked
    (class-incremental evaluation; van de Ven & Tolias 2019).

    >>> accuracy(torch.tensor([0, 1, 2]), torch.tensor([0, 0, 2]), classes=(0,))
    0.5
    """
    asked = torch.isin(y, torch.tensor(classes, device=y.device))
    if not asked.any():
        raise ValueError(f"no example has a label in {classes}")
    return (predicted[asked] == y[asked]).double().mean().item()


def confusion(predicted: Int[Tensor, " n"], y: Int[Tensor, " n"], n_classes: int) -> Float[Tensor, "true predicted"]:
    """Row-normalised confusion matrix: entry (t, p) is the fraction of class t's examples taken for p.

    >>> confusion(torch.tensor([0, 1, 1]), torch.tensor([0, 0, 1]), 2)
    tensor([[0.5000, 0.5000],
            [0.0000, 1.0000]])
    """
    counts = torch.bincount(y * n_classes + predicted, minlength=n_classes * n_classes).view(n_classes, n_classes)
    return counts / counts.sum(1, keepdim=True).clamp(min=1)


def first_nonfinite(brain: Brain) -> str | None:
    """Name of the first parameter that holds NaN or infinity, or None."""
    for name, parameter in brain.net.named_parameters():
        # One sum instead of an elementwise test: NaN and infinity both survive it.
        if not torch.isfinite(parameter.detach().sum(dtype=torch.float64)):
            return name
    return None
