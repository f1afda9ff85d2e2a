"""The paper's figures from rows, with the statistics written under them; those of the replica say so."""

import re
from collections.abc import Callable, Sequence

import matplotlib as mpl
import numpy as np
import pandas as pd
from jaxtyping import Float
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from oneiros.papers.barry2022 import statistics
from oneiros.papers.barry2022.conditions import EXEMPLARS
from oneiros.papers.barry2022.statistics import best, curves, present
from oneiros.report.figures import MARKERS, PALETTE, STYLE
from oneiros.runs.drawing import Drawing

LOCATIONS = ("baseline", *(f"location_{number}" for number in range(1, 6)), "veridical")
MONTH = ("none", "generative", "veridical", "continuous", "generative_whole")
LINE = 0.145  # inches a line of statistics takes


def learning_by_location(rows: pd.DataFrame) -> Figure | None:
    """Figure 1B: test accuracy after each day, mean over models and its standard error."""
    return _curves(rows, present(rows, LOCATIONS), "Fig. 1B: learning, by place of replay", [])


def final_by_location(rows: pd.DataFrame) -> Figure | None:
    """Figure 1C: accuracy of the best models, with the paper's analysis of variance."""
    names = present(rows, [*LOCATIONS, "location_4_clamped", "location_4_rectified"])
    return _bars(rows, names, "Fig. 1C: best models", statistics.localisation(rows))


def few_exemplars(rows: pd.DataFrame) -> Figure | None:
    """Figure 1D: best models by number of images."""
    pairs = [present(rows, [f"baseline_{count}", f"generative_{count}"]) for count in EXEMPLARS]
    counts = [count for count, pair in zip(EXEMPLARS, pairs, strict=True) if len(pair) == 2]
    if not counts:
        return None
    lines = statistics.few(rows)
    figure, axes, _ = _canvas(rows, "Fig. 1D: few images of each class", lines)
    for index, kind in enumerate(("baseline", "generative")):
        values = 100 * best(rows, [f"{kind}_{count}" for count in counts])
        _line(axes, np.array(counts), values.T, index, kind)
    axes.set(xlabel="images of each class", ylabel="test accuracy of best models (%)")
    axes.legend(frameon=False, fontsize=8)
    return figure


def similar_classes(rows: pd.DataFrame) -> Figure | None:
    """Figure 1E: what replay adds to each class, relative to no replay."""
    gains = {
        "among unlike": statistics.relative_gain(rows, "baseline", "generative"),
        "among like": statistics.relative_gain(rows, "similar_baseline", "similar_generative"),
    }
    both = pd.concat(gains, axis=1, join="inner")
    if both.empty:
        return None
    figure, axes, _ = _canvas(rows, "Fig. 1E: the same classes among unlike and like ones", statistics.similarity(rows))
    for index, name in enumerate(both):
        axes.bar(index, 100 * both[name].mean(), color=PALETTE[index], alpha=0.35, width=0.6)
        axes.plot(np.full(len(both), index), 100 * both[name], "o", color=PALETTE[index], markersize=3)
    axes.set_xticks(range(2), [str(name) for name in both])
    axes.axhline(0, color="#666666", linewidth=0.8)
    axes.set(ylabel="gain by replay, relative to none (%)")
    return figure


def coarser(rows: pd.DataFrame) -> Figure | None:
    """Supplementary figure 2, and whole activations beside it."""
    names = present(
        rows, ["baseline", "location_4", "location_4_coarser", *(f"location_{n}_whole" for n in range(1, 5))]
    )
    return _bars(rows, names, "Suppl. Fig. 2: coarser and whole activations, best models", statistics.coarsened(rows))


def tracking(rows: pd.DataFrame) -> Figure | None:
    """Figure 2B: a month of days."""
    return _curves(rows, present(rows, MONTH), "Fig. 2B: learning over the days", statistics.month(rows))


