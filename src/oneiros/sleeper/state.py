"""What a `Sleeper` is made of, as tensors by name, and back: see `Sleeper.state_dict`."""

import json
from collections.abc import Mapping, Sequence

import torch
from torch import Tensor, nn

from oneiros.brain_state import BrainState, OtherBrainError, below, brain_state, require_same, restore_brain
from oneiros.core import Brain
from oneiros.sleeper.mechanism import Attachment

Tensors = Mapping[str, Tensor]
SAID = "said"  # what is no tensor, as JSON in bytes
MOST_NAMES = 5


def of_net(net: nn.Module) -> dict[str, Tensor]:
    """The owner's network: weights and buffers, and which of its layers learn no more."""
    return {name.replace("net/", "net.", 1): value for name, value in _flat(brain_state(Brain(net=net))).items()}


def of_parts(parts: Sequence[Attachment], net: nn.Module) -> dict[str, Tensor]:
    """What mechanisms have beside the owner's network: tensors of their own, memories and optimisers."""
    kept: dict[str, Tensor] = {}
    for place, each in enumerate(parts):
        state = _flat(brain_state(each.brain, beside=net))
        kept |= {f"{place}.{name}": value for name, value in state.items()}
    return kept


def require_same_net(net: nn.Module, kept: Tensors) -> None:
    """Raise ValueError where `kept` is of a network with other tensors."""
    try:
        require_same(Brain(net=net), _net_state(kept))
    except OtherBrainError as error:
        raise ValueError(f"this state does not fit {type(net).__name__}: {error}") from error


def restore(net: nn.Module, parts: Sequence[Attachment], kept: Tensors) -> None:
    """Put back what `of_net` and `of_parts` gave.

    Raises:
        ValueError: it is of another mechanism; nothing has changed then.
    """
    own = [_unpacked(below(kept, f"{place}.")) for place in range(len(parts))]
    places = {name.split(".")[0] for name in kept if name.split(".")[0].isdigit()}
    if len(places) != len(parts):
        raise ValueError(
            f"this state does not fit this Sleeper's mechanism: it is of {len(places)} attached parts, "
            f"expected {len(parts)}: make it with the same mechanism"
        )
    for place, (each, theirs) in enumerate(zip(parts, own, strict=True)):
        try:
            require_same(each.brain, theirs, beside=net)
        except OtherBrainError as error:
            raise ValueError(f"this state does not fit this Sleeper's mechanism: in part {place}, {error}") from error
    for each, theirs in zip(parts, own, strict=True):
        restore_brain(each.brain, theirs, beside=net)
    restore_brain(Brain(net=net), _net_state(kept))


def require_same_life(kept: Tensors, *, classes: int, seed: int) -> None:
    """Raise ValueError where `kept` is no Sleeper's, or one's with other arguments."""
    if {"counts", "met", "rests"} <= set(kept):
        raise ValueError("this state of a Sleeper is of an older oneiros: let that version finish the life")
    if not {"counts", "met", SAID} <= set(kept):
        more = f" and {len(kept) - MOST_NAMES} more" if len(kept) > MOST_NAMES else ""
        names = "; ".join(list(kept)[:MOST_NAMES]) + more
        raise ValueError(f"this is no state of a Sleeper: it holds {names}; expected what state_dict() gave")
    theirs = {"classes": int(kept["counts"][0]), "seed": int(kept["counts"][1])}
    for name, mine in {"classes": classes, "seed": seed}.items():
        if theirs[name] != mine and not (name == "classes" and mine == 0):
            raise ValueError(
                f"this state is of Sleeper(..., {name}={theirs[name]}), this one has {name}={mine}: "
                "make it with the same arguments"
            )


def _flat(state: BrainState) -> dict[str, Tensor]:
    """Contiguous copies that share storage with nothing, and one tensor that says the rest."""
    said = torch.frombuffer(bytearray(json.dumps(state.said, sort_keys=True).encode()), dtype=torch.uint8)
    own = {name: value.clone(memory_format=torch.contiguous_format) for name, value in state.tensors.items()}
    return {**own, SAID: said.clone()}


def _net_state(kept: Tensors) -> BrainState:
    weights = {f"net/{name}": value for name, value in below(kept, "net.").items()}
    return _unpacked({**weights, SAID: kept[SAID]})


def _unpacked(kept: Tensors) -> BrainState:
    tensors = {name: value for name, value in kept.items() if name != SAID}
    said = json.loads(bytes(kept[SAID].cpu().tolist())) if SAID in kept else {"brain": {"memory": {}, "optim": {}}}
    return BrainState(tensors=tensors, said=said)
