"""Figures 3 to 8 of Kubo et al. 2025 from rows, in the paper's layout. Rows in, figures out."""

from collections.abc import Callable, Sequence

import matplotlib as mpl
import numpy as np
import pandas as pd
from jaxtyping import Float
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from oneiros.measure.metrics import Interval, mean_interval
from oneiros.report.figures import MARKERS, PALETTE, STYLE
from oneiros.report.valid_rows import values_by_seed
from oneiros.runs.drawing import Drawing

NETWORKS = {"mrnn_ep": "MRNN-EP", "mrnn_bptt": "MRNN-BPTT", "rnn_bptt": "RNN-BPTT"}
WHEN = {"dusk": "before SRC", "end": "after SRC"}


def matrix(rows: pd.DataFrame, condition: str, name: str, phase: str) -> Float[np.ndarray, "row column"] | None:
    """Metrics `name:row:column` of a condition's last day, mean over seeds; None where there are none."""
    mine = rows[(rows["condition"] == condition) & (rows["phase"] == phase) & rows["metric"].str.startswith(f"{name}:")]
    if mine.empty:
        return None
    mine = mine[mine["day"] == mine["day"].max()]
    at = mine["metric"].str.split(":", expand=True)[[1, 2]].astype(int)
    return mine.assign(row=at[1], column=at[2]).pivot_table(index="row", columns="column", values="value").to_numpy()


def vector(rows: pd.DataFrame, condition: str, name: str) -> Float[np.ndarray, " n"] | None:
    """Metrics `name:index` at a condition's end, mean over seeds; None where there are none."""
    mine = rows[(rows["condition"] == condition) & rows["metric"].str.startswith(f"{name}:")]
    if mine.empty:
        return None
    index = mine["metric"].str.rsplit(":", n=1).str[1].astype(int)
    return mine.assign(index=index).groupby("index")["value"].mean().to_numpy()


def confusions(rows: pd.DataFrame, subject: str) -> Figure | None:
    """Predicted against true class of the networks, above before the last night and below after it."""
    columns = [[matrix(rows, f"{subject}_{network}_src", "confusion", phase) for phase in WHEN] for network in NETWORKS]
    return _heat(list(NETWORKS.values()), columns, "true class", "predicted class", 0.0, 1.0)


def correlations(rows: pd.DataFrame) -> Figure | None:
    """Correlation between the hidden activities of two classes, before the last night and after it."""
    names = [name for name in NETWORKS if matrix(rows, f"mnist_{name}_src", "correlation", "end") is not None]
    columns = [[matrix(rows, f"mnist_{name}_src", "correlation", phase) for phase in WHEN] for name in names]
    return _heat([NETWORKS[name] for name in names], columns, "class", "class", -1.0, 1.0)


def _heat(
    titles: Sequence[str], columns: Sequence[Sequence[np.ndarray | None]], y: str, x: str, low: float, high: float
) -> Figure | None:
    """A grid of matrices, `WHEN` from top to bottom; None where there is not a single one."""
    if not any(part is not None for column in columns for part in column):
        return None
    with mpl.rc_context(STYLE):
        figure = Figure(figsize=(1.2 + 2.2 * len(columns), 4.8), layout="constrained")
        grid = figure.subplots(2, len(columns), squeeze=False, sharex=True, sharey=True)
        image = None
        for j, (title, column) in enumerate(zip(titles, columns, strict=True)):
            for i, (when, part) in enumerate(zip(WHEN.values(), column, strict=True)):
                axes: Axes = grid[i, j]
                axes.set_title(f"{title} {when}", fontsize=8.5)
                axes.tick_params(length=0)
                if part is None:
                    axes.text(0.5, 0.5, "not run", ha="center", transform=axes.transAxes)
                else:
                    colours = "Blues" if low == 0 else "RdBu_r"
                    image = axes.imshow(part, cmap=colours, interpolation="none", vmin=low, vmax=high)
        figure.supxlabel(x, fontsize=9)
        figure.supylabel(y, fontsize=9)
        if image is not None:
            figure.colorbar(image, ax=grid, shrink=0.7).outline.set_visible(False)
    return figure


def weight_changes(rows: pd.DataFrame) -> Figure | None:
    """How far the last night moved synapses, in units of the largest change; first weights above, last below."""
    shown = [name for name in NETWORKS if vector(rows, f"mnist_{name}_src", "weight_histogram_first") is not None]
    if not shown:
        return None
    with mpl.rc_context(STYLE):
        figure = Figure(figsize=(1.0 + 2.3 * len(shown), 4.2), layout="constrained")
        grid = figure.subplots(2, len(shown), squeeze=False, sharex=True)
        for j, name in enumerate(shown):
            for i, which in enumerate(("first", "last")):
                _histogram(grid[i, j], rows, f"mnist_{name}_src", which)
                grid[i, j].set_title(f"{which} weights, {NETWORKS[name]}", fontsize=8.5)
        figure.supxlabel("change over the last night / largest change", fontsize=9)
        figure.supylabel("share of synapses", fontsize=9)
    return figure


