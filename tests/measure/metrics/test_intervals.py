"""Student t intervals: by hand, against scipy's own, and their coverage."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from oneiros.measure.metrics import mean_interval

accuracies = st.lists(st.floats(0, 1), min_size=2, max_size=20)


def test_by_hand():
    interval = mean_interval([1.0, 2.0, 3.0])
    assert interval.n == 3
    assert (interval.mean, interval.low, interval.high) == pytest.approx(
        (2.0, 2 - 4.3027 / 3**0.5, 2 + 4.3027 / 3**0.5), rel=1e-4
    )


def test_one_value_tells_no_spread():
    interval = mean_interval([0.5])
    assert (interval.mean, interval.low, interval.high, interval.n) == (0.5, -math.inf, math.inf, 1)


@pytest.mark.parametrize("values", [[], [math.nan, 1.0], [math.inf]])
def test_refuses_what_has_no_mean(values):
    with pytest.raises(ValueError, match="at least one finite value"):
        mean_interval(values)


def test_refuses_a_level_in_percent():
    with pytest.raises(ValueError, match="fraction between 0 and 1"):
        mean_interval([1.0, 2.0], level=95.0)


@given(accuracies)
def test_contains_its_mean_and_grows_with_the_level(values):
    narrow, wide = mean_interval(values, 0.8), mean_interval(values, 0.99)
    assert wide.low <= narrow.low <= narrow.mean <= narrow.high <= wide.high


@pytest.mark.parametrize("n", [2, 6, 12])
def test_agrees_with_scipy(n):
    values = np.random.default_rng(n).normal(size=n)
    expected = stats.t.interval(0.95, n - 1, loc=values.mean(), scale=stats.sem(values))
    interval = mean_interval(values)
    assert (interval.low, interval.high) == pytest.approx(expected)


@pytest.mark.parametrize("n", [3, 6])
def test_covers_the_truth_in_95_of_100_cases(n):
    rng = np.random.default_rng(7)
    intervals = [mean_interval(rng.normal(64.7, 4.4, size=n)) for _ in range(2000)]
    covered = np.mean([interval.low <= 64.7 <= interval.high for interval in intervals])
    assert 0.93 <= covered <= 0.97
