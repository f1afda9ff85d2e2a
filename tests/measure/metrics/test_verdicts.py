"""Verdicts on numbers whose answer is known."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from oneiros.measure.metrics import Interval, claim, claim_answer, holm, mean_interval, seeds_needed, verdict

probabilities = st.lists(st.floats(0, 1), min_size=1, max_size=10)


@pytest.mark.parametrize(
    ("low", "high", "expected"),
    [
        (58.0, 62.0, "reproduced"),
        (55.0, 65.0, "reproduced"),  # ends of target -+ tolerance belong to it
        (40.0, 54.9, "not reproduced"),
        (65.1, 80.0, "better"),
        (54.0, 62.0, "undecided"),
        (58.0, 66.0, "undecided"),
        (50.0, 70.0, "undecided"),
        (-math.inf, math.inf, "undecided"),
    ],
)
def test_every_position_of_the_interval(low, high, expected):
    interval = Interval(mean=(low + high) / 2, low=low, high=high, n=6)
    assert verdict(interval, target=60.0, tolerance=5.0) == expected


@given(value=st.floats(0, 100), n=st.integers(1, 2))
def test_too_few_seeds_never_decide(value, n):
    assert verdict(mean_interval([value] * n), target=value, tolerance=50.0) == "undecided"
    assert claim([value + 90.0] * n, [value] * n).verdict == "undecided"


def test_seeds_at_random_rarely_buy_a_pass_beyond_the_tolerance():
    rng = np.random.default_rng(3)
    passes = [verdict(mean_interval(rng.normal(54.9, 4, size=3)), 60.0, 5.0) == "reproduced" for _ in range(2000)]
    assert np.mean(passes) < 0.05


@pytest.mark.parametrize("tolerance", [-1.0, float("nan")])
def test_a_negative_tolerance_and_none_at_all_are_refused(tolerance):
    with pytest.raises(ValueError, match="expected a number >= 0"):
        verdict(mean_interval([1.0, 2.0, 3.0]), 1.0, tolerance)


@pytest.mark.parametrize(("target", "tolerance"), [(60.0, 8.0), (60.0, 3.0), (75.0, 8.0), (45.0, 8.0)])
def test_seeds_needed_is_where_the_same_spread_decides(target, tolerance):
    values = [50.0, 60.0, 70.0]
    needed = seeds_needed(values, target, tolerance)
    assert needed is not None
    for n, decided in ((needed, True), (needed - 1, needed - 1 < 3)):
        half = 10.0 * _t_quantile(n) / math.sqrt(n) if n >= 3 else 0.0
        interval = Interval(mean=60.0, low=60.0 - half, high=60.0 + half, n=max(n, 3))
        assert (verdict(interval, target, tolerance) != "undecided") == decided


def _t_quantile(n):
    """t(.975, n - 1) read off the interval of a sample with mean 0: half width * sqrt(n) / sd."""
    sample = np.linspace(-1, 1, n)
    return mean_interval(sample).high * math.sqrt(n) / sample.std(ddof=1)


def test_seeds_needed_is_none_where_more_seeds_do_not_help():
    assert seeds_needed([50.0, 60.0, 70.0], target=65.0, tolerance=5.0) is None  # mean on the border
    assert seeds_needed([60.0], target=60.0, tolerance=5.0) is None  # no spread known


def test_claim_by_hand():
    result = claim([5.0, 6.0, 7.0], [4.0, 3.0, 5.0])  # differences 1, 3, 2: mean 2, sd 1
    assert (result.mean, result.n, result.effect) == (2.0, 3, 2.0)
    assert result.low == pytest.approx(2 - 4.3027 / 3**0.5, rel=1e-4)
    assert result.p == pytest.approx(0.0742, abs=1e-4)  # t = 3.464 on 2 degrees of freedom
    assert result.verdict == "undecided"


@pytest.mark.parametrize(
    ("first", "margin", "expected"),
    [([9.0, 9.5, 10.0], 0.0, "holds"), ([9.0, 9.5, 10.0], 9.0, "fails"), ([9.0, 9.5, 10.0], 7.9, "undecided")],
)
def test_claim_against_a_margin(first, margin, expected):
    assert claim(first, [1.0, 1.4, 2.1], margin).verdict == expected


@given(st.lists(st.tuples(st.floats(0, 1), st.floats(0, 1)), min_size=3, max_size=12))
def test_a_claim_turned_round_has_the_opposite_answer(pairs):
    first, second = zip(*pairs, strict=True)
    opposite = {"holds": "fails", "fails": "holds", "undecided": "undecided"}
    assert claim(list(second), list(first)).verdict == opposite[claim(list(first), list(second)).verdict]


def test_no_difference_at_all_is_undecided():
    result = claim([0.5] * 4, [0.5] * 4)
    assert (result.effect, result.p, result.verdict) == (0.0, 1.0, "undecided")


def test_unpaired_seeds_are_refused():
    with pytest.raises(ValueError, match="as many first as second"):
        claim([1.0, 2.0], [1.0])


def test_a_claim_without_p_is_undecided():
    assert claim_answer(1.0, math.nan) == "undecided"


def test_holm_by_hand():
    assert holm([0.01, 0.04, 0.03, 0.005]) == pytest.approx([0.03, 0.06, 0.06, 0.02])
    assert holm([]) == []


@given(probabilities)
def test_holm_never_lowers_p_and_keeps_the_order(pvalues):
    corrected = holm(pvalues)
    assert all(p <= c <= 1 for p, c in zip(pvalues, corrected, strict=True))
    assert corrected[int(np.argmin(pvalues))] == min(corrected)


def test_holm_refuses_nan():
    with pytest.raises(ValueError, match="leave out claims"):
        holm([0.1, math.nan])
