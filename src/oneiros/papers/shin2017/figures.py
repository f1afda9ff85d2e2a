"""Figures 2, 3, 5 and 6 of Shin et al. 2017 in the paper's layout, and who was replayed. Rows in, figures out."""

import matplotlib as mpl
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from oneiros.measure.metrics import mean_interval
from oneiros.report.figures import MARKERS, PALETTE, STYLE
from oneiros.report.valid_rows import conditions
from oneiros.runs.drawing import Drawing

PANELS_WIDE = 3


def accuracy_over_training(rows: pd.DataFrame) -> Figure | None:
    """One panel a task, one line a condition: accuracy on the task's test examples while all tasks are learned."""
    curves = rows[(rows["metric"] == "accuracy") & rows["phase"].str.startswith("step:")].copy()
    curves = curves[curves.groupby("condition")["day"].transform("nunique") > 1]
    if not len(curves):
        return None
    curves["step"] = curves["phase"].str.removeprefix("step:").astype(int)
    # Conditions may have days of different lengths; days are drawn equally long.
    length = curves.groupby(["condition", "day"])["step"].transform("max")
    curves["at"] = curves["day"] + curves["step"] / length
    tasks = sorted(curves["task"].unique())
    with mpl.rc_context(STYLE):
        wide = min(PANELS_WIDE, len(tasks))
        high = -(-len(tasks) // wide)
        figure = Figure(figsize=(7.4, 0.6 + 2.1 * high), layout="constrained")
        grid = figure.subplots(high, wide, squeeze=False, sharex=True, sharey=True).ravel()
        names = conditions(curves)
        for axes, task in zip(grid, tasks, strict=False):
            for index, name in enumerate(names):
                _curve(axes, curves[(curves["task"] == task) & (curves["condition"] == name)], index, name)
            axes.axvline(task, color="#999999", linewidth=0.8, linestyle=(0, (2, 2)))
            axes.set(title=f"task {task + 1}", ylim=(0, 100))
            axes.grid(axis="y", color="#DDDDDD", linewidth=0.6)
        for unused in grid[len(tasks) :]:
            unused.set_axis_off()
        figure.legend(*grid[0].get_legend_handles_labels(), loc="outside upper center", ncols=4, frameon=False)
        figure.supxlabel("tasks learned", fontsize=9)
        figure.supylabel("accuracy (%)", fontsize=9)
    return figure


def _curve(axes: Axes, mine: pd.DataFrame, index: int, name: str) -> None:
    by_time = mine.groupby("at")["value"].apply(lambda values: mean_interval(100 * values.to_numpy(dtype=float)))
    x = by_time.index.to_numpy(dtype=float)
    colour = PALETTE[index % len(PALETTE)]
    dashes = "-" if index < len(PALETTE) else (0, (4, 2))
    axes.plot(x, [i.mean for i in by_time], color=colour, linewidth=1.3, linestyle=dashes, label=name)
    if all(i.n > 1 for i in by_time):
        low, high = (np.clip([getattr(i, end) for i in by_time], 0, 100) for end in ("low", "high"))
        axes.fill_between(x, low, high, color=colour, alpha=0.15, linewidth=0)


def replayed_classes(rows: pd.DataFrame) -> Figure | None:
    """One panel a condition: share of each class among the replayed examples of each day, 1 being an equal share."""
    mine = rows[rows["metric"].str.startswith("replay_share:")].copy()
    if not len(mine):
        return None
    mine["class"] = mine["metric"].str.removeprefix("replay_share:").astype(int)
    names = conditions(mine)
    with mpl.rc_context(STYLE):
        wide = min(PANELS_WIDE, len(names))
        high = -(-len(names) // wide)
        figure = Figure(figsize=(7.4, 0.5 + 2.0 * high), layout="constrained")
        grid = figure.subplots(high, wide, squeeze=False, sharex=True, sharey=True).ravel()
        for axes, name in zip(grid, names, strict=False):
            share = mine[mine["condition"] == name].groupby(["day", "class"])["value"].mean().unstack()
            known = (share > 0).cummax()
            relative = share.where(known) * known.sum(axis=1).to_numpy()[:, None]
            for index, day in enumerate(relative.index):
                line = relative.loc[day].dropna()
                style = {"color": PALETTE[index % len(PALETTE)], "marker": MARKERS[index % len(MARKERS)]}
                axes.plot(line.index, line, linewidth=1, markersize=3.5, label=f"day {day + 1}", **style)
            axes.axhline(0.5, color="#999999", linewidth=0.8, linestyle=(0, (2, 2)))
            axes.set(title=name, xticks=range(share.shape[1]))
        # After all panels are drawn: they share the axis.
        grid[0].set_ylim(0, None)
        for unused in grid[len(names) :]:
            unused.set_axis_off()
        figure.legend(*grid[0].get_legend_handles_labels(), loc="outside upper center", ncols=5, frameon=False)
        figure.supxlabel("class", fontsize=9)
        figure.supylabel("share / equal share", fontsize=9)
    return figure


def chain(rows: pd.DataFrame) -> Figure | None:
    """Accuracy of each solver of the chain, mean and 95 % interval over seeds, one line a condition."""
    mine = rows[rows["metric"].str.fullmatch(r"solver_\d+_accuracy")].copy()
    if not len(mine):
        return None
    mine["solver"] = mine["metric"].str.extract(r"(\d+)").astype(int)
    with mpl.rc_context(STYLE):
        figure = Figure(figsize=(5.4, 3.4), layout="constrained")
        axes = figure.add_subplot()
        for index, name in enumerate(conditions(mine)):
            groups = mine[mine["condition"] == name].groupby("solver")["value"]
            intervals = [mean_interval(100 * values.to_numpy(dtype=float)) for _, values in groups]
            solvers = np.arange(1, len(intervals) + 1)
            axes.plot(
                solvers, [i.mean for i in intervals], color=PALETTE[index], marker=MARKERS[index], label=name,
                linewidth=1.4, markersize=4.5,
            )  # fmt: skip
            if all(i.n > 1 for i in intervals):
                low, high = ([getattr(i, end) for i in intervals] for end in ("low", "high"))
                axes.fill_between(solvers, low, high, color=PALETTE[index], alpha=0.15, linewidth=0)
        axes.set(xlabel="solver", ylabel="accuracy (%)", xticks=sorted(mine["solver"].unique()))
        axes.grid(axis="y", color="#DDDDDD", linewidth=0.6)
        axes.legend(frameon=False)
    return figure


_EACH = (
    Drawing(
        name="accuracy-over-training",
        title="Accuracy on each task over training (as Fig. 2a, 3, 5; mean and 95 % interval over seeds)",
        alt="One panel for each task; lines show how accuracy on it rises when it is learned and what becomes of it.",
        draw=accuracy_over_training,
    ),
    Drawing(
        name="replayed-classes",
        title="Share of each class among replayed examples, relative to an equal share (ours)",
        alt="One panel for each condition; points below the dashed line are classes replayed half as often as due.",
        draw=replayed_classes,
    ),
)
_CHAIN = (
    Drawing(
        name="chain",
        title="Table 1 as a figure: accuracy of each scholar's solver in the chain",
        alt="Accuracy of solver one to five; each learned from the one before alone.",
        draw=chain,
    ),
    # Not the curves: all tasks of the chain are one, so its panels would be the same.
    *(drawing for drawing in _EACH if drawing.name != "accuracy-over-training"),
)
_NAMES = ("classes", "permuted", "domains", "domains-back", "lwf", "lwf-back")
DRAWINGS = dict.fromkeys(_NAMES, _EACH) | {"chain": _CHAIN}
