"""What a stranger's data and networks are asked before anything learns from them; every answer says what to do."""

import difflib
from collections.abc import Iterable
from typing import Any

import torch
from torch import Tensor, nn

from oneiros.core import Batch


def lesson(net: nn.Module, x: Any, y: Any) -> Batch:
    """Inputs and labels, tensors or arrays, as a batch that `net` can learn; or one clear error.

    Raises:
        TypeError: labels are no whole numbers, or inputs no floating point numbers.
        ValueError: lengths differ, an input is NaN or infinite, or the net's parameters are on another device.
    """
    x, y = _floating(x), torch.as_tensor(y)
    if y.is_floating_point() or y.is_complex() or y.dtype == torch.bool:
        raise TypeError(f"labels are {y.dtype}; expected whole class numbers from 0: y.long()")
    if y.ndim != 1 or x.ndim < 2 or len(x) != len(y) or not len(x):
        raise ValueError(
            f"inputs {tuple(x.shape)} with labels {tuple(y.shape)}; expected [n, ...] and [n] with n of at least 1 "
            "(one class number a row, not one-hot)"
        )
    x = inputs(net, x)
    return Batch(x=x, y=y.to(x.device, torch.int64))


def inputs(net: nn.Module, x: Any) -> Tensor:
    """Inputs, a tensor or an array, as `net` can take them; or one clear error.

    Raises:
        TypeError: they are no floating point numbers.
        ValueError: one is NaN or infinite, or the net's parameters are on another device.
    """
    x = _floating(x)
    same_device(net, x)
    wrong = (~x.flatten(1).isfinite()).any(1).nonzero().flatten()
    if len(wrong):
        raise ValueError(
            f"{len(wrong)} of {len(x)} inputs hold NaN or infinity, the first is row {int(wrong[0])}: "
            "fill the gaps or leave those rows out"
        )
    return x


def labels(y: Tensor, *, classes: int) -> None:
    """Raise ValueError where a class number is not one of the first `classes`."""
    outside = ((y < 0) | (y >= classes)).nonzero().flatten()
    if len(outside):
        row = int(outside[0])
        raise ValueError(
            f"label {int(y[row])} in row {row} is outside classes 0 to {classes - 1}: "
            "number the classes from 0, or give Sleeper(classes=...) as many as will ever come"
        )


def _floating(x: Any) -> Tensor:
    x = torch.as_tensor(x)
    if x.dtype == torch.float64:
        x = x.float()
    if not x.is_floating_point():
        raise TypeError(f"inputs are {x.dtype}; expected floating point: x.float(), and grey values divided by 255")
    return x


def same_device(net: nn.Module, x: Tensor) -> None:
    """Raise ValueError where the net's parameters and the inputs are on different devices."""
    for name, parameter in net.named_parameters():
        if parameter.device.type != x.device.type:
            raise ValueError(
                f"the net's {name} is on {parameter.device}, the inputs are on {x.device}: "
                f"x.to({str(parameter.device)!r}), or net.to({str(x.device)!r}) before the Sleeper is made"
            )


def scores(net: nn.Module, x: Tensor, *, classes: int | None) -> int:
    """How many scores `net` gives; ValueError where that is not one a class, if it is known how many these are."""
    modes = [(module, module.training) for module in net.modules()]
    net.eval()
    try:
        with torch.no_grad():
            shape = tuple(net(x).shape)
    finally:
        for module, training in modes:
            module.training = training
    if len(shape) != 2 or shape[0] != len(x) or shape[1] < 2 or shape[1] != (classes or shape[1]):
        raise ValueError(
            f"{type(net).__name__} gives {shape} for {len(x)} inputs; expected scores "
            f"{(len(x), classes or 'classes')}: one for every class that will ever come, those that are not known yet "
            "included"
        )
    return shape[1]


def known(name: str, names: Iterable[str], *, what: str, where: object) -> None:
    """Raise KeyError with the nearest names where `name` is not among `names`."""
    names = [each for each in names if each]
    if name in names:
        return
    near = difflib.get_close_matches(name, names, n=3, cutoff=0.4)
    hint = f"did you mean {' or '.join(map(repr, near))}?" if near else f"there are {', '.join(names[:12])}"
    raise KeyError(f"{type(where).__name__} has no {what} {name!r}; {hint}")
