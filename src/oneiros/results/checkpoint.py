"""A brain on disk: safetensors for its tensors, JSON in the file's header for the rest. Never pickle.

Kept apart from the rest of the room because it alone needs torch.
"""

import json
from collections.abc import Iterator, Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save
from torch import Tensor

from oneiros.core import Brain
from oneiros.life import Cursor
from oneiros.results.errors import CheckpointError, DamagedError
from oneiros.results.folder import RunFolder, write_atomically

FORMAT = "oneiros-checkpoint/2"
MOST_DIFFERENCES = 5


def save_brain(path: Path, brain: Brain, cursor: Cursor, note: Mapping[str, Any]) -> None:
    """Write `brain`, where it is in its life, and a JSON note, in one atomic step."""
    tensors = {f"net/{name}": value for name, value in brain.net.state_dict().items()}
    for name, memory in brain.memory.items():
        tensors |= {f"memory/{name}/{key}": value for key, value in memory.state_dict().items()}
    scalars: dict[str, Any] = {}
    for name, optimiser in brain.optim.items():
        for index, state in optimiser.state_dict()["state"].items():
            for key, value in state.items():
                if isinstance(value, Tensor):
                    tensors[f"optim/{name}/{index}/{key}"] = value
                elif value is not None:
                    scalars[f"optim/{name}/{index}/{key}"] = value
    header = {
        "format": FORMAT,
        "brain": json.dumps(_anatomy(brain)),
        "cursor": json.dumps(asdict(cursor)),
        "note": json.dumps(dict(note)),
        "scalars": json.dumps(scalars),
        "groups": json.dumps({name: _groups(optimiser) for name, optimiser in brain.optim.items()}),
    }
    # Copies: safetensors refuses tensors that share storage or are not contiguous.
    own = {key: value.detach().to("cpu", copy=True).contiguous() for key, value in tensors.items()}
    # Bytes, written by Python: safetensors' own writer does not say which error a full disk is.
    write_atomically(path, lambda beside: beside.write_bytes(save(own, metadata=header)))


def load_brain(path: Path, brain: Brain) -> tuple[Cursor, dict[str, Any]]:
    """Restore into `brain` what `save_brain` wrote, once it is known to be ours, whole and of such a brain.

    Raises:
        CheckpointError: the file is not ours, is damaged, or belongs to another brain.
    """
    tensors, header = _read(path)
    _require_same(path, _anatomy(brain), {**header["brain"], "net": _shapes(dict(_below(tensors, "net")))})
    brain.net.load_state_dict(dict(_below(tensors, "net")))
    device = next((weights.device for weights in brain.net.parameters()), torch.device("cpu"))
    for name, memory in brain.memory.items():
        memory.load_state_dict({key: value.to(device) for key, value in _below(tensors, f"memory/{name}")})
    for name, optimiser in brain.optim.items():
        state: dict[int, dict[str, Any]] = {}
        for key, value in [*_below(tensors, f"optim/{name}"), *_below(header["scalars"], f"optim/{name}")]:
            index, _, entry = key.partition("/")
            state.setdefault(int(index), {})[entry] = value
        optimiser.load_state_dict({"state": state, "param_groups": _merged(optimiser, header["groups"][name])})
    return Cursor(**header["cursor"]), header["note"]


def _read(path: Path) -> tuple[dict[str, Tensor], dict[str, Any]]:
    """All tensors of a checkpoint, and the JSON of its header."""
    try:
        with safe_open(path, framework="pt") as file:
            header = file.metadata() or {}
            if header.get("format") != FORMAT:
                raise CheckpointError(_refusal(path, f"its format is {header.get('format')!r}, expected {FORMAT!r}"))
            # Copies: what safetensors gives stays mapped to a file that the next commit replaces.
            tensors = {key: file.get_tensor(key).clone() for key in file.keys()}  # noqa: SIM118 (not a dict)
        parts = ("brain", "cursor", "note", "scalars", "groups")
        return tensors, {part: json.loads(header[part]) for part in parts}
    except (SafetensorError, OSError, ValueError, KeyError) as error:
        raise CheckpointError(_refusal(path, f"it cannot be read as safetensors ({error})")) from error


def commit(folder: RunFolder, brain: Brain, cursor: Cursor) -> None:
    """Rows first, then the checkpoint that vouches for them."""
    save_brain(folder.checkpoint, brain, cursor, folder.flush())


def restore(folder: RunFolder, brain: Brain) -> Cursor | None:
    """Put brain and rows back to the last commit; None where there is none, with the rows emptied."""
    if not folder.checkpoint.exists():
        folder.rewind(0, 0.0)
        return None
    cursor, note = load_brain(folder.checkpoint, brain)
    try:
        folder.rewind(int(note["length"]), float(note["worked"]))
    except (KeyError, TypeError, ValueError) as error:
        raise DamagedError(
            f"{folder.checkpoint} does not say how many rows it vouches for; delete {folder.path}"
        ) from error
    return cursor


def _below(entries: Mapping[str, Any], prefix: str) -> Iterator[tuple[str, Any]]:
    return ((key[len(prefix) + 1 :], value) for key, value in entries.items() if key.startswith(f"{prefix}/"))


def _shapes(tensors: Mapping[str, Tensor]) -> dict[str, str]:
    return {name: f"{tuple(value.shape)} {value.dtype}" for name, value in tensors.items()}


def _groups(optimiser: torch.optim.Optimizer) -> list[dict[str, Any]]:
    """Its hyperparameters as they are now, which may be other than those it was built with."""
    return optimiser.state_dict()["param_groups"]


def _merged(optimiser: torch.optim.Optimizer, saved: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """The saved hyperparameters, with tuples where JSON made lists of them."""
    pairs = zip(_groups(optimiser), saved, strict=True)
    return [{k: tuple(v) if isinstance(now.get(k), tuple) else v for k, v in then.items()} for now, then in pairs]


def _anatomy(brain: Brain) -> dict[str, dict[str, str]]:
    """What two brains must have in common for one to take the other's checkpoint."""
    return {
        "net": _shapes(brain.net.state_dict()),
        "memory": {name: type(memory).__name__ for name, memory in brain.memory.items()},
        "optim": {
            name: f"{type(optimiser).__name__} of parameters {[group['params'] for group in _groups(optimiser)]}"
            for name, optimiser in brain.optim.items()
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
        raise CheckpointError(_refusal(path, f"its {'; its '.join(differences[:MOST_DIFFERENCES])}{more}"))


def _refusal(path: Path, why: str) -> str:
    return f"{path} is no checkpoint of this run: {why}. Delete it to start the run afresh, or choose another --out."
