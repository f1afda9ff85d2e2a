"""Rows of one experiment -> figures; each function returns a figure of its own and touches no global state."""

import io
from collections.abc import Sequence
from pathlib import Path
from typing import Literal

import matplotlib as mpl
import numpy as np
import pandas as pd
from jaxtyping import Float
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.image import AxesImage
from matplotlib.ticker import MaxNLocator

from oneiros.measure.metrics import mean_interval
from oneiros.report.check import TargetVerdict
from oneiros.report.matrices import MEAN, Family, families
from oneiros.report.series import Curve
from oneiros.report.tables import intervals, unit_of
from oneiros.report.units import scale_of, title
from oneiros.report.valid_rows import conditions, values_by_seed

# Okabe & Ito (2008), told apart by colour-blind readers; their yellow is too pale for lines on white.
PALETTE = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#56B4E9", "#E69F00", "#000000", "#7F7F7F")
MARKERS = "osD^vPX*"
INK = "#222222"
STYLE = mpl.RcParams(
    {
        "svg.fonttype": "path",
        "svg.hashsalt": "oneiros",  # otherwise the identifiers in an SVG differ from one writing to the next
        "font.size": 9,
        "axes.titlesize": 10,
        "axes.spines.top": False,
        "axes.spines.right": False,
        "axes.edgecolor": "#666666",
        "axes.labelcolor": INK,
        "text.color": INK,
        "xtick.color": INK,
        "ytick.color": INK,
        "text.parse_math": False,  # names come from data: a dollar sign is a dollar sign
    }
)
DPI = 200
# Smallest distance between two labels at line ends, in percentage points of the axis.
LABEL_GAP = 4.5
# Matrices with longer sides are drawn without numbers, and not every row and column is named.
MOST_NUMBERED = 12
# Nor where the numbers of a row, each as long as the longest, have more characters than its panel has room for.
MOST_CHARACTERS = 30


def accuracy_over_tasks(rows: pd.DataFrame) -> Figure:
    """Accuracy on all classes seen so far after each night: mean and 95 % interval over seeds.

    A condition that has one day only, while others have several, learned everything at once: a dashed level.
    """
    seen = rows[(rows["metric"] == "accuracy_seen") & (rows["phase"] == "end")]
    seen = seen.groupby(["condition", "day", "seed"], as_index=False, sort=False).agg({"value": "mean"})
    days = int(seen["day"].max()) + 1
    with mpl.rc_context(STYLE):
        figure = Figure(figsize=(7.2, 4.2), layout="constrained")
        axes = figure.add_subplot()
        lives = {name: seen[seen["condition"] == name] for name in conditions(seen)}
        ends = {name: _draw_life(axes, life, index, days) for index, (name, life) in enumerate(lives.items())}
        _label_ends(axes, ends, days)
        axes.set(xlabel="tasks learned", ylabel="accuracy on classes seen so far (%)", ylim=(0, 100))
        axes.set_xlim(0.9, days + 0.1)
        axes.xaxis.set_major_locator(MaxNLocator(integer=True))
        axes.grid(axis="y", color="#DDDDDD", linewidth=0.6)
    return figure


def final_values(rows: pd.DataFrame, targets: Sequence[TargetVerdict], metric: str = "final_accuracy") -> Figure:
    """Draw a metric after the last night by condition: bar, 95 % interval, every seed, and what was published."""
    unit = unit_of(metric, targets)
    measured, seeds = intervals(rows, metric, unit), values_by_seed(rows, metric)
    published = {t.condition: t for t in targets if t.metric == metric}
    with mpl.rc_context(STYLE):
        figure = Figure(figsize=(7.2, 0.9 + 0.45 * len(measured)), layout="constrained")
        axes = figure.add_subplot()
        for y, (name, interval) in enumerate(measured.items()):
            axes.barh(y, interval.mean, height=0.6, color=_colour(y), alpha=0.35)
            values = scale_of(unit) * seeds.loc[seeds["condition"] == name, "value"].to_numpy(dtype=float)
            axes.plot(values, np.full(len(values), y + 0.2), "o", color=_colour(y), markersize=3, alpha=0.8)
            if interval.n > 1:
                ends = np.array([interval.low, interval.high])
                axes.plot(np.clip(ends, 0, 100) if unit == "percent" else ends, [y, y], color=_colour(y), linewidth=2)
            if name in published:
                _draw_target(axes, y, published[name])
        axes.set_yticks(range(len(measured)), list(measured))
        axes.set(xlabel=title(metric, unit), ylim=(len(measured) - 0.5, -0.5))
        if unit == "percent":
            axes.set_xlim(0, 100)
        axes.tick_params(axis="y", length=0)
        axes.grid(axis="x", color="#DDDDDD", linewidth=0.6)
        axes.set_axisbelow(True)
    return figure


