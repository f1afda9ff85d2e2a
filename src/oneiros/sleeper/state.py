"""What a `Sleeper` is made of, as tensors by name, and back: see `Sleeper.state_dict`."""

from collections.abc import Iterable, Mapping
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm

from oneiros.core import Brain
from oneiros.sleeper.mechanism import Attachment

Tensors = Mapping[str, Tensor]
MOST_DIFFERENCES = 5


def apart(name: str, value: Any) -> Tensor:
    """A contiguous copy that shares storage with nothing; or TypeError where it is no tensor."""
    if not isinstance(value, Tensor):
        raise TypeError(f"{name} is a {type(value).__name__}, which a Sleeper cannot keep; expected a tensor")
    return value.detach().clone(memory_format=torch.contiguous_format)


def below(entries: Tensors, prefix: str) -> dict[str, Tensor]:
    """The entries whose names begin with `prefix`, without it."""
    return {name.removeprefix(prefix): value for name, value in entries.items() if name.startswith(prefix)}


def of_net(net: nn.Module) -> dict[str, Tensor]:
    """The owner's network: weights, buffers, and which of its layers rest (`RestBelow`), which no state_dict says."""
    rests = torch.tensor([not each.requires_grad for each in net.parameters()])
    momentum = [float("nan") if each.momentum is None else each.momentum for each in _normalising(net)]
    weights = {f"net.{name}": value for name, value in net.state_dict().items()}
    return {**weights, "rests": rests, "momentum": torch.tensor(momentum, dtype=torch.float64)}


def restore_net(net: nn.Module, kept: Tensors) -> None:
    """Put back what `of_net` gave."""
    net.load_state_dict(below(kept, "net."))
    for parameter, rests in zip(net.parameters(), kept["rests"].tolist(), strict=True):
        parameter.requires_grad_(not rests)
    for module, momentum in zip(_normalising(net), kept["momentum"].tolist(), strict=True):
        module.momentum = None if momentum != momentum else momentum


def of_brain(brain: Brain, net: nn.Module) -> dict[str, Tensor]:
    """What a mechanism has beside the owner's network: tensors of its own, memories and optimisers."""
    kept = {f"beside.{name}": value for name, value in _beside(brain, net).items()}
    for name, memory in brain.memory.items():
        kept[f"length.{name}"] = torch.tensor(int(memory.nbytes > 0))  # so that an empty memory is named too
        kept |= {f"memory.{name}.{key}": value for key, value in memory.state_dict().items()}
    for name, optimiser in brain.optim.items():
        rates = [float(group["lr"]) for group in optimiser.param_groups]
        kept[f"rates.{name}"] = torch.tensor(rates, dtype=torch.float64)
        for index, moments in optimiser.state_dict()["state"].items():
            kept |= {f"moments.{name}.{index}.{key}": value for key, value in moments.items()}
    return kept


def restore_brain(brain: Brain, net: nn.Module, kept: Tensors) -> None:
    """Put back what `of_brain` gave."""
    with torch.no_grad():
        for name, value in _beside(brain, net).items():
            value.copy_(kept[f"beside.{name}"])
    device = next(net.parameters()).device
    for name, memory in brain.memory.items():
        # Copies: memories keep what they are given, and the caller may go on with another Sleeper.
        own = {key: value.to(device, copy=True) for key, value in below(kept, f"memory.{name}.").items()}
        memory.load_state_dict(own)
    for name, optimiser in brain.optim.items():
        _restore_optimiser(optimiser, kept[f"rates.{name}"].tolist(), below(kept, f"moments.{name}."))


def _restore_optimiser(optimiser: torch.optim.Optimizer, rates: list[float], moments: Tensors) -> None:
    parameters = [each for group in optimiser.param_groups for each in group["params"]]
    state: dict[int, dict[str, Tensor]] = {}
    for name, value in moments.items():
        index, key = name.split(".", 1)
        like = parameters[int(index)]
        # Laid out in memory as the parameter is: fused optimisers go through memory, whatever the shape.
        laid_out = torch.empty_like(like, dtype=value.dtype) if value.shape == like.shape else torch.empty_like(value)
        state.setdefault(int(index), {})[key] = laid_out.copy_(value)
    optimiser.load_state_dict({"state": state, "param_groups": optimiser.state_dict()["param_groups"]})
    for group, rate in zip(optimiser.param_groups, rates, strict=True):
        group["lr"] = torch.as_tensor(rate).to(group["lr"]) if isinstance(group["lr"], Tensor) else rate


def _beside(brain: Brain, net: nn.Module) -> dict[str, Tensor]:
    own = {id(value) for value in net.state_dict(keep_vars=True).values()}
    return {name: value for name, value in brain.net.state_dict(keep_vars=True).items() if id(value) not in own}


def _normalising(net: nn.Module) -> list[_BatchNorm]:
    return [module for module in net.modules() if isinstance(module, _BatchNorm)]


def require_same_life(kept: Tensors, *, classes: int, seed: int) -> None:
    """Raise ValueError where `kept` is no Sleeper's, or one's with other arguments."""
    if not {"counts", "met", "rests", "momentum"} <= set(kept):
        raise ValueError(f"this is no state of a Sleeper: it holds {_some(kept)}; expected what state_dict() gave")
    theirs = {"classes": int(kept["counts"][0]), "seed": int(kept["counts"][1])}
    for name, mine in {"classes": classes, "seed": seed}.items():
        if theirs[name] != mine:
            raise ValueError(
                f"this state is of Sleeper(..., {name}={theirs[name]}), this one has {name}={mine}: "
                "make it with the same arguments"
            )


def require_same_net(net: nn.Module, kept: Tensors) -> None:
    """Raise ValueError where `kept` is of a network with other tensors."""
    mine = _shapes({name: value for name, value in of_net(net).items() if name.startswith("net.")})
    theirs = _shapes({name: value for name, value in kept.items() if name.startswith("net.")})
    _require_same(type(net).__name__, mine, theirs)


def require_same_parts(parts: Iterable[Attachment], net: nn.Module, kept: Tensors) -> None:
    """Raise ValueError where `kept` is of another mechanism: other tensors beside the net, memories or optimisers."""
    mine = {f"{i}.{k}": v for i, each in enumerate(parts) for k, v in of_brain(each.brain, net).items()}
    _require_same("this Sleeper's mechanism", _shapes(_fixed(mine)), _shapes(_fixed(kept)))


def _fixed(kept: Tensors) -> dict[str, Tensor]:
    """Of a mechanism's entries, those that are there in every life, in the same shape."""
    fixed = ("beside", "length", "rates")
    return {name: value for name, value in kept.items() if name[0].isdigit() and name.split(".")[1] in fixed}


def _shapes(kept: Tensors) -> dict[str, str]:
    return {name: f"{tuple(value.shape)} {value.dtype}" for name, value in kept.items()}


def _require_same(whose: str, mine: Mapping[str, str], theirs: Mapping[str, str]) -> None:
    wrong = [name for name in sorted({*mine, *theirs}) if mine.get(name) != theirs.get(name)]
    if wrong:
        said = [f"{name} is {theirs.get(name, 'missing')}, expected {mine.get(name, 'none')}" for name in wrong]
        raise ValueError(f"this state does not fit {whose}: {_some(said)}")


def _some(names: Iterable[str]) -> str:
    names = list(names)
    more = f" and {len(names) - MOST_DIFFERENCES} more" if len(names) > MOST_DIFFERENCES else ""
    return "; ".join(names[:MOST_DIFFERENCES]) + more
