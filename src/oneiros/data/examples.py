"""Labelled examples that sit on the device as one tensor, and a data set made of two such lists."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import torch
from jaxtyping import Float, Int64, Shaped
from torch import Tensor

from oneiros.core import Batch
from oneiros.data.errors import DataError, reading

FEW = 10_000  # classes that any file may speak of, however few examples it holds


@dataclass(frozen=True, kw_only=True, eq=False)
class Examples:
    """Images (or features) with their labels, all in memory on one device; there is no loader to wait for.

    Attributes:
        images: `[n, channels, height, width]`, uint8 grey values 0..255; or features `[n, ...]`, floating point.
        labels: `[n]`, int64, each an index into `classes`.
        classes: the name of every class of the data set, whether or not it occurs here.

    Raises:
        DataError: when lengths, types or shapes are not as above, a label is out of range, or a feature is
            NaN or infinite.
    """

    # Shapes are checked below and not by annotation: these are a user's data, and the error is for the user.
    images: Tensor
    labels: Tensor
    classes: tuple[str, ...]

    def __post_init__(self) -> None:
        _check_types(self.images, self.labels)
        if len(self.images) != len(self.labels):
            raise DataError(f"there are {len(self.images)} images but {len(self.labels)} labels; expected one each")
        check_labels(self.labels, len(self.classes))
        if self.images.is_floating_point():
            _check_finite(self.images)

    def __len__(self) -> int:
        return len(self.labels)

    def batch(self, index: Int64[Tensor, " k"]) -> Batch:
        """The examples at `index` (on any device) as a batch: x `[k, ...]`, y `[k]`.

        Grey values become float32 in [0, 1] (divided by 255); features stay as they are.
        """
        index = index.to(self.labels.device)
        return Batch(x=_as_input(self.images[index]), y=self.labels[index])

    def all(self) -> Batch:
        """Every example, in order, as one batch."""
        return Batch(x=_as_input(self.images), y=self.labels)

    def subset(self, index: Int64[Tensor, " k"]) -> "Examples":
        """The examples at `index`, in that order; the classes keep their numbers."""
        index = index.to(self.labels.device)
        return replace(self, images=self.images[index], labels=self.labels[index])

    def of_classes(self, classes: tuple[int, ...]) -> "Examples":
        """The examples whose label is among `classes`, in their old order; the classes keep their numbers."""
        unknown = sorted(set(classes) - set(range(len(self.classes))))
        if unknown:
            raise DataError(f"there is no class {unknown[0]}; expected numbers from 0 to {len(self.classes) - 1}")
        wanted = torch.tensor(classes, dtype=torch.int64, device=self.labels.device)
        return self.subset(torch.isin(self.labels, wanted).nonzero().flatten())

    def to(self, device: str | torch.device) -> "Examples":
        """The same examples on `device`."""
        return replace(self, images=self.images.to(device), labels=self.labels.to(device))


@dataclass(frozen=True, kw_only=True, eq=False)
class Dataset:
    """A data set with its split into train and test examples.

    Attributes:
        name: what it was asked for as, such as "mnist" or "folder:pictures".
        train: examples to learn from.
        test: examples to be judged by.
        checksums: file name -> sha256 (hexadecimal) of the file's bytes as they were read.
        provenance: how features were made; empty for anything else.

    Raises:
        DataError: when train and test differ in their classes or in the shape or type of an image.
    """

    name: str
    train: Examples
    test: Examples
    checksums: Mapping[str, str]
    provenance: Mapping[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        with reading(self.name):
            if self.train.classes != self.test.classes:
                raise DataError(
                    f"train has the classes {_short(self.train.classes)} but test has {_short(self.test.classes)}; "
                    "expected the same names in the same order"
                )
            train, test = self.train.images, self.test.images
            if train.shape[1:] != test.shape[1:] or train.dtype != test.dtype:
                raise DataError(
                    f"a train image is {train.dtype} {list(train.shape[1:])} but a test image is "
                    f"{test.dtype} {list(test.shape[1:])}; expected the same shape and type"
                )

    def to(self, device: str | torch.device) -> "Dataset":
        """The same data set on `device`."""
        return replace(self, train=self.train.to(device), test=self.test.to(device))


def numbered_classes(labels: Int64[Tensor, " n"]) -> tuple[str, ...]:
    """Names of classes that have none: their numbers, up to the largest label.

    >>> numbered_classes(torch.tensor([2, 0]))
    ('0', '1', '2')

    Raises:
        DataError: a label is so large that it is no number of a class, counted from 0.
    """
    most = max(FEW, len(labels))
    if len(labels) and int(labels.max()) >= most:
        row = int(labels.argmax())
        raise DataError(
            f"label {int(labels[row])} of example {row} is no number of a class: classes are counted from 0, and "
            f"{len(labels)} examples have no more than {most}"
        )
    return tuple(map(str, range(max(0, int(labels.max())) + 1 if len(labels) else 0)))


def check_labels(labels: Int64[Tensor, " n"], n_classes: int) -> None:
    """Raise `DataError` for the first label outside 0..n_classes - 1.

    >>> check_labels(torch.tensor([0, 3]), 2)
    Traceback (most recent call last):
    oneiros.data.errors.DataError: label 3 of example 1 is out of range: expected 0 to 1, for 2 classes
    """
    wrong = ((labels < 0) | (labels >= n_classes)).nonzero().flatten()
    if len(wrong):
        row = int(wrong[0])
        raise DataError(
            f"label {int(labels[row])} of example {row} is out of range: "
            f"expected 0 to {n_classes - 1}, for {n_classes} classes"
        )


def _check_types(images: Shaped[Tensor, "..."], labels: Shaped[Tensor, "..."]) -> None:
    grey_values = images.dtype == torch.uint8 and images.ndim == 4
    features = images.is_floating_point() and images.ndim >= 2
    if not (grey_values or features):
        raise DataError(
            f"images are {images.dtype} {list(images.shape)}; expected uint8 [n, channels, height, width] "
            "or floating point [n, ...]"
        )
    if labels.dtype != torch.int64 or labels.ndim != 1:
        raise DataError(f"labels are {labels.dtype} {list(labels.shape)}; expected int64 [n]")


def _check_finite(features: Float[Tensor, "n ..."]) -> None:
    wrong = (~features.isfinite()).flatten(1).any(1).nonzero().flatten()
    if len(wrong):
        raise DataError(
            f"{len(wrong)} of {len(features)} examples hold NaN or infinite features, the first is example "
            f"{int(wrong[0])}; expected finite numbers: fill the gaps or leave those examples out"
        )


def _as_input(images: Shaped[Tensor, "n ..."]) -> Float[Tensor, "n ..."]:
    return images if images.is_floating_point() else images.float() / 255


def _short(names: tuple[str, ...]) -> str:
    return ", ".join(names[:12]) + (f", ... ({len(names)})" if len(names) > 12 else "")
