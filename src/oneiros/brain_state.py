"""A brain to tensors and back: the only code that does this.

Checkpoints (`runs.store.checkpoint`), a `Sleeper`'s state (`sleeper.state`) and the evenings that tuning keeps
(`tuning.fitness`) are three ways to keep a `BrainState`. Test: `tests/contracts/test_phases.py`, after every phase.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _NormBase

from oneiros.core import Brain

MOST_DIFFERENCES = 5


class OtherBrainError(ValueError):
    """A state is of a brain of other parts."""


@dataclass(frozen=True, kw_only=True, eq=False)
class BrainState:
    """Everything that changes in a brain, but for `age` and `hour`, which `live` keeps.

    Attributes:
        tensors: by name: `net/...`, `memory/NAME/...`, `optim/NAME/...`. They share storage with the brain.
        said: the rest, of what JSON can say. `brain`: its parts. `net`: which parameters learn no more, and momentum of
            batch normalisation, which no state_dict tells (missing in checkpoints of before, which leave both as they
            are). `optim`: what an optimiser has besides tensors.
    """

    tensors: dict[str, Tensor]
    said: dict[str, Any]

    def copied(self) -> "BrainState":
        """The same in tensors of its own."""
        return BrainState(tensors={name: value.clone() for name, value in self.tensors.items()}, said=self.said)


def brain_state(brain: Brain, *, beside: nn.Module | None = None) -> BrainState:
    """What `restore_brain` needs to make another brain of the same parts go on as this one would.

    Args:
        brain: any.
        beside: a network that somebody else keeps: what the brain's net shares with it is left out.

    Raises:
        TypeError: something in it is neither a tensor nor anything that JSON can say.
    """
    tensors = {f"net/{name}": value for name, value in _own(brain.net, beside).items()}
    for name, memory in brain.memory.items():
        tensors |= {f"memory/{name}/{key}": value for key, value in memory.state_dict().items()}
    optim: dict[str, Any] = {}
    for name, optimiser in brain.optim.items():
        state = optimiser.state_dict()
        optim[name] = {
            "groups": _apart(state["param_groups"], f"optim/{name}/groups", tensors),
            "state": _apart({str(k): v for k, v in state["state"].items()}, f"optim/{name}/state", tensors),
        }
    for name, value in tensors.items():
        if not isinstance(value, Tensor):
            raise TypeError(f"{name} is a {type(value).__name__}, which no state can keep; expected a tensor")
    said = {"brain": _parts(brain), "net": _learning(brain.net, beside), "optim": optim}
    return BrainState(tensors={name: value.detach() for name, value in tensors.items()}, said=said)


def restore_brain(brain: Brain, state: BrainState, *, beside: nn.Module | None = None) -> None:
    """Make `brain` what it was when `brain_state` was asked; the state may be on any device, and stays apart.

    Raises:
        OtherBrainError: the state is of a brain of other parts; nothing has changed then.
    """
    require_same(brain, state, beside=beside)
    brain.net.load_state_dict(below(state.tensors, "net/"), strict=beside is None)
    _restore_learning(brain.net, state.said.get("net"), beside)
    device = next((weights.device for weights in brain.net.parameters()), torch.device("cpu"))
    for name, memory in brain.memory.items():
        # Copies: memories and optimisers keep what they are given.
        own = {key: value.to(device, copy=True) for key, value in below(state.tensors, f"memory/{name}/").items()}
        memory.load_state_dict(own)
    for name, optimiser in brain.optim.items():
        _restore_optimiser(optimiser, state.said["optim"][name], state.tensors)


def require_same(brain: Brain, state: BrainState, *, beside: nn.Module | None = None) -> None:
    """Raise OtherBrainError where the state is of a brain of other parts."""
    expected = {**_parts(brain), "net": _shapes(_own(brain.net, beside))}
    came = {**state.said["brain"], "net": _shapes(below(state.tensors, "net/"))}
    wrong = [
        f"{part} {name!r} is {came[part].get(name, 'missing')}, expected {expected[part].get(name, 'none')}"
        for part in ("net", "memory", "optim")
        for name in sorted(expected[part] | came[part])
        if came[part].get(name) != expected[part].get(name)
    ]
    if wrong:
        more = f" and {len(wrong) - MOST_DIFFERENCES} more" if len(wrong) > MOST_DIFFERENCES else ""
        raise OtherBrainError(f"its {'; its '.join(wrong[:MOST_DIFFERENCES])}{more}")


def below(entries: Mapping[str, Tensor], prefix: str) -> dict[str, Tensor]:
    """The entries whose names begin with `prefix`, without it."""
    return {name.removeprefix(prefix): value for name, value in entries.items() if name.startswith(prefix)}


def _parts(brain: Brain) -> dict[str, dict[str, str]]:
    """What two brains must have in common for one to take the other's state; shapes are in the tensors."""
    groups = {name: optimiser.state_dict()["param_groups"] for name, optimiser in brain.optim.items()}
    return {
        "memory": {name: type(memory).__name__ for name, memory in brain.memory.items()},
        "optim": {
            name: f"{type(brain.optim[name]).__name__} of parameters {[group['params'] for group in mine]}"
            for name, mine in groups.items()
        },
    }


