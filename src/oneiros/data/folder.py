"""Your own pictures: DIR/train/CLASS/*.png or *.jpg, and DIR/test/CLASS/..., all of one size."""

from dataclasses import dataclass
from pathlib import Path

import torch
from jaxtyping import Int64, UInt8
from torch import Tensor

from oneiros.data.errors import DataError, MissingFilesError, reading
from oneiros.data.examples import Dataset, Examples
from oneiros.data.files import raw_bytes, sha256_of
from oneiros.data.images import decode_images, same_channels

_ENDINGS = (".png", ".jpg", ".jpeg")


@dataclass(frozen=True, kw_only=True, eq=False)
class Pictures:
    """One half of the folder, decoded: classes in alphabetical order of their folders, files too."""

    images: UInt8[Tensor, "n channels height width"]
    labels: Int64[Tensor, " n"]
    classes: tuple[str, ...]
    digest: str


def read_folder_set(name: str, folder: Path) -> Dataset:
    """The data set in `folder`; a class is a sub-folder, numbered in alphabetical order.

    The checksums are one for train and one for test: the sha256 of a list with a line `sha256  CLASS/file`
    for every picture.
    """
    train, test = _read_pictures(folder / "train"), _read_pictures(folder / "test")
    with reading(folder):
        if train.images.shape[2:] != test.images.shape[2:]:
            raise DataError(
                f"pictures in train are {list(train.images.shape[2:])} pixels (height, width), those in test "
                f"{list(test.images.shape[2:])}; expected images of one size: resize or crop them first"
            )
    train_images, test_images = same_channels(train.images, test.images)
    return Dataset(
        name=name,
        train=Examples(images=train_images, labels=train.labels, classes=train.classes),
        test=Examples(images=test_images, labels=test.labels, classes=test.classes),
        checksums={"train": train.digest, "test": test.digest},
    )


def _read_pictures(folder: Path) -> Pictures:
    if not folder.is_dir():
        raise MissingFilesError(f"looked for {folder}/CLASS/*.png or *.jpg; the folder {folder} does not exist")
    classes = sorted(path.name for path in folder.iterdir() if path.is_dir())
    files = [(label, file) for label, name in enumerate(classes) for file in _pictures_in(folder / name)]
    if not files:
        raise DataError(f"{folder}: there is no picture; expected CLASS/*.png or CLASS/*.jpg below it")
    names = [file.relative_to(folder).as_posix() for _, file in files]
    encoded = [_read(file) for _, file in files]
    with reading(folder):
        images = decode_images(encoded, names)
    listing = "".join(f"{sha256_of(data)}  {name}\n" for data, name in zip(encoded, names, strict=True))
    return Pictures(
        images=images,
        labels=torch.tensor([label for label, _ in files]),
        classes=tuple(classes),
        digest=sha256_of(listing.encode()),
    )


def _read(file: Path) -> bytes:
    with reading(file):
        return raw_bytes(file)


def _pictures_in(folder: Path) -> list[Path]:
    return sorted(file for file in folder.iterdir() if file.suffix.lower() in _ENDINGS)