def _histogram(axes: Axes, rows: pd.DataFrame, condition: str, which: str) -> None:
    shares = vector(rows, condition, f"weight_histogram_{which}")
    if shares is None:
        return
    mine = rows[(rows["condition"] == condition) & (rows["metric"] == f"weight_change_{which}")]
    edges = np.linspace(-1, 1, len(shares) + 1)
    axes.stairs(shares, edges, fill=True, color=PALETTE[0], label=f"mean {mine['value'].mean():.2g}")
    axes.axvline(0, color="#666666", linewidth=0.8)
    axes.set_yscale("log")
    axes.yaxis.set_major_formatter("{x:g}")  # powers would be set as mathematics, which the style leaves off
    axes.legend(frameon=False, fontsize=7.5, loc="upper left")


def rehearsal(rows: pd.DataFrame) -> Figure | None:
    """Accuracy after the last task on the share of old examples rehearsed, with sleep and without."""
    found = {prefix: _by_share(rows, prefix) for prefix in ("src_rehearsal_", "rehearsal_")}
    if not any(found.values()):
        return None
    names = {"src_rehearsal_": "rehearsal and SRC", "rehearsal_": "rehearsal"}
    with mpl.rc_context(STYLE):
        figure = Figure(figsize=(6.4, 3.8), layout="constrained")
        axes = figure.subplots()
        for index, (prefix, points) in enumerate(found.items()):
            if not points:
                continue
            x, intervals = list(points), list(points.values())
            means = np.array([each.mean for each in intervals])
            low, high = (np.array([getattr(each, end) for each in intervals]) for end in ("low", "high"))
            axes.plot(x, means, marker=MARKERS[index], color=PALETTE[1 - index], markersize=4, label=names[prefix])
            axes.fill_between(x, low, high, color=PALETTE[1 - index], alpha=0.15, linewidth=0)
        axes.set(xlabel="old examples rehearsed (%)", ylabel="accuracy after the last task (%)", ylim=(0, 100))
        axes.grid(axis="y", color="#DDDDDD", linewidth=0.6)
        axes.legend(frameon=False)
    return figure


def _by_share(rows: pd.DataFrame, prefix: str) -> dict[int, Interval]:
    shares = {int(c.removeprefix(prefix)): c for c in rows["condition"].unique() if c.startswith(prefix)}
    found = {}
    for share in sorted(shares):
        values = values_by_seed(rows[rows["condition"] == shares[share]], "final_accuracy")["value"]
        if len(values):
            found[share] = mean_interval(100 * values.to_numpy(dtype=float))
    return found


def similarities(rows: pd.DataFrame) -> Figure | None:
    """Accuracy by day, and how alike patterns of importance are: T1-T2 beside T1-S2, and beside T2-S2."""
    panels = {"Fig. 8c: T1-T2 and T1-S2": ((0, 1), "similarity_t1"), "Fig. 8d: T1-T2 and T2-S2": ((2, 3), "preserved")}
    if not (rows["metric"] == "similarity_t1_class_0").any():
        return None
    with mpl.rc_context(STYLE):
        figure = Figure(figsize=(6.8, 3.4), layout="constrained")
        for axes, (title, (classes, metric)) in zip(figure.subplots(1, 2, sharey=True), panels.items(), strict=True):
            for index, (condition, label) in enumerate((("before", "T1-T2"), ("after", title[-5:]))):
                mine = rows[rows["condition"] == condition]
                values = [mine.loc[mine["metric"] == f"{metric}_class_{c}", "value"].to_numpy() for c in classes]
                x = np.arange(len(classes)) + 0.4 * index - 0.2
                axes.bar(x, [v.mean() for v in values], width=0.36, color=PALETTE[index], alpha=0.4, label=label)
                for place, mine_values in zip(x, values, strict=True):
                    axes.plot(np.full(len(mine_values), place), mine_values, "o", color=PALETTE[index], markersize=2.5)
            axes.set_xticks(range(len(classes)), [f"class {c}" for c in classes])
            axes.set_title(title, fontsize=9)
            axes.legend(frameon=False, fontsize=8, loc="lower center", bbox_to_anchor=(0.5, 1.08), ncols=2)
        figure.supylabel("cosine similarity of importance", fontsize=9)
    return figure


def _drawing(name: str, title: str, draw: Callable[[pd.DataFrame], Figure | None]) -> Drawing:
    return Drawing(name=name, title=title, alt=(draw.__doc__ or title).strip().splitlines()[0], draw=draw)


def mnist_confusions(rows: pd.DataFrame) -> Figure | None:
    """MNIST: predicted against true class, above before the last night and below after it."""
    return confusions(rows, "mnist")


def fashion_confusions(rows: pd.DataFrame) -> Figure | None:
    """Fashion-MNIST: predicted against true class, above before the last night and below after it."""
    return confusions(rows, "fashion")


TABLE2 = (
    _drawing("figure-3", "Confusion on MNIST (Fig. 3)", mnist_confusions),
    _drawing("figure-4", "Confusion on Fashion-MNIST (Fig. 4)", fashion_confusions),
    _drawing("figure-6", "Correlation of hidden activities between classes (Fig. 6)", correlations),
    _drawing("figure-7", "What the last night does to weights (Fig. 7)", weight_changes),
)
REHEARSAL = (_drawing("figure-5", "Rehearsal with and without sleep (Fig. 5)", rehearsal),)
IMPORTANCE = (_drawing("figure-8", "Importance of synapses (Fig. 8c, d)", similarities),)
DRAWINGS = {"table2": TABLE2, "rehearsal": REHEARSAL, "importance": IMPORTANCE}
