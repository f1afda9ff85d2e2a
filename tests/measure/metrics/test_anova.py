"""Tables of variance against published worked examples, an independent computation, and limit cases."""

import numpy as np
import pytest
from scipy import stats

from oneiros.measure.metrics.anova import mixed, paired, regression, repeated_measures, two_way, unpaired


def test_one_way_repeated_measures_of_a_published_example():
    """Laerd Statistics, "Repeated measures ANOVA": fitness of six people before, after 3 and after 6 months."""
    fitness = [[45, 50, 55], [42, 42, 45], [36, 41, 43], [39, 35, 40], [51, 55, 59], [44, 49, 56]]
    test = repeated_measures(np.array(fitness, dtype=float))
    assert (test.df, test.df_error) == (2, 10)
    assert test.f == pytest.approx(12.53, abs=0.005)
    assert test.p == pytest.approx(0.002, abs=0.0005)


# Wendorf, "Statistics for Social Science", annotated output of a mixed design ANOVA (2021).
MIXED = np.array(
    [[[0, 4, 4], [0, 7, 9], [3, 4, 6], [5, 9, 9]], [[1, 3, 3], [3, 1, 3], [6, 6, 6], [6, 6, 8]]], dtype=float
)


def test_the_mixed_analysis_of_a_published_example():
    table = mixed(MIXED)
    published = {"group": (0.182, 1, 6, 0.685), "time": (11.2, 2, 12, 0.002), "group x time": (6.4, 2, 12, 0.013)}
    for effect, (f, df, df_error, p) in published.items():
        assert (table[effect].df, table[effect].df_error) == (df, df_error)
        assert table[effect].f == pytest.approx(f, abs=0.0005)
        assert table[effect].p == pytest.approx(p, abs=0.0005)


def by_projection(values: np.ndarray, columns: list[np.ndarray]) -> list[float]:
    """Sum of squares that each block of dummy columns adds to those before it: least squares, no formula of ours."""
    y, explained, design = values.ravel(), [], np.ones((values.size, 1))
    left = float(((y - y.mean()) ** 2).sum())
    for block in columns:
        design = np.hstack([design, block])
        residual = y - design @ np.linalg.lstsq(design, y, rcond=None)[0]
        explained.append(left - float(residual @ residual))
        left = float(residual @ residual)
    return explained


def dummies(index: np.ndarray) -> np.ndarray:
    return (index.ravel()[:, None] == np.unique(index)).astype(float)


def test_the_two_way_analysis_against_least_squares():
    rng = np.random.default_rng(0)
    g, n, k = 2, 7, 4
    values = rng.normal(size=(g, n, k)) + rng.normal(size=(1, n, 1)) + np.arange(k) + np.arange(g)[:, None, None]
    at = np.indices((g, n, k))
    cross = lambda *axes: dummies(sum(at[a] * 100**i for i, a in enumerate(axes)))  # noqa: E731
    blocks = [cross(1), cross(0), cross(2), cross(0, 1), cross(1, 2), cross(0, 2)]
    _, group, time, group_error, time_error, both = by_projection(values, blocks)
    rest = float(((values - values.mean()) ** 2).sum()) - sum(by_projection(values, blocks))
    table = two_way(values)
    assert table["group"].f == pytest.approx(group / (group_error / (n - 1)))
    assert table["time"].f == pytest.approx((time / (k - 1)) / (time_error / ((k - 1) * (n - 1))))
    assert table["group x time"].f == pytest.approx((both / (k - 1)) / (rest / ((k - 1) * (n - 1))))
    assert (table["group"].df_error, table["time"].df_error, table["group x time"].df_error) == (6, 18, 18)