def _own(net: nn.Module, beside: nn.Module | None) -> dict[str, Tensor]:
    theirs = {id(value) for value in beside.state_dict(keep_vars=True).values()} if beside else set()
    return {name: value for name, value in net.state_dict(keep_vars=True).items() if id(value) not in theirs}


def _learning(net: nn.Module, beside: nn.Module | None) -> dict[str, Any]:
    return {
        "frozen": [name for name, parameter in _parameters(net, beside) if not parameter.requires_grad],
        "momentum": {name: module.momentum for name, module in _normalising(net, beside)},
    }


def _restore_learning(net: nn.Module, said: Mapping[str, Any] | None, beside: nn.Module | None) -> None:
    if said is None:
        return
    for name, parameter in _parameters(net, beside):
        parameter.requires_grad_(name not in said["frozen"])
    for name, module in _normalising(net, beside):
        module.momentum = said["momentum"][name]


def _parameters(net: nn.Module, beside: nn.Module | None) -> Iterator[tuple[str, nn.Parameter]]:
    theirs = {id(parameter) for parameter in beside.parameters()} if beside else set()
    return ((name, parameter) for name, parameter in net.named_parameters() if id(parameter) not in theirs)


def _normalising(net: nn.Module, beside: nn.Module | None) -> Iterator[tuple[str, _NormBase]]:
    theirs = {id(module) for module in beside.modules()} if beside else set()
    return ((n, m) for n, m in net.named_modules() if isinstance(m, _NormBase) and id(m) not in theirs)


def _restore_optimiser(
    optimiser: torch.optim.Optimizer, kept: Mapping[str, Any], tensors: Mapping[str, Tensor]
) -> None:  # fmt: skip
    parameters = [each for group in optimiser.param_groups for each in group["params"]]
    state = {
        int(index): {key: _like(parameters[int(index)], value) for key, value in moments.items()}
        for index, moments in _joined(kept["state"], tensors).items()
    }
    groups = zip(_joined(kept["groups"], tensors), optimiser.param_groups, strict=True)
    own = [{key: _where(now.get(key), value) for key, value in group.items()} for group, now in groups]
    optimiser.load_state_dict({"state": state, "param_groups": own})


def _like(parameter: Tensor, value: Any) -> Any:
    """A copy that lies in memory as the parameter does: fused optimisers go through memory, whatever the shape."""
    if isinstance(value, list):
        return [_like(parameter, each) for each in value]
    if not isinstance(value, Tensor):
        return value
    laid_out = torch.empty_like(parameter, dtype=value.dtype) if value.shape == parameter.shape else value.clone()
    return laid_out.copy_(value)


def _where(now: Any, value: Any) -> Any:
    """A copy of a hyperparameter; one that is a tensor lives where the present one does."""
    if not isinstance(value, Tensor):
        return value
    return value.to(now.device, copy=True) if isinstance(now, Tensor) else value.clone()


def _apart(value: Any, key: str, tensors: dict[str, Tensor]) -> Any:
    """`value` as JSON, with its tensors put into `tensors`: learning rates may be tensors, states lists of them."""
    if isinstance(value, Tensor):
        tensors[key] = value
        return {"tensor": key}
    if isinstance(value, dict):
        return {"dict": {name: _apart(part, f"{key}/{name}", tensors) for name, part in value.items()}}
    if isinstance(value, list | tuple):
        parts = [_apart(part, f"{key}/{i}", tensors) for i, part in enumerate(value)]
        return {"tuple": parts} if isinstance(value, tuple) else parts
    if value is None or isinstance(value, bool | int | float | str):
        return value
    raise TypeError(
        f"{key} is {value!r} of type {type(value).__name__}, which no state can keep; "
        "expected numbers, text, None, tensors, or lists, tuples and dictionaries of them"
    )


def _joined(kept: Any, tensors: Mapping[str, Tensor]) -> Any:
    """What `_apart` took apart."""
    if isinstance(kept, list):
        return [_joined(part, tensors) for part in kept]
    if not isinstance(kept, dict):
        return kept
    ((kind, value),) = kept.items()
    if kind == "tensor":
        return tensors[value]
    if kind == "tuple":
        return tuple(_joined(part, tensors) for part in value)
    return {name: _joined(part, tensors) for name, part in value.items()}


def _shapes(tensors: Mapping[str, Tensor]) -> dict[str, str]:
    return {name: f"{tuple(value.shape)} {value.dtype}" for name, value in tensors.items()}
