"""CIFAR-10 (Krizhevsky 2009), from parquet files or from the official *binary* archive.

The archive that torchvision knows, cifar-10-batches-py, consists of pickles, and reading a pickle runs whatever
program it holds. oneiros never does; the authors offer the same images as plain bytes, which it reads instead.
"""

from pathlib import Path

import numpy as np
import torch

from oneiros.data.arrow import read_parquet_set
from oneiros.data.errors import DataError, MissingFilesError, reading, require_files
from oneiros.data.examples import Dataset, Examples
from oneiros.data.files import read_bytes

CLASSES = ("airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck")
BINARY_FOLDER = "cifar-10-batches-bin"
_TRAIN = tuple(f"data_batch_{i}.bin" for i in range(1, 6))
_TEST = ("test_batch.bin",)
_RECORD = 1 + 3 * 32 * 32  # a label, then the red, green and blue planes, row by row


def read_cifar10(root: Path) -> Dataset:
    """CIFAR-10 from ROOT/cifar10/{train,test}.parquet, or else from ROOT/cifar-10-batches-bin."""
    parquet, binary = root / "cifar10", root / BINARY_FOLDER
    if (parquet / "train.parquet").is_file():
        return read_parquet_set("cifar10", parquet)
    try:
        require_files([binary / name for name in _TRAIN + _TEST])
    except MissingFilesError as missing:
        other = f"{missing}; nor is there {parquet / 'train.parquet'}"
        if (root / "cifar-10-batches-py").is_dir():
            other += "; cifar-10-batches-py is there, but its files are pickles and not read for safety's sake"
        raise MissingFilesError(other) from missing
    train, train_sums = _read_examples([binary / name for name in _TRAIN])
    test, test_sums = _read_examples([binary / name for name in _TEST])
    return Dataset(name="cifar10", train=train, test=test, checksums=train_sums | test_sums)


def _read_examples(files: list[Path]) -> tuple[Examples, dict[str, str]]:
    """The examples in several files of records, one file after the other, and the checksums by file name."""
    records, checksums = [], {}
    for file in files:
        with reading(file):
            data, checksums[file.name] = read_bytes(file)
            if len(data) % _RECORD:
                raise DataError(f"{len(data)} bytes are not a whole number of records of {_RECORD}; fetch it again")
            records.append(np.frombuffer(data, np.uint8).reshape(-1, _RECORD))
    rows = torch.from_numpy(np.concatenate(records))
    with reading(files[0].parent):
        examples = Examples(images=rows[:, 1:].reshape(-1, 3, 32, 32), labels=rows[:, 0].long(), classes=CLASSES)
    return examples, checksums
