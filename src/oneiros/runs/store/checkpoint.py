"""A brain on disk: its tensors, and JSON in the file's header for the rest. Never pickle.

Kept apart from the rest of the room because it and `tensors` alone need torch.
"""

import json
from collections.abc import Mapping, MutableMapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from oneiros.brain_state import BrainState, OtherBrainError, below, brain_state, restore_brain
from oneiros.core import Brain
from oneiros.life import Cursor
from oneiros.runs.store.errors import CheckpointError, DamagedError
from oneiros.runs.store.folder import RunFolder
from oneiros.runs.store.tensors import read_tensors, refusal, write_tensors

FORMAT = "oneiros-checkpoint/3"
WEIGHTS = "oneiros-weights/1"
PARTS = ("brain", "cursor", "note", "optim")  # "net" came later: without it, what learns no more is as it was built


def save_brain(
    path: Path, brain: Brain, cursor: Cursor, note: Mapping[str, Any], tallies: Mapping[str, Tensor] | None = None
) -> None:
    """Write `brain`, where it is in its life, a JSON note and what measurements have added up, in one atomic step."""
    try:
        state = brain_state(brain)
    except TypeError as error:
        raise CheckpointError(str(error)) from error
    tensors = state.tensors | {f"tally/{name}": value for name, value in (tallies or {}).items()}
    parts = {**state.said, "cursor": asdict(cursor), "note": dict(note)}
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
        header = {part: json.loads(texts[part]) for part in (*PARTS, *({"net"} & texts.keys()))}
    except (ValueError, KeyError) as error:
        raise CheckpointError(refusal(path, f"its header cannot be read ({error})")) from error
    try:
        restore_brain(brain, BrainState(tensors=tensors, said=header))
    except OtherBrainError as error:
        raise CheckpointError(refusal(path, str(error))) from error
    if tallies is not None:
        device = next((weights.device for weights in brain.net.parameters()), torch.device("cpu"))
        tallies.update((name, value.to(device)) for name, value in below(tensors, "tally/").items())
    return Cursor(**header["cursor"]), header["note"]


def save_weights(path: Path, net: nn.Module) -> None:
    """Write the weights of a net, and nothing else."""
    write_tensors(path, WEIGHTS, net.state_dict(), {})


def commit(folder: RunFolder, brain: Brain, cursor: Cursor, tallies: Mapping[str, Tensor] | None = None) -> None:
    """Rows first, then the checkpoint that vouches for them."""
    save_brain(folder.checkpoint, brain, cursor, folder.flush(), tallies)


def restore(folder: RunFolder, brain: Brain, tallies: MutableMapping[str, Tensor] | None = None) -> Cursor | None:
    """Put brain and rows back to the last commit; None where there is none, with the rows emptied."""
    if not folder.checkpoint.exists():
        folder.rewind()
        return None
    cursor, note = load_brain(folder.checkpoint, brain, tallies)
    try:
        folder.rewind(int(note["length"]), float(note["worked"]), str(note["sha256"]), dict(note["pictures"]))
    except (KeyError, TypeError, ValueError) as error:
        raise DamagedError(
            f"{folder.checkpoint} does not say how many rows it vouches for; delete {folder.path}"
        ) from error
    return cursor