def small_multiples(shown: Sequence[Curve]) -> Figure:
    """Curves over training and days, one panel a metric, one line a condition with its 95 % interval."""
    wide = min(3, len(shown))
    high = -(-len(shown) // wide)
    names = list(dict.fromkeys(name for curve in shown for name in curve.series))
    with mpl.rc_context(STYLE):
        figure = Figure(figsize=(2.6 * wide + 0.4, 2.2 * high + 0.35 + 0.16 * len(names)), layout="constrained")
        grid = figure.subplots(high, wide, squeeze=False).ravel()
        lines = {}
        for axes, curve in zip(grid, shown, strict=False):
            for name, points in curve.series.items():
                x, mean, low, high_end, _ = points.T
                colour = _colour(names.index(name))
                (lines[name],) = axes.plot(x, mean, color=colour, linewidth=1.2, marker="o" if len(x) < 8 else "",
                                           markersize=3)  # fmt: skip
                axes.fill_between(x, low, high_end, color=colour, alpha=0.15, linewidth=0)
            axes.set_title(curve.title, fontsize=8.5, wrap=True)
            axes.set_xlabel(curve.x_title)
            axes.xaxis.set_major_locator(MaxNLocator(4, integer=True))
        for unused in grid[len(shown) :]:
            unused.set_axis_off()
        handles = [lines[name] for name in names]
        figure.legend(handles, names, loc="outside lower center", ncols=2 if len(names) > 1 else 1, frameon=False)
    return figure


def accuracy_matrices(rows: pd.DataFrame) -> Figure | None:
    """Accuracy on each task (column) after each day and its night (row), mean over seeds; None without such rows."""
    family = next((each for each in families(rows[rows["metric"] == "accuracy"]) if each.name == "accuracy"), None)
    return None if family is None else draw_family(family)


def draw_family(family: Family, phase: str = "end") -> Figure | None:
    """One panel a condition, mean over seeds; conditions with a single row or column are left out."""
    means = {name: by_seed[MEAN].get(phase) for name, by_seed in family.cells.items()}
    matrices = {name: matrix for name, matrix in means.items() if matrix is not None and min(matrix.shape) > 1}
    if not matrices:
        return None
    wide = min(3, len(matrices))
    high = -(-len(matrices) // wide)
    with mpl.rc_context(STYLE):
        figure = Figure(figsize=(2.45 * wide, 2.5 * high), layout="constrained")
        grid = figure.subplots(high, wide, squeeze=False).ravel()
        for axes, (name, matrix) in zip(grid, matrices.items(), strict=False):
            _draw_matrix(axes, matrix, family, numbers=max(matrix.shape) <= MOST_NUMBERED)
            axes.set_title(name)
        for unused in grid[len(matrices) :]:
            unused.set_axis_off()
    return figure


def confusions(rows: pd.DataFrame, condition: str) -> Figure | None:
    """Predicted against true class before and after the last night, mean over seeds; None where no night changed it."""
    mine = rows[(rows["condition"] == condition) & rows["metric"].str.startswith("confusion:")]
    return next((draw_before_and_after(each, condition) for each in families(mine)), None)


def draw_before_and_after(family: Family, condition: str) -> Figure | None:
    """A matrix before and after the last night, mean over seeds; None where no night changed it."""
    by_phase = family.cells[condition][MEAN]
    before, after = by_phase.get("dusk"), by_phase.get("end")
    if before is None or after is None or (before.shape == after.shape and np.allclose(before, after, equal_nan=True)):
        return None
    with mpl.rc_context(STYLE):
        figure = Figure(figsize=(7.2, 3.5), layout="constrained")
        pair = figure.subplots(1, 2, sharey=True)
        for axes, matrix, when in zip(pair, (before, after), ("before the last night", "after it"), strict=True):
            mesh = _draw_matrix(axes, matrix, family, numbers=False)
            axes.set_title(when)
        pair[1].set_ylabel("")
        label = "share of the true class (%)" if family.name == "confusion" else title(family.name, family.unit)
        bar = figure.colorbar(mesh, ax=pair, shrink=0.85, label=label)
        bar.outline.set_visible(False)
    return figure


def write_below(figure: Figure, note: str) -> None:
    """Say at the foot of the figure what stands in for what the paper used, if anything does."""
    if note and note not in figure.get_supxlabel():
        figure.supxlabel("\n".join(filter(None, (figure.get_supxlabel(), note))), fontsize=8)


def to_svg(figure: Figure, letters: Literal["path", "text"] = "path") -> str:
    """Write the figure as one `<svg>` element: the same bytes for the same figure.

    Args:
        figure: what to write.
        letters: drawn as paths, alike wherever the file is opened, or left as text for the reader's fonts.

    """
    buffer = io.StringIO()
    nothing = dict.fromkeys(("Date", "Creator", "Format", "Type"))
    with mpl.rc_context(STYLE), mpl.rc_context({"svg.fonttype": "path" if letters == "path" else "none"}):
        layout = figure.get_layout_engine()
        if layout is not None:
            layout.execute(figure)
            figure.set_layout_engine(None)  # it has done its work; with one, saving draws everything twice
        figure.savefig(buffer, format="svg", metadata=nothing)
    return buffer.getvalue()[buffer.getvalue().index("<svg") :].strip()


def save(figure: Figure, folder: Path, name: str) -> None:
    """Write `name`.svg and `name`.png (print quality) into `folder`."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / f"{name}.svg").write_text(to_svg(figure) + "\n", encoding="utf-8")
    with mpl.rc_context(STYLE):
        figure.savefig(folder / f"{name}.png", dpi=DPI, metadata={"Software": None})


def _colour(index: int) -> str:
    return PALETTE[index % len(PALETTE)]


def _draw_life(axes: Axes, life: pd.DataFrame, index: int, days: int) -> float:
    """Draw one condition; returns the height at which it ends."""
    seeds = {day: life.loc[life["day"] == day, "value"].to_numpy(dtype=float) for day in sorted(set(life["day"]))}
    by_day = {int(day): mean_interval(100 * values) for day, values in seeds.items()}
    means = [interval.mean for interval in by_day.values()]
    low, high = (np.clip([getattr(i, end) for i in by_day.values()], 0, 100) for end in ("low", "high"))
    x = np.array(list(by_day)) + 1
    at_once = len(x) == 1 and days > 1
    line = {"color": _colour(index), "linewidth": 1.6, "zorder": 3}
    if at_once:
        x, means, low, high = np.array([0, days]) + 0.5, means * 2, np.repeat(low, 2), np.repeat(high, 2)
        axes.plot(x, means, linestyle=(0, (4, 3)), **line)
    else:
        axes.plot(x, means, marker=MARKERS[index % len(MARKERS)], markersize=4.5, **line)
    if all(interval.n > 1 for interval in by_day.values()):
        axes.fill_between(x, low, high, color=_colour(index), alpha=0.15, linewidth=0)
    return means[-1]


def _label_ends(axes: Axes, ends: dict[str, float], days: int) -> None:
    """Name each line at its right end, labels pushed apart where lines end close together."""
    heights = _spread(np.array(list(ends.values())))
    for index, ((name, end), height) in enumerate(zip(ends.items(), heights, strict=True)):
        axes.annotate(
            f"{name}  {end:.1f}",
            xy=(days + 0.02, end),
            xytext=(1.03, height / 100),
            textcoords="axes fraction",
            va="center",
            fontsize=8.5,
            # From the middle of the label's left edge, so that no leader crosses a label.
            arrowprops={
                "arrowstyle": "-", "color": _colour(index), "linewidth": 1, "shrinkA": 1, "shrinkB": 3,
                "relpos": (0, 0.5),
            },
            annotation_clip=False,
        )  # fmt: skip


def _spread(heights: Float[np.ndarray, " n"], gap: float = LABEL_GAP) -> Float[np.ndarray, " n"]:
    """Heights at least `gap` apart, in the same order and near where they were, not above 100."""
    order = np.argsort(heights, kind="stable")
    placed = heights[order].astype(float)
    for index in range(1, len(placed)):
        placed[index] = max(placed[index], placed[index - 1] + gap)
    placed[-1] = min(placed[-1], 100.0)
    for index in range(len(placed) - 2, -1, -1):
        placed[index] = min(placed[index], placed[index + 1] - gap)
    spread = np.empty_like(placed)
    spread[order] = placed
    return spread


def _draw_target(axes: Axes, y: int, target: TargetVerdict) -> None:
    lower, width = target.target - target.tolerance, 2 * target.tolerance
    axes.barh(y, width, left=lower, height=0.8, facecolor="none", edgecolor=INK, linewidth=0.8, linestyle=(0, (2, 2)))
    axes.plot([target.target] * 2, [y - 0.4, y + 0.4], color=INK, linewidth=1.8)


def _draw_matrix(axes: Axes, matrix: Float[np.ndarray, "row column"], family: Family, *, numbers: bool) -> AxesImage:
    """A heat map, first row on top; percentages from white to full blue."""
    percent = family.unit == "percent"
    low, high = (0, 100) if percent else (float(np.nanmin(matrix)), float(np.nanmax(matrix)))
    # An image, not a mesh: a hundred classes squared would be ten thousand paths.
    aspect = "equal" if max(matrix.shape) <= 4 * min(matrix.shape) else "auto"
    image = axes.imshow(matrix, cmap="Blues", interpolation="none", aspect=aspect, vmin=low, vmax=high)
    axes.tick_params(length=0)
    axes.spines[:].set_visible(False)
    axes.set(xlabel=family.columns, ylabel=family.rows)
    sides = zip((axes.yaxis, axes.xaxis), matrix.shape, (family.row_names, family.column_names), strict=True)
    for axis, size, names in sides:
        shown = np.arange(0, size, max(1, -(-size // MOST_NUMBERED)))
        axis.set_ticks(shown, [names[index] for index in shown])
    texts = {
        at: f"{value:.0f}" if percent else f"{value:.2g}" for at, value in np.ndenumerate(matrix) if np.isfinite(value)
    }
    if numbers and max(map(len, texts.values()), default=0) * matrix.shape[1] <= MOST_CHARACTERS:
        for (row, column), text in texts.items():
            colour = "white" if matrix[row, column] > low + 0.6 * (high - low) else INK
            axes.text(column, row, text, ha="center", va="center", fontsize=8, color=colour)
    return image
