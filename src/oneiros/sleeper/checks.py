"""What a stranger's data and networks are asked before anything learns from them; every answer says what to do."""

import contextlib
import difflib
from collections.abc import Iterable, Iterator
from numbers import Integral
from typing import Any

import torch
from torch import Tensor, nn

from oneiros.core import Batch
from oneiros.sleeper.inputs import Reading, Wrapped, scores_of


def whole(name: str, value: Any, *, least: int) -> int:
    """A whole number of at least `least`.

    Raises:
        TypeError: it is none.
        ValueError: it is less.
    """
    if isinstance(value, bool) or not isinstance(value, Integral):
        raise TypeError(f"{name} is {value!r}; expected a whole number of at least {least}")
    if value < least:
        raise ValueError(f"{name} is {value}; expected at least {least}")
    return int(value)


def lesson(net: nn.Module, x: Any, y: Any, packing: Reading | None = None) -> Batch:
    """Inputs and labels, tensors or arrays, as a batch that `net` can learn; or one clear error.

    Raises:
        TypeError: labels are no whole numbers, or inputs neither floating point numbers nor token ids.
        ValueError: lengths differ, an input is NaN or infinite, or the net's parameters are on another device.
    """
    x, y = _tensor(net, x, packing), torch.as_tensor(y)
    if y.is_floating_point() or y.is_complex() or y.dtype == torch.bool:
        raise TypeError(f"labels are {y.dtype}; expected whole class numbers from 0: y.long()")
    if y.ndim != 1 or x.ndim < 2 or len(x) != len(y) or not len(x):
        raise ValueError(
            f"inputs {tuple(x.shape)} with labels {tuple(y.shape)}; expected [n, ...] and [n] with n of at least 1 "
            "(one class number a row, not one-hot)"
        )
    _usable(net, x)
    return Batch(x=x, y=y.to(x.device, torch.int64))


def inputs(net: nn.Module, x: Any, packing: Reading | None = None) -> Tensor:
    """Inputs, a tensor or an array or what `packing` says, as one tensor for `net`; or one clear error.

    Raises:
        TypeError: they are no floating point numbers.
        ValueError: one is NaN or infinite, or the net's parameters are on another device.
    """
    x = _tensor(net, x, packing)
    _usable(net, x)
    return x


def _usable(net: nn.Module, x: Tensor) -> None:
    same_device(net, x)
    wrong = (~x.flatten(1).isfinite()).any(1).nonzero().flatten()
    if len(wrong):
        raise ValueError(
            f"{len(wrong)} of {len(x)} inputs hold NaN or infinity, the first is row {int(wrong[0])}: "
            "fill the gaps or leave those rows out"
        )


def labels(y: Tensor, *, classes: int) -> None:
    """Raise ValueError where a class number is not one of the first `classes`."""
    outside = ((y < 0) | (y >= classes)).nonzero().flatten()
    if len(outside):
        row = int(outside[0])
        raise ValueError(
            f"label {int(y[row])} in row {row} is outside classes 0 to {classes - 1}: "
            "number the classes from 0, or give Sleeper(classes=...) as many as will ever come"
        )


def _tensor(net: nn.Module, x: Any, packing: Reading | None) -> Tensor:
    """Floating point inputs, in double precision where the net or what is packed is."""
    if packing is not None:
        return packing.pack(x)
    x = torch.as_tensor(x)
    if not x.is_floating_point():
        raise TypeError(f"inputs are {x.dtype}; expected floating point: x.float(), and grey values divided by 255")
    return x.to(torch.float64 if any(each.dtype == torch.float64 for each in net.parameters()) else torch.float32)


def as_one_tensor(net: nn.Module, mechanism: str, *, dreams: bool) -> None:
    """Raise TypeError where a mechanism that looks into inputs (`dreams`) or the network cannot.

    Raises:
        TypeError: inputs are packed, or the network is in half precision or gives something else than scores.
    """
    if not isinstance(net, Wrapped):
        return
    packing = net.reading
    if packing is not None:
        raise TypeError(
            f"{mechanism} needs one tensor of floating point numbers as input; these are a {packing.kind} of "
            f"{', '.join(packing.dtypes)}: use Sleeper(net), NoSleep() or Rehearsal()"
        )
    if not dreams:
        raise TypeError(
            f"{mechanism} acts inside the network, so it needs one in single or double precision whose forward returns "
            "scores: net.float() with torch.autocast by day, and a module around it that returns `.logits`; or use "
            "Sleeper(net), GenerativeReplay() or Rehearsal()"
        )


def same_device(net: nn.Module, x: Tensor) -> None:
    """Raise ValueError where the net's parameters and the inputs are on different devices."""
    for name, parameter in net.named_parameters():
        if parameter.device.type != x.device.type:
            raise ValueError(
                f"the net's {name} is on {parameter.device}, the inputs are on {x.device}: "
                f"x.to({str(parameter.device)!r}), or net.to({str(x.device)!r}) before the Sleeper is made"
            )


@contextlib.contextmanager
def taking(net: nn.Module, x: Tensor) -> Iterator[None]:
    """While the net is first asked: that it cannot take such inputs is one clear ValueError."""
    try:
        yield
    except RuntimeError as error:
        first = str(error).partition("\n")[0]
        raise ValueError(f"{type(net).__name__} cannot take inputs of {tuple(x.shape[1:])} each: {first}") from error


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


def answered(net: nn.Module, answer: Any, n: int) -> Tensor:
    """Scores `[n, classes]` out of what `net` has said; ValueError where they are of other inputs."""
    found = scores_of(answer, net)
    if found.ndim != 2 or len(found) != n:
        raise ValueError(f"the answer is {tuple(found.shape)} for {n} inputs; expected scores ({n}, classes)")
    return found.float() if found.dtype in (torch.float16, torch.bfloat16) else found


def known(name: str, names: Iterable[str], *, what: str, where: object) -> None:
    """Raise KeyError with the nearest names where `name` is not among `names`."""
    names = [each for each in names if each]
    if name in names:
        return
    near = difflib.get_close_matches(name, names, n=3, cutoff=0.4)
    hint = f"did you mean {' or '.join(map(repr, near))}?" if near else f"there are {', '.join(names[:12])}"
    raise KeyError(f"{type(where).__name__} has no {what} {name!r}; {hint}")
