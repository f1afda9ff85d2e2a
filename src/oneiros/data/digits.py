"""The 1,797 handwritten digits of 8 x 8 pixels that come inside scikit-learn: no files, no download."""

import numpy as np
import torch
from jaxtyping import Bool, Int64
from torch import Tensor

from oneiros.data.examples import Dataset, Examples
from oneiros.data.files import sha256_of


def read_digits() -> Dataset:
    """Digits, grey values 0..16 rescaled to round(v * 255 / 16); 1,442 train and 355 test examples.

    Of every class each fifth example, in the order of scikit-learn's list, is a test example. Writers may
    therefore have digits in both splits. The checksums are those of the rescaled grey values (uint8) and of
    the labels (int64).
    """
    from sklearn.datasets import load_digits  # slow to import, and needed for this data set only

    pixels, numbers = load_digits(return_X_y=True)
    grey = np.rint(pixels * 255 / 16).astype(np.uint8).reshape(-1, 1, 8, 8)
    numbers = np.asarray(numbers, np.int64)
    everything = Examples(images=torch.from_numpy(grey), labels=torch.from_numpy(numbers), classes=tuple("0123456789"))
    test = every_fifth(everything.labels)
    return Dataset(
        name="digits",
        train=everything.subset((~test).nonzero().flatten()),
        test=everything.subset(test.nonzero().flatten()),
        checksums={"digits-images": sha256_of(grey.tobytes()), "digits-labels": sha256_of(numbers.tobytes())},
    )


def every_fifth(labels: Int64[Tensor, " n"]) -> Bool[Tensor, " n"]:
    """Whether an example is the 5th, 10th, 15th, ... of its class.

    >>> every_fifth(torch.tensor([0, 0, 0, 1, 0, 0, 0])).tolist()
    [False, False, False, False, False, True, False]
    """
    chosen = torch.zeros(len(labels), dtype=torch.bool)
    for label in labels.unique():
        chosen[(labels == label).nonzero().flatten()[4::5]] = True
    return chosen
