"""Features of images, extracted once and kept: one safetensors file that says what made it and whether it is whole."""

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save
from torch import Tensor

from oneiros.data.errors import DataError, MissingFilesError, reading
from oneiros.data.examples import Dataset, Examples

FORMAT = "oneiros-features/2"  # 1 had a checksum without shapes and types
PARTS = ("train.images", "train.labels", "test.images", "test.labels")


def features_bytes(train: Examples, test: Examples, provenance: Mapping[str, Any]) -> bytes:
    """The content of a features file: both halves, their classes, and how they were made, with a checksum over all."""
    halves = {"train": train, "test": test}
    tensors = {
        f"{half}.{part}": getattr(examples, part).cpu().contiguous()
        for half, examples in halves.items()
        for part in ("images", "labels")
    }
    words = {"classes": json.dumps(train.classes), "provenance": json.dumps(dict(provenance), sort_keys=True)}
    return save(tensors, metadata={"format": FORMAT, **words, "sha256": _digest(tensors, words)})


def read_features(name: str, file: Path) -> Dataset:
    """The data set in a features file.

    Raises:
        DataError: it is not there, not of this format, or its content is not what its checksum says.
    """
    if not file.is_file():
        raise MissingFilesError(f"there is no {file}; `oneiros features` makes such files")
    with reading(file):
        tensors, words = _read(file)
        if words.get("format") != FORMAT:
            raise DataError(
                f"its format is {words.get('format')!r}; expected {FORMAT!r}, as `oneiros features` writes it"
            )
        if missing := [part for part in PARTS if part not in tensors] + [
            word for word in ("classes", "provenance", "sha256") if word not in words
        ]:
            raise DataError(f"{', '.join(missing)} is missing; make the file again with `oneiros features`")
        if _digest(tensors, words) != words["sha256"]:
            raise DataError("its content is not what its checksum says: it is damaged or was changed; make it again")
        classes = _classes(words["classes"])
        train, test = (
            Examples(images=tensors[f"{half}.images"], labels=tensors[f"{half}.labels"], classes=classes)
            for half in ("train", "test")
        )
        made, checksums = _made(words["provenance"]), {file.name: words["sha256"]}
        return Dataset(name=name, train=train, test=test, checksums=checksums, provenance=made)


def features_provenance(file: Path) -> dict[str, Any]:
    """How a features file was made."""
    with reading(file):
        return _made(_read(file)[1].get("provenance", ""))


def _json(text: str, what: str) -> Any:
    try:
        return json.loads(text)
    except (ValueError, RecursionError) as error:
        raise DataError(f"{what} cannot be read ({error}); make the file again with `oneiros features`") from error


def _made(text: str) -> dict[str, Any]:
    made = _json(text, "how it was made")
    if not isinstance(made, dict):
        raise DataError("how it was made is no list of names and values; make the file again with `oneiros features`")
    return made


def _classes(text: str) -> tuple[str, ...]:
    classes = _json(text, "its classes")
    if not isinstance(classes, list) or not all(isinstance(name, str) for name in classes):
        raise DataError("its classes are no list of names; make the file again with `oneiros features`")
    return tuple(classes)


def _read(file: Path) -> tuple[dict[str, Tensor], dict[str, str]]:
    try:
        with safe_open(file, framework="pt") as archive:
            tensors = {name: archive.get_tensor(name) for name in archive.keys()}  # noqa: SIM118 (not a dict)
            return tensors, archive.metadata() or {}
    except (SafetensorError, OSError, ValueError, TypeError, RuntimeError, MemoryError) as error:
        raise DataError(f"not a readable safetensors file ({error}); make it again with `oneiros features`") from error


def _digest(tensors: Mapping[str, Tensor], words: Mapping[str, str]) -> str:
    """SHA-256 over the words, and name, type, shape and bytes of every tensor."""
    digest = hashlib.sha256(json.dumps([words["classes"], words["provenance"]]).encode())
    for part in PARTS:
        value = tensors[part].contiguous()
        digest.update(f"\n{part} {value.dtype} {tuple(value.shape)}\n".encode())
        digest.update(value.reshape(-1).view(torch.uint8).numpy().data)
    return digest.hexdigest()
