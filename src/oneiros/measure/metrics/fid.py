"""Frechet distance between two clouds of features (Heusel et al. 2018; Deperrois et al. 2022, Eq. 11)."""

from typing import NamedTuple

import numpy as np
from jaxtyping import Float


class Moments(NamedTuple):
    """Mean `[d]` and covariance `[d, d]` of features."""

    mean: np.ndarray
    covariance: np.ndarray


def moments(features: Float[np.ndarray, "n d"]) -> Moments:
    """Mean and covariance (dividing by n - 1) of the rows, in float64.

    >>> moments(np.array([[0.0], [2.0]]))
    Moments(mean=array([1.]), covariance=array([[2.]]))
    """
    if len(features) < 2:
        raise ValueError(f"there are {len(features)} rows of features; expected at least 2 to have a covariance")
    wide = features.astype(np.float64)
    mean = wide.mean(0)
    centred = wide - mean
    return Moments(mean, centred.T @ centred / (len(wide) - 1))


def frechet_distance(real: Moments, generated: Moments) -> float:
    """|mu_1 - mu_2|^2 + Tr(S_1 + S_2 - 2 (S_1 S_2)^(1/2)), which is 0 for equal moments.

    The trace of the root is the sum of the roots of the eigenvalues of S_1^(1/2) S_2 S_1^(1/2), which is symmetric.

    >>> frechet_distance(Moments(np.zeros(1), np.eye(1)), Moments(np.array([3.0]), 4 * np.eye(1)))  # 3^2 + (2 - 1)^2
    10.0
    """
    values, vectors = np.linalg.eigh(real.covariance)
    root = (vectors * np.sqrt(np.clip(values, 0, None))) @ vectors.T
    shared = np.sqrt(np.clip(np.linalg.eigvalsh(root @ generated.covariance @ root), 0, None)).sum()
    traces = np.trace(real.covariance) + np.trace(generated.covariance)
    return float(np.square(real.mean - generated.mean).sum() + traces - 2 * shared)
