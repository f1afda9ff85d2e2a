"""What the interactive figures of one experiment are drawn from: plain data, small enough for a page."""

import json
import math
from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd

from oneiros.report.check import TargetVerdict
from oneiros.report.matrices import Family
from oneiros.report.series import Curve, subsampled
from oneiros.report.tables import intervals, unit_of
from oneiros.report.units import scale_of, title
from oneiros.report.valid_rows import conditions, values_by_seed

# A curve needs no more points than a screen can show; many curves share what a page can carry.
MOST_POINTS = 150
FEWEST_POINTS = 15
POINTS_IN_ALL = 12_000
MOST_SEEDS = 40
DIGITS = 4


def chart_data(
    rows: pd.DataFrame,
    targets: Sequence[TargetVerdict],
    metrics: Sequence[str],
    curves: Sequence[Curve],
    matrices: Sequence[Family],
) -> dict[str, Any]:
    """All that the page's script needs to draw one experiment."""
    return {
        "conditions": conditions(rows),
        "finals": [_final(rows, targets, metric) for metric in metrics],
        "curves": _curves(curves),
        "matrices": [_matrix(family) for family in matrices],
    }


def embedded(name: str, value: Any) -> str:
    r"""A script element that carries data; nothing in it can end the element or run.

    >>> embedded("data-a", {"name": "</script>"})
    '<script type="application/json" id="data-a">{"name":"\\u003c/script>"}</script>'
    """
    text = json.dumps(value, separators=(",", ":"), allow_nan=False).replace("<", "\\u003c")
    return f'<script type="application/json" id="{name}">{text}</script>'


def _final(rows: pd.DataFrame, targets: Sequence[TargetVerdict], metric: str) -> dict[str, Any]:
    unit = unit_of(metric, targets)
    measured, seeds = intervals(rows, metric, unit), values_by_seed(rows, metric)
    judged = {target.condition: target for target in targets if target.metric == metric}
    lines = []
    for condition in dict.fromkeys([*measured, *judged]):
        mine, target = measured.get(condition), judged.get(condition)
        each = seeds[seeds["condition"] == condition].head(MOST_SEEDS)
        values = zip(each["seed"].tolist(), (each["value"] * scale_of(unit)).tolist(), strict=True)
        line: dict[str, Any] = {"condition": condition, "values": [[seed, short(value)] for seed, value in values]}
        line |= {name: short(getattr(mine, name)) if mine else None for name in ("mean", "low", "high")}
        line |= {"n": mine.n if mine else 0, "verdict": target.verdict if target else ""}
        line |= {"target": None, "lower": None, "upper": None}
        if target:
            ends = {"lower": target.target - target.tolerance, "upper": target.target + target.tolerance}
            line |= {"target": target.target, **{name: short(end) for name, end in ends.items()}}
        lines.append(line)
    return {"title": title(metric, unit), "unit": unit, "lines": lines}


def _curves(curves: Sequence[Curve]) -> list[dict[str, Any]]:
    number = sum(len(curve.series) for curve in curves)
    most = min(MOST_POINTS, max(FEWEST_POINTS, POINTS_IN_ALL // max(1, number)))
    return [
        {
            "title": curve.title,
            "unit": curve.unit,
            "x": curve.x_title,
            "series": {
                name: [[short(value) for value in point] for point in subsampled(points, most)]
                for name, points in curve.series.items()
            },
        }
        for curve in curves
    ]


def _matrix(family: Family) -> dict[str, Any]:
    def listed(matrix: np.ndarray) -> list[list[float | int | None]]:
        return [[short(value) for value in row] for row in matrix]

    return {
        "name": family.name,
        "title": title(family.name, family.unit),
        "unit": family.unit,
        "rows": family.rows,
        "columns": family.columns,
        "names": [family.row_names, family.column_names],
        "cells": {
            condition: {seed: {phase: listed(m) for phase, m in phases.items()} for seed, phases in by_seed.items()}
            for condition, by_seed in family.cells.items()
        },
    }


def short(value: float) -> float | int | None:
    """The number with few digits, null where there is none.

    >>> short(64.67812), short(5.0), short(math.inf)
    (64.68, 5, None)
    """
    if not math.isfinite(value):
        return None
    rounded = float(f"{value:.{DIGITS}g}")
    return int(rounded) if rounded.is_integer() else rounded