def improvement(rows: pd.DataFrame) -> Figure | None:
    """Figure 2C: gain from each day to the next over the room that was left, mean over models."""
    names = present(rows, MONTH)
    values = curves(rows, names) if names else np.empty((0, 0, 0))
    if values.shape[1:] < (1, 2) or not values.size:
        return None
    figure, axes, _ = _canvas(rows, "Fig. 2C: improvement from day to day", [])
    for index, (name, mine) in enumerate(zip(names, 100 * relative_improvement(values), strict=True)):
        _line(axes, np.arange(2, mine.shape[1] + 2), mine, index, name)
    axes.axhline(0, color="#666666", linewidth=0.8)
    axes.set(xlabel="day", ylabel="improvement / room for it (%)")
    axes.legend(frameon=False, fontsize=8, ncols=2)
    return figure


def relative_improvement(
    accuracy: Float[np.ndarray, "conditions models days"],
) -> Float[np.ndarray, "conditions models steps"]:
    """(a[n + 1] - a[n]) / (1 - a[n]).

    The paper divides by "the difference between model performance on day n and 1, which represents the potential
    room for improvement": the room is what is left to 1, not to the first day.

    >>> relative_improvement(np.array([[[0.5, 0.75, 0.75]]])).tolist()
    [[[0.5, 0.0]]]
    """
    room = np.maximum(1 - accuracy[..., :-1], 1e-9)  # a model that makes no mistake has none, and gains none
    return np.diff(accuracy, axis=2) / room


def selection(rows: pd.DataFrame) -> Figure | None:
    """Figure 3B: replay of all classes alike, and of selected ones."""
    lines = statistics.over_days(rows, "selected", "generative")
    names = present(rows, ("none", "generative", "selected"))
    return _curves(rows, names, "Fig. 3B: replay that is selected", lines)


def rebalancing(rows: pd.DataFrame) -> Figure | None:
    """Figure 3D: batches replayed of each class, and what it gained, on how well it was learned without replay."""
    if len(present(rows, ("none", "generative", "selected"))) < 3:
        return None
    table = statistics.selected_classes(rows).dropna()
    lines = statistics.choosing(rows)
    if not lines:
        return None
    figure, axes, second = _canvas(rows, "Fig. 3D: weakly and well learned classes", lines, panels=2)
    assert second is not None
    gain = 100 * (table["selected"] - table["generative"])
    for place, heights, label, index in (
        (axes, table["replayed"], "batches replayed", 0),
        (second, gain, "gain by selection (points)", 1),
    ):
        place.plot(100 * table["none"], heights, "o", color=PALETTE[index], markersize=4, alpha=0.7)
        slope, start = np.polyfit(100 * table["none"].to_numpy(), heights.to_numpy(), 1)
        ends = np.array([100 * table["none"].min(), 100 * table["none"].max()])
        place.plot(ends, start + slope * ends, color=PALETTE[index], linewidth=1.6)
        place.set(xlabel="accuracy without replay (%)", ylabel=label)
    return figure


def _canvas(rows: pd.DataFrame, title: str, lines: Sequence[str], panels: int = 1) -> tuple[Figure, Axes, Axes | None]:
    """A figure with its statistics below it, in the report's style."""
    with mpl.rc_context(STYLE):
        figure = Figure(figsize=(7.2, 3.9 + LINE * len(lines)), layout="constrained")
        heights = [3.9, LINE * len(lines)] if lines else [1.0]
        top, *below = figure.subfigures(len(heights), 1, squeeze=False, height_ratios=heights).ravel()
        axes = top.subplots(1, panels, squeeze=False).ravel()
        replica = "Replica (Tiny ImageNet, our own VGG). " if statistics.is_replica(rows) else ""
        top.suptitle(replica + title, fontsize=10)
        for each in axes:
            each.grid(axis="y", color="#DDDDDD", linewidth=0.6)
            each.set_axisbelow(True)
        if below:
            below[0].text(0.02, 0.98, "\n".join(lines), va="top", fontsize=7, linespacing=1.35)
    return figure, axes[0], axes[1] if panels > 1 else None