def test_epsilons_and_corrected_probabilities_are_pingouins():
    """What pingouin 0.7.0 prints for these data; F and p of the first two are statsmodels 0.15's as well."""
    rng = np.random.default_rng(5)
    one = repeated_measures(rng.normal(size=(9, 5)) + rng.normal(size=(9, 1)) + np.arange(5) * 0.3)
    groups = rng.normal(size=(2, 7, 4)) + rng.normal(size=(1, 7, 1)) + np.arange(4) * 0.4
    within, between = two_way(groups), mixed(groups)
    published = [
        (one, (5.718108, 0.001372, 0.812325, 0.003190)),
        (within["time"], (6.074594, 0.004836, 0.630928, 0.017040)),
        (within["group x time"], (1.214846, 0.332950, 0.594085, 0.328992)),
        (between["time"], (4.940578, 0.005643, 0.859272, 0.008726)),
        (between["group x time"], (1.441635, 0.246763, 0.859272, 0.251344)),
    ]
    for test, numbers in published:
        assert (test.f, test.p, test.epsilon, test.p_corrected) == pytest.approx(numbers, abs=5.1e-7)


def test_degrees_of_freedom_of_the_paper():
    rng = np.random.default_rng(1)
    table = mixed(rng.normal(size=(2, 10, 30)))
    assert (table["group"].df, table["group"].df_error) == (1, 18)
    assert (table["group x time"].df, table["group x time"].df_error) == (29, 522)
    test = repeated_measures(rng.normal(size=(10, 6)))
    assert (test.df, test.df_error) == (5, 45)


def test_with_two_conditions_they_are_t_tests():
    rng = np.random.default_rng(2)
    values = rng.normal(size=(9, 2))
    test, t = repeated_measures(values), stats.ttest_rel(*values.T)
    assert test.f == pytest.approx(t.statistic**2)
    assert test.p == pytest.approx(t.pvalue)
    assert test.epsilon == pytest.approx(1.0)
    groups = rng.normal(size=(2, 6, 3))
    between = stats.ttest_ind(*groups.mean(2))
    assert mixed(groups)["group"].f == pytest.approx(between.statistic**2)
    assert mixed(groups)["group"].p == pytest.approx(between.pvalue)
    both = two_way(groups)
    assert both["group"].f == pytest.approx(stats.ttest_rel(*groups.mean(2)).statistic ** 2)


def test_epsilon_is_one_where_all_contrasts_vary_alike_and_least_where_one_does():
    rng = np.random.default_rng(3)
    assert repeated_measures(rng.normal(size=(4000, 4))).epsilon == pytest.approx(1, abs=0.01)
    slope = (1 + rng.normal(size=(40, 1))) * np.arange(4)
    test = repeated_measures(slope + 1e-6 * rng.normal(size=(40, 4)))
    assert test.epsilon == pytest.approx(1 / 3, abs=1e-6)
    assert test.p_corrected > test.p


def test_comparisons_and_regression_are_scipys():
    rng = np.random.default_rng(4)
    one, other = rng.normal(size=8), rng.normal(size=8)
    assert paired(one, other).p == pytest.approx(stats.ttest_rel(one, other).pvalue)
    assert unpaired(one, other).t == pytest.approx(stats.ttest_ind(one, other).statistic)
    assert paired(one, other, comparisons=5).p_bonferroni == pytest.approx(min(1, 5 * paired(one, other).p))
    line, theirs = regression(one, other), stats.linregress(one, other)
    assert (line.slope, line.r2, line.p) == pytest.approx((theirs.slope, theirs.rvalue**2, theirs.pvalue))


def test_no_variance_and_missing_cells():
    assert repeated_measures(np.ones((4, 3))).p == 1.0
    level = np.tile(np.array([1.0, 2.0, 4.0]), (4, 1))
    assert repeated_measures(level).f == np.inf
    assert paired([1.0, 1.0], [1.0, 1.0]).p == 1.0
    with pytest.raises(ValueError, match="every subject in every cell"):
        repeated_measures(np.array([[1.0, np.nan], [2.0, 3.0]]))
    with pytest.raises(ValueError, match="differ in x"):
        regression([1.0, 1.0, 1.0], [1.0, 2.0, 3.0])
