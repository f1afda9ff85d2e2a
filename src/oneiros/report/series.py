"""Rows of one experiment -> curves over training and over days, mean and interval over seeds."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import cast

import numpy as np
import pandas as pd
from jaxtyping import Float

from oneiros.measure.metrics.intervals import half_width
from oneiros.report.units import scale_of, title, usual_unit
from oneiros.report.valid_rows import STORED_AS

SUFFIX = {"step": "", "end": "", "dusk": ", before the night", "night": ", in the night"}
X_TITLE = {"step": "batches lived", "end": "days lived", "dusk": "days lived", "night": "days lived"}
KINDS = tuple(SUFFIX)
MOST_CURVES = 60
MOST_TASKS = 10


@dataclass(frozen=True, kw_only=True, eq=False)
class Curve:
    """One metric over a life.

    Attributes:
        metric: what was measured.
        title: the metric in words, with its unit.
        unit: of all numbers of this record.
        x_title: what the horizontal axis counts.
        series: by condition, one line (x, mean, low, high, seeds) a point; nan where there is no interval.
    """

    metric: str
    title: str
    unit: str
    x_title: str
    series: dict[str, Float[np.ndarray, "point 5"]]


def curves(rows: pd.DataFrame, first: Sequence[str] = ()) -> list[Curve]:
    """Every metric that was measured at more than one moment; those named in `first` come first."""
    moments = _moments(rows)
    if not len(moments):
        return []
    found = []
    for address, mine in moments.groupby(["metric", "kind", "task"], sort=True):
        metric, kind, task = (str(part) for part in cast("tuple", address))
        series = {str(name): _points(life) for name, life in mine.groupby("condition", sort=False)}
        if max(len(points) for points in series.values()) > 1:
            found.append(_curve(metric, KINDS[int(kind)], int(task), series))
    rank = {STORED_AS.get(metric, metric): index for index, metric in enumerate(first)}
    found.sort(key=lambda curve: rank.get(curve.metric, len(rank)))
    return found[:MOST_CURVES]


def subsampled(points: Float[np.ndarray, "point 5"], most: int) -> Float[np.ndarray, "kept 5"]:
    """At most `most` of the points, evenly spread, the first and the last among them.

    >>> subsampled(np.arange(50.0).reshape(10, 5), most=3)[:, 0]
    array([ 0., 20., 45.])
    """
    if len(points) <= most:
        return points
    return points[np.linspace(0, len(points) - 1, most).round().astype(int)]


def _curve(metric: str, kind: str, task: int, series: dict[str, np.ndarray]) -> Curve:
    unit = usual_unit(metric)
    scaled = {name: points * np.array([1, *[scale_of(unit)] * 3, 1]) for name, points in series.items()}
    which = "" if task < 0 else f", task {task + 1}"
    words = title(metric, unit) + which + SUFFIX[kind]
    return Curve(metric=metric, title=words, unit=unit, x_title=X_TITLE[kind], series=scaled)


def _moments(rows: pd.DataFrame) -> pd.DataFrame:
    """Mean, spread and number of seeds for each metric, kind of moment, task (-1: of the day), condition and x."""
    phases, phase_names = pd.factorize(rows["phase"])
    parsed = [_moment(str(name)) for name in phase_names]
    kinds = np.array([kind for kind, _ in parsed], dtype=int)[phases]
    steps = np.array([step for _, step in parsed], dtype=int)[phases]
    metrics, metric_names = pd.factorize(rows["metric"])
    wanted = (kinds >= 0) & np.array([":" not in str(name) for name in metric_names], dtype=bool)[metrics]
    columns = ["metric", "condition", "seed", "order", "day", "task", "value"]
    frame = rows.loc[wanted, columns].assign(kind=kinds[wanted], step=steps[wanted])
    frame = _of_the_day(frame)
    frame["x"] = np.where(frame["kind"] == KINDS.index("step"), _lived(frame), frame["day"] + 1)
    key = ["metric", "kind", "task", "condition", "x"]
    if frame.drop_duplicates(["condition", "seed", "order"]).duplicated(["condition", "seed"]).any():
        frame = frame.groupby([*key, "seed"], as_index=False, sort=False)["value"].mean()
    return frame.groupby(key, as_index=False, sort=False)["value"].agg(["mean", "std", "count"])


def _moment(phase: str) -> tuple[int, int]:
    """Kind and batches into the day of a phase; kind -1 for a phase that is no moment of a curve."""
    step = re.fullmatch(r"step:(\d+)", phase)
    if step:
        return KINDS.index("step"), int(step[1])
    return (KINDS.index(phase) if phase in KINDS else -1), 0


def _of_the_day(frame: pd.DataFrame) -> pd.DataFrame:
    """Set task to -1 where a metric has only one task a day: it is about the life, not about the task."""
    span = frame.groupby(["metric", "kind", "day"], sort=False)["task"].agg(["min", "max"])
    several = (span["max"] > span["min"]).groupby(level=["metric", "kind"], sort=False).any()
    split = several.reindex(pd.MultiIndex.from_frame(frame[["metric", "kind"]])).to_numpy(dtype=bool)
    frame = frame.assign(task=np.where(split, frame["task"], -1))
    return frame[frame["task"] < MOST_TASKS]


def _lived(frame: pd.DataFrame) -> np.ndarray:
    """Batches lived since birth: those of the earlier days, taken from the last step seen of each, and the step."""
    last = frame.groupby(["condition", "day"])["step"].max()
    before = last.groupby(level="condition").cumsum() - last
    return before.reindex(pd.MultiIndex.from_frame(frame[["condition", "day"]])).to_numpy() + frame["step"].to_numpy()


def _points(life: pd.DataFrame) -> Float[np.ndarray, "point 5"]:
    life = life.sort_values("x")
    n = life["count"].to_numpy()
    mean = life["mean"].to_numpy(dtype=float)
    half = np.where(n > 1, half_width(life["std"].fillna(0).to_numpy(dtype=float), np.maximum(n, 2)), np.nan)
    return np.column_stack([life["x"].to_numpy(dtype=float), mean, mean - half, mean + half, n])
