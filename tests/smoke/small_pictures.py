"""A data set of coloured noise, ten classes of 32 x 32 pictures, for runs that need some data set and no download."""

from pathlib import Path

import numpy as np
from PIL import Image


def write_pictures(root: Path, *, train: int = 12, test: int = 6) -> str:
    """Write `train` and `test` pictures of each class below `root`; returns its name for `oneiros.data.load`."""
    rng = np.random.default_rng(0)
    for half, count in (("train", train), ("test", test)):
        for label in range(10):
            folder = root / half / str(label)
            folder.mkdir(parents=True)
            for number in range(count):
                colour = rng.integers(0, 256, (1, 1, 3)) // 2
                grain = rng.integers(0, 128, (32, 32, 3))
                Image.fromarray((colour + grain).astype(np.uint8)).save(folder / f"{number}.png")
    return f"folder:{root}"
