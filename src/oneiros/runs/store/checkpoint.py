"""A brain on disk: its tensors, and JSON in the file's header for the rest. Never pickle.

Kept apart from the rest of the room because it and `tensors` alone need torch.
"""

import json
from collections.abc import Iterator, Mapping, MutableMapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from oneiros.core import Brain
from oneiros.life import Cursor
from oneiros.runs.store.errors import CheckpointError, DamagedError
from oneiros.runs.store.folder import RunFolder
from oneiros.runs.store.tensors import read_tensors, refusal, write_tensors

FORMAT = "oneiros-checkpoint/3"
WEIGHTS = "oneiros-weights/1"
MOST_DIFFERENCES = 5
PARTS = ("brain", "cursor", "note", "optim")


def save_brain(
    path: Path, brain: Brain, cursor: Cursor, note: Mapping[str, Any], tallies: Mapping[str, Tensor] | None = None
) -> None:
    """Write `brain`, where it is in its life, a JSON note and what measurements have added up, in one atomic step."""
    tensors = {f"net/{name}": value for name, value in brain.net.state_dict().items()}
    for name, memory in brain.memory.items():
        tensors |= {f"memory/{name}/{key}": value for key, value in memory.state_dict().items()}
    tensors |= {f"tally/{name}": value for name, value in (tallies or {}).items()}
    optim: dict[str, Any] = {}
    for name, optimiser in brain.optim.items():
        state = optimiser.state_dict()
        optim[name] = {
            "groups": _apart(state["param_groups"], f"optim/{name}/groups", tensors),
            "state": _apart({str(k): v for k, v in state["state"].items()}, f"optim/{name}/state", tensors),
        }
    parts = {"brain": _anatomy(brain), "cursor": asdict(cursor), "note": dict(note), "optim": optim}
    write_tensors(path, FORMAT, tensors, {name: json.dumps(part) for name, part in parts.items()})


def load_brain(
    path: Path, brain: Brain, tallies: MutableMapping[str, Tensor] | None = None
) -> tuple[Cursor, dict[str, Any]]:
    """Restore into `brain` what `save_brain` wrote, once it is known to be ours, whole and of such a brain.

    Raises:
        CheckpointError: the file is not ours, is damaged, or belongs to another brain.
    """
    tensors, texts = read_tensors(path, FORMAT)
    try:
        header = {part: json.loads(texts[part]) for part in PARTS}
    except (ValueError, KeyError) as error:
        raise CheckpointError(refusal(path, f"its header cannot be read ({error})")) from error
    _require_same(path, _anatomy(brain), {**header["brain"], "net": _shapes(dict(_below(tensors, "net")))})
    brain.net.load_state_dict(dict(_below(tensors, "net")))
    device = _device(brain.net)
    for name, memory in brain.memory.items():
        memory.load_state_dict({key: value.to(device) for key, value in _below(tensors, f"memory/{name}")})
    for name, optimiser in brain.optim.items():
        saved = header["optim"][name]
        state = {int(index): value for index, value in _together(saved["state"], tensors).items()}
        groups = _together(saved["groups"], tensors)
        optimiser.load_state_dict({"state": state, "param_groups": _on_their_devices(groups, optimiser)})
    if tallies is not None:
        tallies.update((name, value.to(device)) for name, value in _below(tensors, "tally"))
    return Cursor(**header["cursor"]), header["note"]


def save_weights(path: Path, net: nn.Module) -> None:
    """Write the weights of a net, and nothing else."""
    write_tensors(path, WEIGHTS, net.state_dict(), {})


def load_weights(path: Path, net: nn.Module) -> None:
    """Restore what `save_weights` wrote into a net of the same shapes.

    Raises:
        CheckpointError: the file is not ours, is damaged, or belongs to another net.
    """
    tensors, _ = read_tensors(path, WEIGHTS)
    _require_same(path, {"net": _shapes(net.state_dict())}, {"net": _shapes(tensors)})
    net.load_state_dict(tensors)


