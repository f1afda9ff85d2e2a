"""Folders with train.parquet and test.parquet in the Hugging Face image layout.

The columns are `image: struct<bytes, path>` and `label: int64`; the class names, where they are known, stand in
the schema's metadata. Other columns are ignored.
"""

import hashlib
import json
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import torch
from jaxtyping import Int64, UInt8
from torch import Tensor

from oneiros.data.errors import DataError, reading, require_files
from oneiros.data.examples import Dataset, Examples, numbered_classes
from oneiros.data.files import cached_images
from oneiros.data.images import decode_images, same_channels


@dataclass(frozen=True, kw_only=True, eq=False)
class Split:
    """What one parquet file holds; `classes` is empty where the file does not name them."""

    images: UInt8[Tensor, "n channels height width"]
    labels: Int64[Tensor, " n"]
    classes: tuple[str, ...]
    digest: str


def read_parquet_set(name: str, folder: Path) -> Dataset:
    """The data set in `folder`; classes without names are called by their numbers, counted in train."""
    files = folder / "train.parquet", folder / "test.parquet"
    require_files(files)
    train, test = map(read_split, files)
    train_images, test_images = same_channels(train.images, test.images)
    with reading(files[0]):
        train_examples = Examples(
            images=train_images, labels=train.labels, classes=train.classes or numbered_classes(train.labels)
        )
    with reading(files[1]):
        test_classes = test.classes or train_examples.classes
        test_examples = Examples(images=test_images, labels=test.labels, classes=test_classes)
    checksums = {files[0].name: train.digest, files[1].name: test.digest}
    return Dataset(name=name, train=train_examples, test=test_examples, checksums=checksums)


def read_split(file: Path) -> Split:
    """One file; its decoded images are remembered in the user's cache under the file's sha256.

    Raises:
        DataError: when it is empty or no parquet file, lacks a column, or an image cannot be decoded.
    """
    with reading(file):
        table = _read_table(file)
        with file.open("rb") as stream:
            digest = hashlib.file_digest(stream, "sha256").hexdigest()
        images = cached_images(digest, lambda: _decode(table["image"]))
        labels = torch.from_numpy(table["label"].to_numpy().astype(np.int64))
        return Split(images=images, labels=labels, classes=_class_names(table.schema), digest=digest)


def _read_table(file: Path) -> pa.Table:
    try:
        parquet = pq.ParquetFile(file)
        _check_columns(parquet.schema_arrow)
        table = parquet.read(columns=["image", "label"])
    # A damaged file may ask for any amount of memory, or hold names that are no text.
    except (pa.ArrowException, OSError, ValueError, MemoryError) as error:
        raise DataError(f"not a readable parquet file ({error}); fetch or write it again") from error
    if table.num_rows == 0:
        raise DataError("there are no rows; expected at least one example")
    if table["label"].null_count:
        raise DataError(f"{table['label'].null_count} labels are missing; expected one for every image")
    return table


def _check_columns(schema: pa.Schema) -> None:
    present = set(schema.names)
    image = schema.field("image").type if "image" in present else pa.null()
    label = schema.field("label").type if "label" in present else pa.null()
    if not (pa.types.is_struct(image) and image.get_field_index("bytes") >= 0 and pa.types.is_integer(label)):
        found = ", ".join(f"{field.name}: {field.type}" for field in schema)
        raise DataError(
            f"the columns are {found or 'none'}; expected image: struct<bytes: binary, path: string> and label: int64"
        )


def _decode(column: pa.ChunkedArray) -> UInt8[Tensor, "n channels height width"]:
    rows = column.to_pylist()
    names = [(row or {}).get("path") or f"row {i}" for i, row in enumerate(rows)]
    return decode_images([(row or {}).get("bytes") or b"" for row in rows], names)


def _class_names(schema: pa.Schema) -> tuple[str, ...]:
    """The class names in the metadata that Hugging Face's `datasets` writes, or none."""
    try:
        features = json.loads((schema.metadata or {})[b"huggingface"])["info"]["features"]
        return tuple(map(str, features["label"]["names"]))
    except (KeyError, TypeError, IndexError):
        return ()
    except (ValueError, RecursionError) as error:
        raise DataError(f"the schema metadata 'huggingface' is not JSON ({error})") from error
