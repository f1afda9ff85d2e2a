"""A mean over seeds and the range in which the mean over all seeds would lie."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy.special import stdtrit


@dataclass(frozen=True, kw_only=True)
class Interval:
    """A mean with its confidence interval; `low` and `high` are infinite where `n` is 1.

    Attributes:
        mean: mean of the values.
        low: lower end of the interval.
        high: upper end of the interval.
        n: how many values there were.

    """

    mean: float
    low: float
    high: float
    n: int


def mean_interval(values: Sequence[float] | np.ndarray, level: float = 0.95) -> Interval:
    """Student t interval of the mean: mean -+ t(level, n - 1) sd / sqrt(n), values taken as independent.

    >>> three = mean_interval([1.0, 2.0, 3.0])  # sd 1, t(.975, 2) = 4.303, 4.303 / sqrt(3) = 2.484
    >>> three.mean, round(three.low, 3), round(three.high, 3), three.n
    (2.0, -0.484, 4.484, 3)
    """
    if not 0 < level < 1:
        raise ValueError(f"level is {level}; expected a fraction between 0 and 1, such as 0.95")
    array = np.asarray(values, dtype=float)
    if array.ndim != 1 or not len(array) or not np.isfinite(array).all():
        raise ValueError(f"an interval needs at least one finite value in one dimension; got {values!r}")
    mean = float(array.mean())
    half = half_width(float(array.std(ddof=1)), len(array), level).item() if len(array) > 1 else math.inf
    return Interval(mean=mean, low=mean - half, high=mean + half, n=len(array))


def half_width(spread: float | np.ndarray, n: int | np.ndarray, level: float = 0.95) -> np.ndarray:
    """Half the width of the t interval that `n` values with standard deviation `spread` give."""
    return np.asarray(stdtrit(np.asarray(n) - 1, (1 + level) / 2) * spread / np.sqrt(n))