def commit(folder: RunFolder, brain: Brain, cursor: Cursor, tallies: Mapping[str, Tensor] | None = None) -> None:
    """Rows first, then the checkpoint that vouches for them."""
    save_brain(folder.checkpoint, brain, cursor, folder.flush(), tallies)


def restore(folder: RunFolder, brain: Brain, tallies: MutableMapping[str, Tensor] | None = None) -> Cursor | None:
    """Put brain and rows back to the last commit; None where there is none, with the rows emptied."""
    if not folder.checkpoint.exists():
        folder.rewind(0, 0.0)
        return None
    cursor, note = load_brain(folder.checkpoint, brain, tallies)
    try:
        folder.rewind(int(note["length"]), float(note["worked"]))
    except (KeyError, TypeError, ValueError) as error:
        raise DamagedError(
            f"{folder.checkpoint} does not say how many rows it vouches for; delete {folder.path}"
        ) from error
    return cursor


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
    raise CheckpointError(
        f"{key} is {value!r} of type {type(value).__name__}, which no checkpoint can keep; "
        "expected numbers, text, None, tensors, or lists, tuples and dictionaries of them"
    )


def _together(kept: Any, tensors: Mapping[str, Tensor]) -> Any:
    """What `_apart` took apart."""
    if isinstance(kept, list):
        return [_together(part, tensors) for part in kept]
    if not isinstance(kept, dict):
        return kept
    ((kind, value),) = kept.items()
    if kind == "tensor":
        return tensors[value]
    if kind == "tuple":
        return tuple(_together(part, tensors) for part in value)
    return {name: _together(part, tensors) for name, part in value.items()}


def _on_their_devices(groups: list[dict[str, Any]], optimiser: torch.optim.Optimizer) -> list[dict[str, Any]]:
    """The saved hyperparameters; one that is a tensor lives where the present one does."""
    pairs = zip(groups, optimiser.param_groups, strict=True)
    return [
        {
            k: v.to(now[k].device) if isinstance(v, Tensor) and isinstance(now.get(k), Tensor) else v
            for k, v in g.items()
        }
        for g, now in pairs
    ]


def _device(net: nn.Module) -> torch.device:
    return next((weights.device for weights in net.parameters()), torch.device("cpu"))


def _below(entries: Mapping[str, Any], prefix: str) -> Iterator[tuple[str, Any]]:
    return ((key[len(prefix) + 1 :], value) for key, value in entries.items() if key.startswith(f"{prefix}/"))


def _shapes(tensors: Mapping[str, Tensor]) -> dict[str, str]:
    return {name: f"{tuple(value.shape)} {value.dtype}" for name, value in tensors.items()}


def _anatomy(brain: Brain) -> dict[str, dict[str, str]]:
    """What two brains must have in common for one to take the other's checkpoint."""
    groups = {name: optimiser.state_dict()["param_groups"] for name, optimiser in brain.optim.items()}
    return {
        "net": _shapes(brain.net.state_dict()),
        "memory": {name: type(memory).__name__ for name, memory in brain.memory.items()},
        "optim": {
            name: f"{type(brain.optim[name]).__name__} of parameters {[group['params'] for group in mine]}"
            for name, mine in groups.items()
        },
    }


def _require_same(path: Path, expected: Mapping[str, dict[str, str]], came: Mapping[str, dict[str, str]]) -> None:
    differences = [
        f"{part} {name!r} is {came[part].get(name, 'missing')}, expected {expected[part].get(name, 'none')}"
        for part in expected
        for name in sorted(expected[part] | came[part])
        if came[part].get(name) != expected[part].get(name)
    ]
    if differences:
        more = f" and {len(differences) - MOST_DIFFERENCES} more" if len(differences) > MOST_DIFFERENCES else ""
        raise CheckpointError(refusal(path, f"its {'; its '.join(differences[:MOST_DIFFERENCES])}{more}"))
