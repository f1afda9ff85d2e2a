"""Matrices out of rows, cell by cell."""

import numpy as np
import pandas as pd

from oneiros.report import matrices
from oneiros.report.matrices import MEAN, families

from .synthetic import COLUMNS


def rows(*measured):
    """Rows of one condition out of (seed, day, task, phase, metric, value)."""
    return pd.DataFrame([("p", "e", "c", s, "01", *rest) for s, *rest in measured], columns=COLUMNS)


def test_accuracy_by_day_and_task_for_the_mean_and_for_each_seed():
    cells = [(s, d, t, "end", "accuracy", 0.5 + 0.1 * s) for s in (0, 1) for d, t in ((0, 0), (1, 0), (1, 1))]
    (family,) = families(rows(*cells))
    by_seed = family.cells["c"]
    assert set(by_seed) == {MEAN, "0", "1"}
    np.testing.assert_allclose(by_seed["1"]["end"], [[60, np.nan], [60, 60]])
    np.testing.assert_allclose(by_seed[MEAN]["end"], [[55, np.nan], [55, 55]])


def test_confusion_is_that_of_the_last_day_before_and_after_its_night():
    cells = [
        (0, day, day, phase, "confusion:1:0", v)
        for day, phase, v in ((0, "end", 0.1), (1, "dusk", 0.2), (1, "end", 0.3))
    ]
    (family,) = families(rows(*cells))
    assert (family.rows, family.columns) == ("true class", "predicted class")
    phases = family.cells["c"][MEAN]
    assert (phases["dusk"].tolist(), phases["end"].tolist()) == ([[20.0]], [[30.0]])
    assert (family.row_names, family.column_names) == (("1",), ("0",))  # of classes that were measured


def test_shares_by_day():
    cells = [(0, 1, 1, "end", "replay_share:2", 0.25), (0, 3, 3, "end", "replay_share:7", 0.5)]
    (family,) = families(rows(*cells))
    np.testing.assert_allclose(family.cells["c"][MEAN]["end"], [[25, np.nan], [np.nan, 50]])
    assert (family.rows, family.row_names) == ("day", ("2", "4"))
    assert (family.columns, family.column_names) == ("class", ("2", "7"))


def test_large_matrices_keep_their_mean_only(monkeypatch):
    monkeypatch.setattr(matrices, "MOST_NUMBERS", 3)
    cells = [(s, 0, 0, "end", f"confusion:{r}:{c}", 0.5) for s in (0, 1) for r in (0, 1) for c in (0, 1)]
    (family,) = families(rows(*cells))
    assert set(family.cells["c"]) == {MEAN}
    assert family.seeds_left_out == 2


def test_nothing_is_no_family():
    assert families(rows((0, 0, 0, "end", "accuracy", 0.5), (0, 0, 0, "end", "loss", 0.5))) == []
