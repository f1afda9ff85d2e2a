"""Curves over training and days, against numbers that can be worked out by hand."""

import numpy as np
import pandas as pd
import pytest

from oneiros.report.series import curves

from .synthetic import COLUMNS


def rows(*measured):
    """Rows of one experiment out of (condition, seed, day, task, phase, metric, value)."""
    return pd.DataFrame([("p", "e", c, s, "01", *rest) for c, s, *rest in measured], columns=COLUMNS)


def test_steps_of_later_days_follow_those_of_earlier_ones():
    table = rows(*[("a", 0, day, day, f"step:{n}", "loss", day + n / 100) for day in (0, 1) for n in (10, 20)])
    (curve,) = curves(table)
    assert (curve.title, curve.x_title) == ("loss", "batches lived")
    assert curve.series["a"][:, 0].tolist() == [10, 20, 30, 40]
    assert curve.series["a"][:, 1].tolist() == [0.1, 0.2, 1.1, 1.2]


def test_mean_and_interval_over_seeds_by_hand():
    values = {0: 0.1, 1: 0.2, 2: 0.3}  # mean .2, sd .1: half width 4.303 * .1 / sqrt(3)
    table = rows(*[("a", s, day, day, "end", "accuracy_seen", v) for s, v in values.items() for day in (0, 1)])
    (curve,) = curves(table)
    assert curve.title == "accuracy seen (%)"
    half = 100 * 4.3027 * 0.1 / 3**0.5
    assert curve.series["a"][1] == pytest.approx([2, 20, 20 - half, 20 + half, 3], rel=1e-4)


def test_one_seed_has_no_interval():
    (curve,) = curves(rows(*[("a", 0, day, day, "end", "m", 1.0) for day in (0, 1)]))
    assert np.isnan(curve.series["a"][:, 2:4]).all()


def test_a_seed_with_two_orders_counts_once():
    both = [rows(*[("a", 0, day, day, "end", "m", value) for day in (0, 1)]) for value in (1.0, 3.0)]
    both[1]["order"] = "10"
    (curve,) = curves(pd.concat(both))
    assert curve.series["a"][:, 1].tolist() == [2.0, 2.0]
    assert curve.series["a"][:, 4].tolist() == [1, 1]


def test_tasks_are_told_apart_where_a_day_measures_several():
    table = rows(*[("a", 0, day, task, "end", "accuracy", 0.5) for day in range(3) for task in range(day + 1)])
    assert [curve.title for curve in curves(table)] == ["accuracy (%), task 1", "accuracy (%), task 2"]  # 3 has one day


def test_what_was_asked_for_comes_first_and_matrices_are_no_curves():
    measured = [("a", 0, day, day, "end", m, 0.5) for day in (0, 1) for m in ("a", "accuracy_seen", "confusion:0:1")]
    assert [curve.metric for curve in curves(rows(*measured), ["final_accuracy"])] == ["accuracy_seen", "a"]


def test_a_metric_measured_once_is_no_curve():
    assert curves(rows(("a", 0, 0, 0, "end", "m", 1.0))) == []
    assert curves(rows()) == []
