"""Distances between paired rows, and how a latent space is organised (Deperrois et al. 2022, Methods)."""

from typing import NamedTuple

import numpy as np
from jaxtyping import Float


def euclidean(a: Float[np.ndarray, "n d"], b: Float[np.ndarray, "n d"]) -> float:
    """Mean Euclidean distance of row i to row i: the paper's text.

    >>> euclidean(np.array([[0.0, 0.0], [0.0, 0.0]]), np.array([[3.0, 4.0], [0.0, 1.0]]))
    3.0
    """
    return float(np.sqrt(np.square(a - b).sum(1)).mean())


def mean_square(a: Float[np.ndarray, "n d"], b: Float[np.ndarray, "n d"]) -> float:
    """Mean squared difference over all entries: the authors' code.

    >>> mean_square(np.array([[0.0, 0.0], [0.0, 0.0]]), np.array([[3.0, 4.0], [0.0, 1.0]]))
    6.5
    """
    return float(np.square(a - b).mean())


class Organisation(NamedTuple):
    """Mean distances in a latent space, and their ratios (Fig. 6 e, f).

    >>> found = Organisation(intra=1.0, inter=4.0, clean_covered=2.0)
    >>> found.intra_over_inter, found.clean_covered_over_inter
    (0.25, 0.5)
    """

    intra: float
    inter: float
    clean_covered: float

    @property
    def intra_over_inter(self) -> float:
        """Below 1 where images of a class lie together."""
        return self.intra / self.inter

    @property
    def clean_covered_over_inter(self) -> float:
        """Near 0 where covering parts of an image does not move it."""
        return self.clean_covered / self.inter
