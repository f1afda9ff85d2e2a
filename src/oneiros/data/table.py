"""Your own features: DIR/train.csv and DIR/test.csv with a heading, one column `label`, all others numbers."""

import io
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa
import torch
from jaxtyping import Float, Int64
from pyarrow import csv
from torch import Tensor

from oneiros.data.errors import DataError, reading, require_files
from oneiros.data.examples import Dataset, Examples, numbered_classes
from oneiros.data.files import read_bytes


@dataclass(frozen=True, kw_only=True, eq=False)
class Table:
    """One CSV file: float32 features by column, and labels."""

    features: Float[Tensor, "n columns"]
    labels: Int64[Tensor, " n"]
    columns: tuple[str, ...]
    digest: str


def read_csv_set(name: str, folder: Path) -> Dataset:
    """The data set in `folder`; labels count from 0, and the largest one in train.csv says how many classes there are.

    Raises:
        DataError: when a file is empty, has no whole-numbered column `label`, another column is not of numbers,
            a label is out of range, or a feature is missing or NaN.
    """
    files = folder / "train.csv", folder / "test.csv"
    require_files(files)
    train, test = map(_read_table, files)
    if train.columns != test.columns:
        raise DataError(
            f"{folder}: train.csv has the columns {_short(train.columns)}, test.csv {_short(test.columns)}; "
            "expected the same"
        )
    with reading(files[0]):
        classes = numbered_classes(train.labels)
        train_examples = Examples(images=train.features, labels=train.labels, classes=classes)
    with reading(files[1]):
        test_examples = Examples(images=test.features, labels=test.labels, classes=classes)
    checksums = {files[0].name: train.digest, files[1].name: test.digest}
    return Dataset(name=name, train=train_examples, test=test_examples, checksums=checksums)


def _read_table(file: Path) -> Table:
    with reading(file):
        data, digest = read_bytes(file)
        try:
            table = csv.read_csv(io.BytesIO(data))
            names = table.column_names
        except (pa.ArrowException, ValueError) as error:  # a ValueError: a heading that is no text
            raise DataError(f"not a readable CSV file ({error})") from error
        if doubled := [name for name, times in Counter(names).items() if times > 1]:
            raise DataError(
                f"the heading has {doubled[0]!r} more than once; expected a name of its own for each column"
            )
        columns = tuple(name for name in names if name != "label")
        if "label" not in names or not columns or table.num_rows == 0:
            raise DataError(
                f"{table.num_rows} rows of the columns {_short(names)}; expected a column 'label', "
                "at least one other and at least one row"
            )
        if not pa.types.is_integer(table["label"].type) or table["label"].null_count:
            raise DataError("the column 'label' must hold a whole number in every row")
        features = np.stack([_numbers(name, table[name]) for name in columns], axis=1)
        labels = torch.from_numpy(table["label"].to_numpy().astype(np.int64))
        return Table(features=torch.from_numpy(features), labels=labels, columns=columns, digest=digest)


def _numbers(name: str, column: pa.ChunkedArray) -> Float[np.ndarray, " n"]:
    """A column as float32; empty cells become NaN, which `Examples` refuses with the row's number."""
    if not (pa.types.is_integer(column.type) or pa.types.is_floating(column.type)):
        raise DataError(f"the column {name!r} is {column.type}; expected numbers")
    return column.to_numpy().astype(np.float32)


def _short(names: Sequence[str]) -> str:
    return ", ".join(map(repr, names[:12])) + (f" and {len(names) - 12} more" if len(names) > 12 else "")
