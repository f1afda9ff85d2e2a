"""Analysis of variance for balanced designs with repeated measures, planned comparisons and simple regression.

What Barry & Love 2022 report. Each table is sums of squares of means, written out; data sets with missing cells are
refused, since these formulas are for balanced designs only.

Why not a library: pingouin gives the same numbers (`tests/measure/metrics/test_anova.py` keeps them), but is under
GPL-3.0 and takes five seconds to import; statsmodels has neither mixed designs nor epsilon; `scipy.stats` has the t
tests and the line, and would more than double the time in which this module is imported.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float
from scipy.special import fdtrc, stdtr


@dataclass(frozen=True, kw_only=True)
class FTest:
    """One line of an analysis of variance.

    Attributes:
        effect: what is tested.
        f: ratio of mean squares; infinite where the error is none.
        df: degrees of freedom of the effect.
        df_error: and of its error.
        p: probability of such a ratio without an effect.
        epsilon: Greenhouse & Geisser's (1959); 1 where sphericity cannot be violated.
        p_corrected: p with both degrees of freedom times epsilon.

    """

    effect: str
    f: float
    df: int
    df_error: int
    p: float
    epsilon: float = 1.0
    p_corrected: float = math.nan

    def __str__(self) -> str:
        return f"{self.effect}: F({self.df}, {self.df_error}) = {self.f:.2f}, {p_text(self.p)}"


@dataclass(frozen=True, kw_only=True)
class TTest:
    """A paired comparison.

    Attributes:
        t: mean difference over its standard error, first minus second.
        df: degrees of freedom.
        p: two-sided.
        p_bonferroni: p times the number of planned comparisons, at most 1.
        mean: mean difference.

    """

    t: float
    df: int
    p: float
    p_bonferroni: float
    mean: float


@dataclass(frozen=True, kw_only=True)
class Regression:
    """A straight line through points.

    Attributes:
        slope: of the line.
        intercept: of the line.
        r2: share of the variance that it explains.
        f: its F.
        df_error: degrees of freedom of the error; the line has 1.
        p: probability of such an F without a relation.

    """

    slope: float
    intercept: float
    r2: float
    f: float
    df_error: int
    p: float


def p_text(p: float) -> str:
    """A probability as papers write it.

    >>> p_text(0.0312), p_text(1e-5)
    ('P = .031', 'P < .001')
    """
    return "P < .001" if p < 0.001 else f"P = {p:.3f}".replace("0.", ".")


def repeated_measures(values: Float[np.ndarray, "subjects conditions"]) -> FTest:
    """One-way repeated-measures ANOVA: does the condition matter, subjects' own levels taken out?

    >>> print(repeated_measures(np.array([[1.0, 2.0, 4.0], [2.0, 3.0, 4.0], [0.0, 2.0, 3.0]])))
    condition: F(2, 4) = 32.00, P = .003
    """
    n, k = _checked(values, 2)
    grand = values.mean()
    between = n * _squares(values.mean(0) - grand)
    subjects = k * _squares(values.mean(1) - grand)
    error = _squares(values - grand) - between - subjects
    return _within("condition", (between, k - 1), (error, (n - 1) * (k - 1)), greenhouse_geisser(values))


def mixed(values: Float[np.ndarray, "groups subjects times"]) -> dict[str, FTest]:
    """Mixed between-within ANOVA: groups of different subjects, each measured at all times.

    Returns: tests of `group`, `time` and `group x time`.
    """
    g, n, k = _checked(values, 3)
    grand = values.mean()
    group = n * k * _squares(values.mean((1, 2)) - grand)
    subjects = k * _squares(values.mean(2) - grand) - group
    time = g * n * _squares(values.mean((0, 1)) - grand)
    cells = n * _squares(values.mean(1) - grand)
    interaction = cells - group - time
    error = _squares(values - grand) - cells - subjects
    df_subjects, df_error = g * (n - 1), g * (n - 1) * (k - 1)
    centred = (values - values.mean(1, keepdims=True)).reshape(g * n, k)
    epsilon = greenhouse_geisser(centred)
    return {
        "group": _test("group", (group, g - 1), (subjects, df_subjects)),
        "time": _within("time", (time, k - 1), (error, df_error), epsilon),
        "group x time": _within("group x time", (interaction, (g - 1) * (k - 1)), (error, df_error), epsilon),
    }


def two_way(values: Float[np.ndarray, "groups subjects times"]) -> dict[str, FTest]:
    """Two-way repeated-measures ANOVA: the same subjects in every group, at all times.

    Returns: tests of `group`, `time` and `group x time`, each against its interaction with subjects.
    """
    g, n, k = _checked(values, 3)
    grand = values.mean()
    subjects = g * k * _squares(values.mean((0, 2)) - grand)
    group, time = (
        n * k * _squares(values.mean((1, 2)) - grand),
        g * n * _squares(values.mean((0, 1)) - grand),
    )
    group_error = k * _squares(values.mean(2) - grand) - group - subjects
    time_error = g * _squares(values.mean(0) - grand) - time - subjects
    interaction = n * _squares(values.mean(1) - grand) - group - time
    rest = _squares(values - grand) - subjects - group - time - group_error - time_error - interaction
    at_times, by_group = values.mean(0), values.mean(2).T
    contrasts = np.einsum("gnk,ga->nak", values, _contrasts(g)).reshape(n, -1)
    whole = greenhouse_geisser_of(np.cov(contrasts @ np.kron(np.eye(g - 1), _contrasts(k)), rowvar=False))
    return {
        "group": _within("group", (group, g - 1), (group_error, (g - 1) * (n - 1)), greenhouse_geisser(by_group)),
        "time": _within("time", (time, k - 1), (time_error, (k - 1) * (n - 1)), greenhouse_geisser(at_times)),
        "group x time": _within(
            "group x time", (interaction, (g - 1) * (k - 1)), (rest, (g - 1) * (k - 1) * (n - 1)), whole
        ),
    }


def paired(first: Sequence[float] | np.ndarray, second: Sequence[float] | np.ndarray, *, comparisons: int = 1) -> TTest:
    """Paired t test, with Bonferroni's correction for as many planned comparisons as there are.

    >>> test = paired([3.0, 4.0, 6.0], [1.0, 3.0, 3.0], comparisons=5)  # differences 2, 1, 3: mean 2, sd 1
    >>> round(test.t, 3), test.df, round(test.p, 4), round(test.p_bonferroni, 3)
    (3.464, 2, 0.0742, 0.371)
    """
    difference = np.asarray(first, dtype=float) - np.asarray(second, dtype=float)
    if difference.ndim != 1 or len(difference) < 2 or comparisons < 1:
        raise ValueError(f"a paired test needs two lists of at least 2 values; got {difference.shape}, {comparisons=}")
    mean, error = float(difference.mean()), float(difference.std(ddof=1)) / math.sqrt(len(difference))
    return _t_test(mean, error, len(difference) - 1, comparisons)


def unpaired(
    first: Sequence[float] | np.ndarray, second: Sequence[float] | np.ndarray, *, comparisons: int = 1
) -> TTest:
    """Student's t test of two groups of equal size, with Bonferroni's correction.

    >>> test = unpaired([3.0, 4.0, 6.0], [1.0, 3.0, 3.0])  # means 13/3 and 7/3, variances 7/3 and 4/3
    >>> round(test.t, 4), test.df, round(test.p, 4)
    (1.8091, 4, 0.1447)
    """
    one, other = np.asarray(first, dtype=float), np.asarray(second, dtype=float)
    if one.shape != other.shape or one.ndim != 1 or len(one) < 2 or comparisons < 1:
        raise ValueError(f"expected two lists of the same length of at least 2; got {one.shape} and {other.shape}")
    mean, error = float(one.mean() - other.mean()), math.sqrt((one.var(ddof=1) + other.var(ddof=1)) / len(one))
    return _t_test(mean, error, 2 * len(one) - 2, comparisons)


def regression(x: Sequence[float] | np.ndarray, y: Sequence[float] | np.ndarray) -> Regression:
    """Least squares of y on x.

    >>> line = regression([0.0, 1.0, 2.0, 3.0], [1.0, 3.0, 5.0, 8.0])
    >>> round(line.slope, 2), round(line.intercept, 2), round(line.r2, 4)
    (2.3, 0.8, 0.9888)
    """
    across, up = np.asarray(x, dtype=float), np.asarray(y, dtype=float)
    if across.shape != up.shape or across.ndim != 1 or len(across) < 3 or not np.ptp(across):
        raise ValueError(f"a regression needs at least 3 points that differ in x; got {across.shape} and {up.shape}")
    slope = float(((across - across.mean()) * (up - up.mean())).sum() / _squares(across - across.mean()))
    intercept = float(up.mean() - slope * across.mean())
    total, left = _squares(up - up.mean()), _squares(up - intercept - slope * across)
    df = len(across) - 2
    test = _test("line", (total - left, 1), (left, df))
    r2 = 1 - left / total if total else 0.0
    return Regression(slope=slope, intercept=intercept, r2=r2, f=test.f, df_error=df, p=test.p)


def greenhouse_geisser(values: Float[np.ndarray, "subjects conditions"]) -> float:
    """Epsilon from the covariance of the conditions over subjects; between 1 / (conditions - 1) and 1."""
    k = values.shape[1]
    return greenhouse_geisser_of(np.cov(values @ _contrasts(k), rowvar=False))


def greenhouse_geisser_of(covariance: Float[np.ndarray, "..."]) -> float:
    """Epsilon from the covariance C of orthonormal contrasts: tr(C)^2 / (tr(C C) (number of contrasts))."""
    c = np.atleast_2d(covariance)
    spread = float((c * c).sum()) * len(c)
    return float(np.trace(c)) ** 2 / spread if spread else 1.0


def _contrasts(k: int) -> Float[np.ndarray, "k l"]:
    """Orthonormal contrasts of k conditions, one a column."""
    columns = np.column_stack([np.ones(k), np.eye(k)[:, : k - 1]])
    return np.linalg.qr(columns)[0][:, 1:]


def _within(effect: str, top: tuple[float, int], bottom: tuple[float, int], epsilon: float) -> FTest:
    test = _test(effect, top, bottom)
    corrected = float(fdtrc(epsilon * test.df, epsilon * test.df_error, test.f)) if math.isfinite(test.f) else 0.0
    return FTest(**{**vars(test), "epsilon": epsilon, "p_corrected": corrected})


def _test(effect: str, top: tuple[float, int], bottom: tuple[float, int]) -> FTest:
    (squares, df), (error, df_error) = top, bottom
    # Sums of squares that are 0 but for rounding would give any F.
    nothing = 1e-12 * (abs(squares) + abs(error))
    clear = math.inf if squares > nothing else 0.0
    f = clear if error <= nothing else max(squares, 0.0) / df / (error / df_error)
    p = float(fdtrc(df, df_error, f)) if math.isfinite(f) else 0.0
    return FTest(effect=effect, f=f, df=df, df_error=df_error, p=p, p_corrected=p)


def _t_test(mean: float, error: float, df: int, comparisons: int) -> TTest:
    t = mean / error if error else math.copysign(math.inf, mean) if mean else 0.0
    p = float(2 * stdtr(df, -abs(t)))
    return TTest(t=t, df=df, p=p, p_bonferroni=min(1.0, p * comparisons), mean=mean)


def _checked(values: np.ndarray, dimensions: int) -> tuple[int, ...]:
    if values.ndim != dimensions or min(values.shape) < 2 or not np.isfinite(values).all():
        raise ValueError(
            f"an analysis of variance needs finite values in {dimensions} dimensions of at least 2, every subject in "
            f"every cell; got {values.shape}"
        )
    return values.shape


def _squares(values: np.ndarray) -> float:
    return float(np.square(values).sum())
