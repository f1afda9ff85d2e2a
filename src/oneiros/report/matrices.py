"""Rows of one experiment -> matrices: tasks by days, predicted by true classes, classes by days."""

import re
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd
from jaxtyping import Float

from oneiros.report.units import scale_of, usual_unit

MEAN = "mean over seeds"
# More cells than this are kept as means only; a page need not carry every seed of them.
MOST_NUMBERS = 60_000
MOST_SEEDS = 12
AXES = {
    "class_accuracy": ("day", "class"),
    "confusion": ("true class", "predicted class"),
    "replay_share": ("day", "class"),
}

Cells = dict[str, dict[str, dict[str, Float[np.ndarray, "row column"]]]]


@dataclass(frozen=True, kw_only=True, eq=False)
class Family:
    """Matrices of one kind.

    Attributes:
        name: the metric, such as "accuracy" or "confusion".
        rows, columns: what rows and columns stand for.
        row_names, column_names: what each row and column is called.
        unit: of all numbers of this record.
        cells: matrix by condition, seed (`MEAN` among them) and phase; nan where nothing was measured.
        seeds_left_out: how many seeds are part of the mean only.
    """

    name: str
    rows: str
    columns: str
    row_names: tuple[str, ...]
    column_names: tuple[str, ...]
    unit: str
    cells: Cells
    seeds_left_out: int


def families(rows: pd.DataFrame) -> list[Family]:
    """All matrices: accuracy by task, metrics named `name:row:column`, and by day those named `name:column`."""
    accuracy = rows[(rows["metric"] == "accuracy") & rows["phase"].isin(["dusk", "end"])]
    found = []
    if accuracy["task"].nunique() > 1 and accuracy["day"].nunique() > 1:
        found.append(_family("accuracy", accuracy, accuracy["day"], accuracy["task"], ("after day", "task"), (1, 1)))
    codes, names = pd.factorize(rows["metric"])
    parsed = [re.fullmatch(r"([^:]+):(\d+)(?::(\d+))?", str(name)) for name in names]
    pairs = _addresses(parsed, deep=True)
    found += [_square(name, rows, codes, where) for name, where in pairs.items()]
    found += [_by_day(name, rows, codes, where) for name, where in _addresses(parsed, deep=False).items()]
    return [family for family in found if family.cells]


def _addresses(parsed: list[re.Match[str] | None], *, deep: bool) -> dict[str, dict[int, tuple[int, int]]]:
    """For each name of a family: code of a metric -> (row, column)."""
    found: dict[str, dict[int, tuple[int, int]]] = {}
    for code, match in enumerate(parsed):
        if match and (match[3] is not None) == deep:
            found.setdefault(match[1], {})[code] = (int(match[2]), int(match[3] or 0))
    return found


def _square(name: str, rows: pd.DataFrame, codes: np.ndarray, where: Mapping[int, tuple[int, int]]) -> Family:
    """A family of metrics `name:row:column`, on the last day of each condition."""
    mine = rows[np.isin(codes, list(where))].assign(code=codes[np.isin(codes, list(where))])
    mine = mine[mine["phase"].isin(["dusk", "end"])]
    mine = mine[mine["day"] == mine.groupby("condition")["day"].transform("max")]
    row, column = (mine["code"].map({code: at[axis] for code, at in where.items()}) for axis in (0, 1))
    return _family(name, mine, row, column, AXES.get(name, ("row", "column")), (0, 0))


def _by_day(name: str, rows: pd.DataFrame, codes: np.ndarray, where: Mapping[int, tuple[int, int]]) -> Family:
    """A family of metrics `name:column`, one row a day."""
    mine = rows[np.isin(codes, list(where))].assign(code=codes[np.isin(codes, list(where))])
    mine = mine[mine["phase"].isin(["dusk", "end", "night"])]
    column = mine["code"].map({code: at[0] for code, at in where.items()})
    return _family(name, mine, mine["day"], column, AXES.get(name, ("day", "index")), (1, 0))


def _family(
    name: str, rows: pd.DataFrame, row: pd.Series, column: pd.Series, axes: tuple[str, str], first: tuple[int, int]
) -> Family:
    unit = usual_unit(name)
    # Numbers that nothing was measured for have no row and no column of their own.
    row_numbers, row_at = np.unique(row.to_numpy(dtype=int), return_inverse=True)
    column_numbers, column_at = np.unique(column.to_numpy(dtype=int), return_inverse=True)
    value = rows["value"] * scale_of(unit)
    frame = rows[["condition", "seed", "phase"]].assign(row=row_at, column=column_at, value=value)
    seeds = sorted(frame["seed"].unique())
    distinct = len(frame.drop_duplicates(["condition", "phase", "row", "column"]))
    kept = seeds[:MOST_SEEDS] if distinct * min(len(seeds), MOST_SEEDS) <= MOST_NUMBERS else []
    kept = kept if len(seeds) > 1 else []
    cells: Cells = {}
    for condition, mine in frame.groupby("condition", sort=False):
        shape = int(mine["row"].max()) + 1, int(mine["column"].max()) + 1
        lives = mine[mine["seed"].isin(kept)].groupby("seed")
        cells[str(condition)] = {MEAN: _by_phase(mine, shape)}
        cells[str(condition)] |= {str(seed): _by_phase(life, shape) for seed, life in lives}
    left_out = len(seeds) - len(kept) if len(seeds) > 1 else 0
    return Family(
        name=name,
        rows=axes[0],
        columns=axes[1],
        row_names=tuple(str(number + first[0]) for number in row_numbers),
        column_names=tuple(str(number + first[1]) for number in column_numbers),
        unit=unit,
        cells=cells,
        seeds_left_out=left_out,
    )


def _by_phase(life: pd.DataFrame, shape: tuple[int, int]) -> dict[str, Float[np.ndarray, "row column"]]:
    return {str(phase): _filled(part, shape) for phase, part in life.groupby("phase", sort=False)}


def _filled(part: pd.DataFrame, shape: tuple[int, int]) -> Float[np.ndarray, "row column"]:
    """The mean of each cell; nan where there is nothing."""
    cell = part["row"].to_numpy(dtype=int) * shape[1] + part["column"].to_numpy(dtype=int)
    size = shape[0] * shape[1]
    count = np.bincount(cell, minlength=size)
    total = np.bincount(cell, weights=part["value"].to_numpy(dtype=float), minlength=size)
    return np.where(count > 0, total / np.maximum(count, 1), np.nan).reshape(shape)
