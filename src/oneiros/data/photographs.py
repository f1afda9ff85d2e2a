"""Photographs of any size in one folder a class: only the classes asked for are read, at the size asked for."""

import hashlib
import io
import os
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import torch
from jaxtyping import UInt8
from PIL import Image

from oneiros.data.errors import DataError, MissingFilesError, reading
from oneiros.data.examples import Examples
from oneiros.data.files import data_root, raw_bytes, sha256_of
from oneiros.data.images import require_plausible

_ENDINGS = (".jpeg", ".jpg", ".png")


def photographs_folder(root: Path | None, name: str) -> Path:
    """Where `photographs:DIR` lies: DIR itself, or DIR below the data folder.

    Raises:
        DataError: the name is not of that form.
        MissingFilesError: there is no such folder.
    """
    kind, _, given = name.partition(":")
    if kind != "photographs" or not given:
        raise DataError(f"data is {name!r}; expected photographs:DIR, a folder with train/CLASS/*.JPEG and test/CLASS/")
    below = (data_root() if root is None else root) / Path(given).expanduser()
    if not (below / "train").is_dir() or not (below / "test").is_dir():
        raise MissingFilesError(
            f"{below} has no train and test: put photographs there as train/CLASS/*.JPEG and test/CLASS/*.JPEG, or "
            "say where they are with --set data=photographs:DIR"
        )
    return below


def class_names(root: Path | None, name: str) -> tuple[str, ...]:
    """Names of the folders of classes, in alphabetical order."""
    return tuple(sorted(each.name for each in (photographs_folder(root, name) / "train").iterdir() if each.is_dir()))


def load_photographs(
    root: Path | None, name: str, names: Sequence[str], classes: Sequence[int], size: int
) -> tuple[Examples, Examples, Mapping[str, str]]:
    """Train and test photographs of `classes`, and a checksum of each half.

    Every photograph is squeezed to `size` x `size`, bilinearly, whatever its shape (as the authors' library does).
    """
    folder = photographs_folder(root, name)
    halves, checksums = [], {}
    for half in ("train", "test"):
        files = [(file, c) for c in classes for file in _files(folder / half / names[c])]
        with ThreadPoolExecutor(os.cpu_count()) as threads:
            read = list(threads.map(lambda pair: _read(pair[0], size), files))
        images = torch.from_numpy(np.stack([image for image, _ in read])).permute(0, 3, 1, 2).contiguous()
        labels = torch.tensor([c for _, c in files])
        halves.append(Examples(images=images, labels=labels, classes=tuple(names)))
        listing = "\n".join(f"{digest}  {file.name}" for (file, _), (_, digest) in zip(files, read, strict=True))
        checksums[half] = hashlib.sha256(listing.encode()).hexdigest()
    return halves[0], halves[1], checksums


def _files(folder: Path) -> list[Path]:
    found = sorted(each for each in folder.iterdir() if each.suffix.lower() in _ENDINGS) if folder.is_dir() else []
    if not found:
        raise MissingFilesError(f"{folder} holds no photographs ({', '.join(_ENDINGS)})")
    return found


def _read(file: Path, size: int) -> tuple[UInt8[np.ndarray, "s s 3"], str]:
    with reading(file):
        content = raw_bytes(file)
    try:
        with Image.open(io.BytesIO(content)) as image:
            require_plausible(image, len(content))
            small = image.convert("RGB").resize((size, size), Image.Resampling.BILINEAR)
    # Pillow's decoders raise OSError, SyntaxError, ValueError and others on damaged bytes.
    except Exception as error:
        raise DataError(f"{file} cannot be decoded as a photograph ({error})") from error
    return np.asarray(small), sha256_of(content)
