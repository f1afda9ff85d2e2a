"""Street View House Numbers (Netzer et al. 2011), from the authors' MATLAB files in torchvision's layout."""

import io
from pathlib import Path

import numpy as np
import torch

from oneiros.data.errors import DataError, reading, require_files
from oneiros.data.examples import Dataset, Examples
from oneiros.data.files import read_bytes


def read_svhn(root: Path) -> Dataset:
    """SVHN from ROOT/{train,test}_32x32.mat; class k is the digit k."""
    files = root / "train_32x32.mat", root / "test_32x32.mat"
    require_files(files)
    (train, train_sum), (test, test_sum) = map(_read_examples, files)
    checksums = {files[0].name: train_sum, files[1].name: test_sum}
    return Dataset(name="svhn", train=train, test=test, checksums=checksums)


def _read_examples(file: Path) -> tuple[Examples, str]:
    import scipy.io  # slow to import, and needed for this data set only

    with reading(file):
        data, digest = read_bytes(file)
        try:
            content = scipy.io.loadmat(io.BytesIO(data), variable_names=["X", "y"])
            pixels, labels = content["X"], content["y"].ravel().astype(np.int64)
        # scipy's reader raises ValueError, KeyError, TypeError, zlib.error and others on damaged bytes.
        except Exception as error:
            raise DataError(f"not a MATLAB file with X and y ({error!r}); fetch it again") from error
        if pixels.ndim != 4 or pixels.shape[:3] != (32, 32, 3) or pixels.dtype != np.uint8:
            raise DataError(f"X is {pixels.dtype} {list(pixels.shape)}; expected uint8 [32, 32, 3, n]")
        images = torch.from_numpy(pixels.transpose(3, 2, 0, 1).copy())
        # The files call the digit 0 by the number 10.
        numbers = torch.from_numpy(np.where(labels == 10, 0, labels))
        return Examples(images=images, labels=numbers, classes=tuple("0123456789")), digest
