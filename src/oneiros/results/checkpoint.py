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
from safetensors.torch import save_file
from torch import Tensor

from oneiros.core import Brain
from oneiros.life import Cursor
from oneiros.results.errors import CheckpointError, DamagedError
from oneiros.results.folder import RunFolder, write_atomically

FORMAT = "oneiros-checkpoint/1"


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
        "cursor": json.dumps(asdict(cursor)),
        "note": json.dumps(dict(note)),
        "scalars": json.dumps(scalars),
    }
    # Copies: safetensors refuses tensors that share storage or are not contiguous.
    own = {key: value.detach().to("cpu", copy=True).contiguous() for key, value in tensors.items()}
    write_atomically(path, lambda beside: save_file(own, beside, metadata=header))


def load_brain(path: Path, brain: Brain) -> tuple[Cursor, dict[str, Any]]:
    """Restore into `brain` what `save_brain` wrote; nothing is changed if anything does not fit.

    Raises:
        CheckpointError: the file is not ours, is damaged, or belongs to another brain.
    """
    try:
        with safe_open(path, framework="pt") as file:
            header = file.metadata() or {}
            if header.get("format") != FORMAT:
                raise CheckpointError(_refusal(path, f"its format is {header.get('format')!r}, expected {FORMAT!r}"))
            tensors = {key: file.get_tensor(key) for key in file.keys()}  # noqa: SIM118 (not a dict)
        cursor, note, scalars = (
            Cursor(**json.loads(header["cursor"])),
            json.loads(header["note"]),
            json.loads(header["scalars"]),
        )
    except (SafetensorError, OSError, ValueError, KeyError, TypeError) as error:
        raise CheckpointError(_refusal(path, f"it cannot be read as safetensors ({error})")) from error
    _require_same_net(path, brain, dict(_below(tensors, "net")))
    brain.net.load_state_dict(dict(_below(tensors, "net")))
    for name, memory in brain.memory.items():
        memory.load_state_dict({key: value.to(_device(brain)) for key, value in _below(tensors, f"memory/{name}")})
    for name, optimiser in brain.optim.items():
        entries = [*_below(tensors, f"optim/{name}"), *_below(scalars, f"optim/{name}")]
        state: dict[int, dict[str, Any]] = {}
        for key, value in entries:
            index, _, entry = key.partition("/")
            state.setdefault(int(index), {})[entry] = value
        # Hyperparameters are those of the optimiser given: they belong to the configuration.
        optimiser.load_state_dict({"state": state, "param_groups": optimiser.state_dict()["param_groups"]})
    return cursor, note


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


def _device(brain: Brain) -> torch.device:
    return next(brain.net.parameters()).device


def _require_same_net(path: Path, brain: Brain, found: Mapping[str, Tensor]) -> None:
    expected = {name: tuple(value.shape) for name, value in brain.net.state_dict().items()}
    came = {name: tuple(value.shape) for name, value in found.items()}
    if came != expected:
        raise CheckpointError(_refusal(path, f"it holds a network of {came}, expected {expected}"))


def _refusal(path: Path, why: str) -> str:
    return f"{path} is no checkpoint of this run: {why}. Delete it to start the run afresh, or choose another --out."