def _curves(rows: pd.DataFrame, names: Sequence[str], title: str, lines: Sequence[str]) -> Figure | None:
    values = 100 * curves(rows, names) if names else np.empty((0, 0, 0))
    if not values.size:
        return None
    figure, axes, _ = _canvas(rows, title, lines)
    for index, (name, mine) in enumerate(zip(names, values, strict=True)):
        _line(axes, np.arange(1, mine.shape[1] + 1), mine, index, name)
    axes.set(xlabel="day", ylabel=f"test accuracy after the day (%), {values.shape[1]} models")
    axes.legend(frameon=False, fontsize=8, ncols=2)
    return figure


def _bars(rows: pd.DataFrame, names: Sequence[str], title: str, lines: Sequence[str]) -> Figure | None:
    values = 100 * best(rows, names) if names else np.empty((0, 0))
    if not values.size:
        return None
    figure, axes, _ = _canvas(rows, title, lines)
    for index, mine in enumerate(values):
        colour = PALETTE[index % len(PALETTE)]
        axes.bar(index, mine.mean(), color=colour, alpha=0.35, width=0.6)
        axes.plot(np.full(len(mine), index) + 0.2, mine, "o", color=colour, markersize=3)
        if len(mine) > 1:
            axes.errorbar(index, mine.mean(), yerr=_sem(mine), color=colour, capsize=3)
    # What a location is changed in stands on a line of its own: "location 4", "coarser".
    axes.set_xticks(range(len(names)), [re.sub(r" (\d) ", r" \1\n", name.replace("_", " ")) for name in names])
    axes.tick_params(axis="x", labelsize=8)
    axes.set(ylabel=f"test accuracy (%), {values.shape[1]} models, s.e.m.")
    return figure


def _line(axes: Axes, x: np.ndarray, values: Float[np.ndarray, "models points"], index: int, name: str) -> None:
    """Mean over models, and its standard error as a band."""
    mean, spread, colour = values.mean(0), _sem(values), PALETTE[index % len(PALETTE)]
    axes.plot(x, mean, color=colour, marker=MARKERS[index % len(MARKERS)], markersize=4, linewidth=1.6, label=name)
    axes.fill_between(x, mean - spread, mean + spread, color=colour, alpha=0.15, linewidth=0)


def _sem(values: np.ndarray) -> np.ndarray:
    """Standard error over the first axis; 0 for a single model."""
    n = len(values)
    return np.asarray(np.std(values, axis=0, ddof=1) / np.sqrt(n)) if n > 1 else np.zeros(values.shape[1:])


def _drawing(name: str, title: str, draw: Callable[[pd.DataFrame], Figure | None]) -> Drawing:
    return Drawing(name=name, title=title, alt=(draw.__doc__ or title).strip().splitlines()[0], draw=draw)


_FIGURES: dict[str, tuple[Drawing, ...]] = {
    "locations": (
        _drawing("figure-1b", "Learning, by place of replay (Fig. 1B)", learning_by_location),
        _drawing("figure-1c", "Best models, by place of replay (Fig. 1C)", final_by_location),
    ),
    "exemplars": (_drawing("figure-1d", "Few images of each class (Fig. 1D)", few_exemplars),),
    "similar": (_drawing("figure-1e", "Similar classes (Fig. 1E)", similar_classes),),
    "downsampled": (_drawing("figure-s2", "Coarser and whole activations (Suppl. Fig. 2)", coarser),),
    "month": (
        _drawing("figure-2b", "A month (Fig. 2B)", tracking),
        _drawing("figure-2c", "Improvement from day to day (Fig. 2C)", improvement),
    ),
    "selection": (
        _drawing("figure-3b", "Selected replay (Fig. 3B)", selection),
        _drawing("figure-3d", "Weakly and well learned classes (Fig. 3D)", rebalancing),
    ),
}
DRAWINGS = _FIGURES | {f"full-{name}": drawings for name, drawings in _FIGURES.items()}
