"""Networks that take more, or give other things, than one tensor of floating point numbers. See `reading`, `Wrapped`.

Mechanisms know one tensor of inputs and one of scores. What is otherwise is packed into one tensor, row by row, and
unpacked where the network is called, so that what is kept, mixed and shuffled stays one tensor.
"""

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Literal

import torch
from jaxtyping import Float
from torch import Tensor, nn

WHOLE = (torch.int32, torch.int64, torch.int16)


@dataclass(frozen=True)
class Reading:
    """How inputs become one tensor `[n, width]` of float64, which holds whole numbers up to 2^53 as they are.

    Attributes:
        kind: a tensor of whole numbers (token ids), a mapping of tensors by name, or a sequence of tensors.
        names: of the tensors; "" where they have none.
        shapes: of one row of each.
        dtypes: of each, such as "int64".
    """

    kind: Literal["ids", "mapping", "sequence"]
    names: tuple[str, ...]
    shapes: tuple[tuple[int, ...], ...]
    dtypes: tuple[str, ...]

    def pack(self, given: Any) -> Float[Tensor, "n width"]:
        """Inputs as one tensor.

        Raises:
            ValueError: they have other names or shapes than the first ones had.
        """
        parts = _parts(given)
        if tuple(parts) != self.names or tuple(tuple(part.shape[1:]) for part in parts.values()) != self.shapes:
            raise ValueError(
                f"inputs are {_said(parts)}; the first lesson's were "
                f"{_said_of(self.names, self.shapes)}: pad all to one length, and give the same parts every time"
            )
        return torch.cat([part.flatten(1).double() for part in parts.values()], 1)

    def unpack(self, x: Float[Tensor, "n width"], floating: torch.dtype) -> dict[str, Tensor]:
        """What was packed; floating point numbers as `floating`."""
        found: dict[str, Tensor] = {}
        columns = x.split([math.prod(shape) for shape in self.shapes], 1)
        for name, shape, dtype, part in zip(self.names, self.shapes, self.dtypes, columns, strict=True):
            own: torch.dtype = getattr(torch, dtype)
            found[name] = part.to(floating if own.is_floating_point else own).unflatten(1, shape or (1,))
            found[name] = found[name] if shape else found[name].squeeze(1)
        return found

    def ask(self, net: nn.Module, x: Float[Tensor, "n width"]) -> Any:
        """What `net` says to packed inputs."""
        given = self.unpack(x, _floating(net))
        return net(**given) if self.kind == "mapping" else net(*given.values())

    @property
    def numeric(self) -> bool:
        """Whether all of it are floating point numbers."""
        return all(getattr(torch, dtype).is_floating_point for dtype in self.dtypes)

    def said(self) -> Tensor:
        """As bytes of JSON, for a state of tensors."""
        return torch.frombuffer(bytearray(json.dumps(asdict(self)).encode()), dtype=torch.uint8).clone()

    @staticmethod
    def of(said: Tensor) -> "Reading":
        """What `said` gave."""
        kept = json.loads(bytes(said.cpu().tolist()))
        shapes = tuple(tuple(shape) for shape in kept["shapes"])
        return Reading(kept["kind"], tuple(kept["names"]), shapes, tuple(kept["dtypes"]))


def reading(given: Any) -> Reading | None:
    """How these inputs are packed; None for a tensor or an array of other than whole numbers, which is taken as it is.

    Raises:
        TypeError: a part is no tensor.
    """
    if not isinstance(given, Mapping | list | tuple):
        x = torch.as_tensor(given)
        return Reading("ids", ("",), (tuple(x.shape[1:]),), (_name(x),)) if x.dtype in WHOLE else None
    parts = _parts(given)
    if not parts:
        raise TypeError("inputs are an empty collection; expected tensors with a row an example")
    kind = "mapping" if isinstance(given, Mapping) else "sequence"
    shapes = tuple(tuple(part.shape[1:]) for part in parts.values())
    return Reading(kind, tuple(parts), shapes, tuple(_name(part) for part in parts.values()))


class Wrapped(nn.Module):
    """A network as mechanisms want it: one tensor in, scores in single or double precision out.

    Args:
        net: the owner's; its very parameters.
        reading: how its inputs are packed; None where they are one tensor.
    """

    def __init__(self, net: nn.Module, reading: Reading | None) -> None:
        super().__init__()
        self.net = net
        self.reading = reading

    def forward(self, x: Tensor) -> Tensor:
        """Inputs, packed if need be, to scores `[n, classes]`."""
        answer = self.net(x.to(_floating(self.net))) if self.reading is None else self.reading.ask(self.net, x)
        scores = scores_of(answer, self.net)
        return scores.float() if scores.dtype in (torch.float16, torch.bfloat16) else scores


class Scoring(nn.Module):
    """A network of anybody's form that is asked as its owner asks it, and gives scores as a tensor.

    Args:
        net: the network.
    """

    def __init__(self, net: nn.Module) -> None:
        super().__init__()
        self.net = net

    def forward(self, *given: Any, **named: Any) -> Tensor:
        """What the network takes, to scores `[n, classes]`."""
        return scores_of(self.net(*given, **named), self.net)


def scores_of(answer: Any, net: nn.Module) -> Tensor:
    """Scores out of what a network gives: a tensor, a mapping or an object with `logits`, or a sequence led by them.

    Raises:
        TypeError: there are none in it.
    """
    found = answer
    if isinstance(found, Mapping):
        found = found.get("logits")
    elif isinstance(found, Sequence):
        found = found[0] if found else None
    elif not isinstance(found, Tensor):
        found = getattr(found, "logits", None)
    if not isinstance(found, Tensor):
        raise TypeError(
            f"{type(net).__name__} gives a {type(answer).__name__}; expected scores [n, classes], or something with "
            "`logits`: put a module around it whose forward returns the scores"
        )
    return found


def wraps(net: nn.Module, packing: Reading | None, x: Tensor) -> bool:
    """Whether `net` has to be wrapped for these inputs, `[1, ...]`."""
    if packing is not None or _floating(net) in (torch.float16, torch.bfloat16):
        return True
    modes = [(module, module.training) for module in net.modules()]
    net.eval()
    try:
        with torch.no_grad():
            return not isinstance(net(x), Tensor)
    finally:
        for module, training in modes:
            module.training = training


def _floating(net: nn.Module) -> torch.dtype:
    """Of the first floating point parameter."""
    return next((each.dtype for each in net.parameters() if each.is_floating_point()), torch.float32)


def _parts(given: Any) -> dict[str, Tensor]:
    if isinstance(given, Mapping):
        named = {str(name): value for name, value in given.items()}
    elif isinstance(given, list | tuple):
        named = {str(place): value for place, value in enumerate(given)}
    else:
        named = {"": torch.as_tensor(given)}
    for name, value in named.items():
        if not isinstance(value, Tensor) or not value.ndim:
            raise TypeError(f"input {name!r} is a {type(value).__name__}; expected a tensor with a row an example")
    return named


def _name(x: Tensor) -> str:
    return str(x.dtype).removeprefix("torch.")


def _said(parts: Mapping[str, Tensor]) -> str:
    return _said_of(tuple(parts), tuple(tuple(part.shape[1:]) for part in parts.values()))


def _said_of(names: tuple[str, ...], shapes: tuple[tuple[int, ...], ...]) -> str:
    return ", ".join(f"{name} {shape}".strip() for name, shape in zip(names, shapes, strict=True))
