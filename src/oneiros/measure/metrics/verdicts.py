"""Whether a published number or ordering was reproduced: computed from seeds, never judged by eye."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from scipy.special import stdtr

from oneiros.measure.metrics.intervals import Interval, half_width, mean_interval

Verdict = Literal["reproduced", "not reproduced", "better", "undecided"]
ClaimAnswer = Literal["holds", "fails", "undecided"]

LEVEL = 0.95
# Accuracies are counts of test images, so two seeds can agree to the last digit and give an interval without width.
MIN_SEEDS = 3
# Beyond this many seeds, "add seeds" is no advice any more.
MAX_SEEDS = 10_000


@dataclass(frozen=True, kw_only=True)
class ClaimResult:
    """Paired comparison of two conditions over the seeds they share.

    Attributes:
        mean: mean difference, first minus second.
        low: lower end of its 95 % interval.
        high: upper end of its 95 % interval.
        n: number of pairs.
        effect: Cohen's d_z, the mean difference over the standard deviation of the differences.
        p: two-sided p of a paired t test against `margin`; nan where there are too few pairs to test.
        verdict: what this comparison says on its own, before any correction for several comparisons.

    """

    mean: float
    low: float
    high: float
    n: int
    effect: float
    p: float
    verdict: ClaimAnswer


def verdict(interval: Interval, target: float, tolerance: float) -> Verdict:
    """Compare a measured interval with target -+ tolerance; fewer than `MIN_SEEDS` seeds decide nothing.

    "better" is a miss too, until somebody explains it; what it is of a number that has no better end, its caller knows.

    >>> verdict(Interval(mean=64.0, low=61.0, high=67.0, n=6), target=65.0, tolerance=5.0)
    'reproduced'
    >>> verdict(Interval(mean=64.0, low=58.0, high=70.0, n=6), target=65.0, tolerance=5.0)
    'undecided'
    """
    _refuse_negative(tolerance)
    lower, upper = target - tolerance, target + tolerance
    if interval.n < MIN_SEEDS:
        return "undecided"
    if interval.high < lower:
        return "not reproduced"
    if interval.low > upper:
        return "better"
    return "reproduced" if lower <= interval.low and interval.high <= upper else "undecided"


def seeds_needed(values: Sequence[float] | np.ndarray, target: float, tolerance: float) -> int | None:
    """Seeds in all at which the interval would decide, were mean and standard deviation to stay as they are.

    None where it never would: the mean lies on an end of target -+ tolerance, more than `MAX_SEEDS` would be
    needed, or a single value tells no standard deviation.

    >>> seeds_needed([50.0, 60.0, 70.0], target=60.0, tolerance=8.0)  # t(.975, 8) 10 / 3 = 7.7
    9
    """
    _refuse_negative(tolerance)
    array = np.asarray(values, dtype=float)
    if len(array) < 2:
        return None
    room = abs(abs(float(array.mean()) - target) - tolerance)
    n = np.arange(MIN_SEEDS, MAX_SEEDS + 1)
    enough = n[half_width(float(array.std(ddof=1)), n, LEVEL) < room]
    return int(enough[0]) if len(enough) else None


def claim(
    first: Sequence[float] | np.ndarray, second: Sequence[float] | np.ndarray, margin: float = 0.0
) -> ClaimResult:
    """Is first - second larger than `margin`? `first[i]` and `second[i]` come from the same seed.

    >>> claim([0.6, 0.7, 0.8], [0.2, 0.4, 0.3]).verdict
    'holds'
    """
    one, other = np.asarray(first, dtype=float), np.asarray(second, dtype=float)
    if one.shape != other.shape:
        raise ValueError(f"a paired claim needs as many first as second values; got {one.shape} and {other.shape}")
    difference = one - other
    interval = mean_interval(difference, LEVEL)
    spread = float(difference.std(ddof=1)) if interval.n > 1 else math.nan
    p = _paired_p(interval.mean - margin, spread, interval.n)
    return ClaimResult(
        mean=interval.mean,
        low=interval.low,
        high=interval.high,
        n=interval.n,
        effect=_ratio(interval.mean, spread),
        p=p,
        verdict=claim_answer(interval.mean - margin, p),
    )


def claim_answer(excess: float, p: float) -> ClaimAnswer:
    """Answer from by how much the difference exceeds its margin, and p; nan p (too few seeds) leaves it open."""
    if not p < 1 - LEVEL:
        return "undecided"
    return "holds" if excess > 0 else "fails"


def holm(pvalues: Sequence[float]) -> list[float]:
    """Holm's step-down correction (1979): the k-th smallest of m p-values times m - k + 1, made monotone.

    >>> holm([0.01, 0.04, 0.03])
    [0.03, 0.06, 0.06]
    """
    p = np.asarray(pvalues, dtype=float)
    if not ((p >= 0) & (p <= 1)).all():
        raise ValueError(f"p-values lie between 0 and 1; got {list(pvalues)}: leave out claims that were not tested")
    order = np.argsort(p)
    stepped = np.maximum.accumulate(p[order] * np.arange(len(p), 0, -1))
    corrected = np.empty_like(p)
    corrected[order] = np.minimum(stepped, 1.0)
    return corrected.tolist()


def _paired_p(excess: float, spread: float, n: int) -> float:
    if n < MIN_SEEDS:
        return math.nan
    statistic = _ratio(excess, spread / math.sqrt(n))
    return float(2 * stdtr(n - 1, -abs(statistic)))


def _ratio(mean: float, spread: float) -> float:
    """Mean over spread; without any spread a difference is infinitely clear, and no difference is none."""
    if spread == 0:
        return math.copysign(math.inf, mean) if mean else 0.0
    return mean / spread


def _refuse_negative(tolerance: float) -> None:
    if not tolerance >= 0:
        raise ValueError(f"tolerance is {tolerance}; expected a number >= 0 in the target's unit")
