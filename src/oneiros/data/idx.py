"""MNIST and its relatives: the IDX files that MNIST was published in (LeCun, Cortes and Burges 1998).

Read here in twenty lines: torchvision's reader gives the same arrays, but takes over a second to import, opens files by
itself (ours are read once, for the array and the checksum), and answers a damaged one with a bare assertion.
"""

import math
import struct
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from jaxtyping import UInt8

from oneiros.data.errors import DataError, reading, require_files
from oneiros.data.examples import Dataset, Examples
from oneiros.data.files import read_bytes

_UNSIGNED_BYTES = 0x08


@dataclass(frozen=True, kw_only=True)
class IdxSet:
    """A data set kept as four IDX files in ROOT/`folder`/raw, torchvision's layout."""

    folder: str
    classes: tuple[str, ...]


_DIGITS = tuple("0123456789")
_GARMENTS = (
    *("T-shirt/top", "Trouser", "Pullover", "Dress", "Coat"),
    *("Sandal", "Shirt", "Sneaker", "Bag", "Ankle boot"),
)
_SYLLABLES = ("o", "ki", "su", "tsu", "na", "ha", "ma", "ya", "re", "wo")

IDX_SETS = {
    "mnist": IdxSet(folder="MNIST", classes=_DIGITS),
    "fashion-mnist": IdxSet(folder="FashionMNIST", classes=_GARMENTS),
    "kmnist": IdxSet(folder="KMNIST", classes=_SYLLABLES),
}


def parse_idx(data: bytes, *, ndim: int) -> UInt8[np.ndarray, "..."]:
    """The array in an IDX file of unsigned bytes with `ndim` axes.

    Raises:
        DataError: on another magic number, no examples, or a size other than the one declared.

    >>> parse_idx(bytes([0, 0, 8, 1, 0, 0, 0, 3, 7, 8, 9]), ndim=1)
    array([7, 8, 9], dtype=uint8)
    """
    shape = _shape(data, ndim)
    size, follow = math.prod(shape), len(data) - _header(ndim)
    if size == 0 or follow != size:
        many = "more" if follow > size else f"{follow}"
        raise DataError(
            f"the header declares {' x '.join(map(str, shape))} = {size} bytes, but {many} follow; fetch the file again"
        )
    return np.frombuffer(data, np.uint8, offset=_header(ndim)).reshape(shape)


def _header(ndim: int) -> int:
    return 4 * (1 + ndim)


def _shape(data: bytes, ndim: int) -> list[int]:
    if len(data) < _header(ndim):
        raise DataError(f"{len(data)} bytes are too few for an IDX header of {_header(ndim)}; fetch the file again")
    magic, *shape = struct.unpack(f">{1 + ndim}I", data[: _header(ndim)])
    expected = _UNSIGNED_BYTES << 8 | ndim
    if magic != expected:
        raise DataError(
            f"the magic number is 0x{magic:08x}, expected 0x{expected:08x} (IDX, unsigned bytes, {ndim} axes); "
            "this is another kind of file"
        )
    return shape


def _read_idx(file: Path, ndim: int) -> tuple[UInt8[np.ndarray, "..."], str]:
    """The array in a file, zipped or not, and the file's checksum."""
    data, digest = read_bytes(file, lambda head: _header(ndim) + math.prod(_shape(head, ndim)))
    return parse_idx(data, ndim=ndim), digest


def read_idx_set(name: str, root: Path) -> Dataset:
    """One of `IDX_SETS` from `root`; each file may be unzipped or, with .gz after its name, zipped."""
    folder = root / IDX_SETS[name].folder / "raw"
    stems = [f"{part}-{kind}" for part in ("train", "t10k") for kind in ("images-idx3-ubyte", "labels-idx1-ubyte")]
    files = [_plain_or_zipped(folder / stem) for stem in stems]
    require_files(files)
    classes = IDX_SETS[name].classes
    train, train_sums = _read_examples(files[0], files[1], classes)
    test, test_sums = _read_examples(files[2], files[3], classes)
    return Dataset(name=name, train=train, test=test, checksums=train_sums | test_sums)


def _plain_or_zipped(plain: Path) -> Path:
    zipped = plain.with_name(plain.name + ".gz")
    return zipped if zipped.is_file() and not plain.is_file() else plain


def _read_examples(images: Path, labels: Path, classes: tuple[str, ...]) -> tuple[Examples, dict[str, str]]:
    """The examples in a file of images and a file of labels, and the two checksums by file name."""
    with reading(images):
        array, images_sum = _read_idx(images, 3)
        pixels = torch.from_numpy(array.copy())
    with reading(labels):
        array, labels_sum = _read_idx(labels, 1)
        numbers = torch.from_numpy(array.astype(np.int64))
    with reading(f"{images} and {labels.name}"):
        examples = Examples(images=pixels[:, None], labels=numbers, classes=classes)
    return examples, {images.name: images_sum, labels.name: labels_sum}
