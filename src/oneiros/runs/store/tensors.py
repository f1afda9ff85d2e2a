"""Named tensors in one file: safetensors with a checksum over everything in it. Never pickle."""

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save
from torch import Tensor

from oneiros.runs.store.disk import write_atomically
from oneiros.runs.store.errors import CheckpointError
from oneiros.runs.store.manifest import canonical

ENTRY = "oneiros"
ORDERS = "orders"


def write_tensors(path: Path, kind: str, tensors: Mapping[str, Tensor], header: Mapping[str, str]) -> None:
    """Write tensors and a header of texts, in one atomic step; `kind` names the format in the file."""
    # Copies: safetensors refuses tensors that share storage or are not contiguous.
    own = {key: value.detach().to("cpu", copy=True).contiguous() for key, value in tensors.items()}
    said = {**header, "format": kind, ORDERS: canonical({k: _order(v) for k, v in tensors.items() if _order(v)})}
    # One entry, since safetensors writes several in any order, and the same tensors shall be the same bytes.
    # Bytes, written by Python: safetensors' own writer does not say which error a full disk is.
    content = save(own, metadata={ENTRY: canonical({**said, "sha256": checksum(own, said)})})
    write_atomically(path, lambda beside: beside.write_bytes(content))


def read_tensors(path: Path, kind: str) -> tuple[dict[str, Tensor], dict[str, str]]:
    """Tensors and header of a file that `write_tensors` wrote, on the CPU.

    Raises:
        CheckpointError: the file is not ours, of another kind, or not one bit as it was written.
    """
    try:
        with safe_open(path, framework="pt") as file:
            header = _header(file.metadata() or {})
            if header.get("format") != kind:
                raise CheckpointError(refusal(path, f"its format is {header.get('format')!r}, expected {kind!r}"))
            # Copies: what safetensors gives stays mapped to a file that the next commit replaces.
            tensors = {key: file.get_tensor(key).clone() for key in file.keys()}  # noqa: SIM118 (not a dict)
    except (SafetensorError, OSError, ValueError, RecursionError) as error:
        raise CheckpointError(refusal(path, f"it cannot be read as safetensors ({error})")) from error
    if header.pop("sha256", "") != checksum(tensors, header):
        raise CheckpointError(refusal(path, "its checksum does not fit its contents, so the file was damaged"))
    try:
        orders = json.loads(header.pop(ORDERS))
        return {name: _laid_out(value, orders.get(name)) for name, value in tensors.items()}, header
    except (KeyError, ValueError, TypeError, AttributeError, RuntimeError) as error:
        raise CheckpointError(refusal(path, f"its header cannot be read ({error})")) from error


def _order(tensor: Tensor) -> list[int]:
    """Dimensions from the slowest to the fastest in memory, where that is not their order; else nothing."""
    strides = tensor.stride()
    return [] if tensor.is_contiguous() else sorted(range(tensor.ndim), key=lambda d: -strides[d])


def _laid_out(tensor: Tensor, order: list[int] | None) -> Tensor:
    """The same values in memory as they were: kernels sum in the order of memory, fused optimisers go through it."""
    if not order:
        return tensor
    back = [order.index(d) for d in range(tensor.ndim)]
    return tensor.permute(order).contiguous().permute(back)


def _header(metadata: Mapping[str, str]) -> dict[str, str]:
    said = json.loads(metadata.get(ENTRY, "{}"))
    if not isinstance(said, dict) or not all(isinstance(text, str) for text in said.values()):
        raise ValueError("its header is no dictionary of texts")
    return said


def checksum(tensors: Mapping[str, Tensor], header: Mapping[str, str]) -> str:
    """SHA-256 over every name, type, shape, byte and header entry."""
    digest = hashlib.sha256(canonical(dict(header)).encode())
    for name in sorted(tensors):
        value = tensors[name].contiguous()
        digest.update(f"\n{name} {value.dtype} {tuple(value.shape)}\n".encode())
        digest.update(value.reshape(-1).view(torch.uint8).numpy().data)
    return digest.hexdigest()


def refusal(path: Path, why: str) -> str:
    """What is said of a file that is not taken in."""
    return f"{path} is no checkpoint of this run: {why}. Delete it to start the run afresh, or choose another --out."
