"""The paper's figures out of rows: what `oneiros report` draws for an experiment of this folder.

Galleries (Fig. 3 a-c) are pictures that runs keep beside their rows. Lines are means over seeds, shades and bars
+- 1 SEM, as in the paper.
"""

from collections.abc import Callable, Mapping, Sequence

import matplotlib as mpl
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import MaxNLocator

from oneiros.report.figures import MARKERS, PALETTE, STYLE
from oneiros.runs.drawing import Drawing

# Condition -> how figures call it and its colour, the same in all of them.
NAMES = {
    "pad": ("PAD", "#000000"),
    "without_rem": ("w/o REM", PALETTE[3]),
    "without_nrem": ("w/o NREM", PALETTE[1]),
    "without_memory_mix": ("w/o memory mix", PALETTE[0]),
    "wake_only": ("wake only", PALETTE[7]),
    "rem_from_noise": ("REM from noise only", PALETTE[2]),
    "rem_from_memories": ("REM from memories only", "#B22222"),
    "rem_before_nrem": ("REM before NREM", "#8B5A2B"),
    "nrem_mixed": ("NREM from mixed memories", PALETTE[4]),
    "untrained": ("untrained", "#AAAAAA"),
}
LOSSES = {"image": "image", "kl": "KL", "nrem": "NREM", "fake": "generator"}
EVERY = ("pad", "without_rem", "without_memory_mix", "without_nrem", "wake_only")
READOUTS = {"sgd": "SGD readout (paper)", "ridge": "ridge readout"}


def _drawings(data: str, *, losses: str) -> tuple[Drawing, ...]:
    """All figures of one data set's experiment; `losses` is what the figure of losses is called."""
    main, robust = ("pad", "without_rem", "without_memory_mix"), ("pad", "without_nrem")
    mixing, order = ("pad", "rem_from_noise", "rem_from_memories"), ("pad", "rem_before_nrem")
    return (
        _one("figure-3d", f"Fig. 3 d: realism of dreams, {data}", "Frechet distance by epoch", realism),
        _one("figure-4", f"Fig. 4: linear separability, {data}", "test accuracy by epoch", _learning(main)),
        _one("figure-5", f"Fig. 5: covered images, {data}", "accuracy by occlusion", _occlusion(robust)),
        _one("figure-6-pca", f"Fig. 6 b-d: latents, {data}", "two principal axes for each condition", latents),
        _one("figure-6-ratios", f"Fig. 6 e, f: latent distances, {data}", "bars of two ratios", ratios),
        _one(losses, f"{_title(losses)}: losses, {data}", "each loss by epoch and condition", loss_curves),
        _one("appendix-1-figure-3", f"Appendix 1, Fig. 3: all phases, {data}", "accuracy by epoch", _learning(EVERY)),
        _one("appendix-1-figure-4", f"Appendix 1, Fig. 4: mixing, {data}", "accuracy by epoch", _learning(mixing)),
        _one("appendix-1-figure-5", f"Appendix 1, Fig. 5: order, {data}", "accuracy by epoch", _learning(order)),
        _one(
            "appendix-1-figure-6", f"Appendix 1, Fig. 6: mixed memories in NREM, {data}", "accuracy by occlusion",
            _occlusion(("pad", "nrem_mixed")),
        ),
    )  # fmt: skip


def realism(rows: pd.DataFrame) -> Figure | None:
    """Frechet distance of NREM and REM dreams over epochs, in PAD; the extractor is in the label of the axis."""
    found = rows[rows["metric"].str.startswith("fid_") & (rows["condition"] == "pad")]
    kinds = {m: m.split("/")[0].removeprefix("fid_").upper() for m in sorted(set(found["metric"]))}
    if not kinds:
        return None
    figure, (axes,) = _canvas(1, wide=4.2)
    for index, (metric, kind) in enumerate(kinds.items()):
        _line(axes, _by_epoch(found, metric), kind, PALETTE[index], MARKERS[index], scale=1.0)
    extractor = next(iter(kinds)).split("/")[1]
    _epochs(axes)
    axes.set(ylabel=f"Frechet distance\n({extractor})", ylim=(0, None))
    axes.legend(frameon=False)
    return figure


def latents(rows: pd.DataFrame) -> Figure | None:
    """First seed's latents on two principal axes: full circles clean images, open ones the same covered by 30 %."""
    points = rows[rows["metric"].str.startswith("pca_c") & (rows["phase"] == "end")]
    points = points[points["seed"] == points["seed"].min()]
    names = [name for name in ("pad", "without_rem", "without_nrem") if name in set(points["condition"])]
    if not names:
        return None
    figure, panels = _canvas(len(names), wide=2.6)
    for axes, name in zip(panels, names, strict=True):
        mine = points[points["condition"] == name]
        parts = mine["metric"].str.split(":", expand=True)
        table = mine.assign(kind=parts[0], label=parts[1].astype(int), image=parts[2], axis=parts[3])
        for (kind, label), cloud in table[table["label"] < 4].groupby(["kind", "label"]):
            xy = cloud.pivot_table(index="image", columns="axis", values="value")
            full = kind == "pca_clean"
            face = PALETTE[int(str(label))] if full else "none"
            axes.scatter(xy["0"], xy["1"], s=14, facecolor=face, edgecolor=PALETTE[int(str(label))], linewidth=0.8)
        axes.set(title=NAMES[name][0], xlabel="PC 1", xticks=[], yticks=[])
    panels[0].set_ylabel("PC 2")
    handles = [Line2D([], [], marker="o", linestyle="", color=PALETTE[i], label=f"class {i}") for i in range(4)]
    handles += [Line2D([], [], marker="o", linestyle="", color="#555555", markerfacecolor="none", label="covered")]
    figure.legend(
        handles=handles, loc="outside lower center", ncols=5, frameon=False, columnspacing=1, handletextpad=0.2
    )
    return figure


def ratios(rows: pd.DataFrame) -> Figure | None:
    """Intra- over inter-class distance and clean-covered over inter-class distance, a bar for each condition."""
    shown = {
        "intra_over_inter": "intra- / inter-class distance",
        "clean_covered_over_inter": "clean-covered / inter-class",
    }
    ended = rows[rows["metric"].isin(list(shown)) & (rows["phase"] == "end")]
    names = [n for n in ("untrained", "pad", "without_rem", "without_nrem") if n in set(ended["condition"])]
    if not names:
        return None
    figure, panels = _canvas(2, wide=3.2)
    for axes, (metric, label) in zip(panels, shown.items(), strict=True):
        for x, name in enumerate(names):
            values = ended.loc[(ended["metric"] == metric) & (ended["condition"] == name), "value"].to_numpy(
                dtype=float
            )
            axes.bar(x, values.mean(), yerr=_sem(values), color=NAMES[name][1], width=0.7, capsize=3)
        axes.set_xticks(range(len(names)), [NAMES[name][0] for name in names], rotation=20)
        axes.set_ylabel(label)
    return figure


def loss_curves(rows: pd.DataFrame) -> Figure | None:
    """Every loss over epochs, measured on the same images in every condition, whether or not it was trained on.

    The discriminator's is real + fake; the generator's is fake, which it ascends.
    """
    measured = rows[rows["metric"].str.startswith("loss/")]
    names = [name for name in EVERY if name in set(measured["condition"])]
    if not names:
        return None
    figure, panels = _canvas(len(LOSSES) + 1, wide=2.4, high=2.6)
    both = measured[measured["metric"].isin(["loss/real", "loss/fake"])]
    keys = ["condition", "seed", "phase"]
    judged = both.groupby(keys, as_index=False, sort=False).agg({"value": "sum"}).assign(metric="loss/both")
    everything = pd.concat([measured, judged])
    for axes, (loss, title) in zip(panels, (LOSSES | {"both": "discriminator"}).items(), strict=True):
        for index, name in enumerate(names):
            mine = everything[everything["condition"] == name]
            curve = _by_epoch(mine, f"loss/{loss}")
            _line(axes, curve, NAMES[name][0], NAMES[name][1], MARKERS[index % len(MARKERS)], scale=1.0)
        axes.set_title(title)
        _epochs(axes)
    handles, labels = panels[0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside lower center", ncols=5, frameon=False)
    return figure


def _learning(conditions: Sequence[str]) -> Callable[[pd.DataFrame], Figure | None]:
    """Clean test accuracy over epochs by both readouts."""

    def draw(rows: pd.DataFrame) -> Figure | None:
        present = [name for name in conditions if name in set(rows["condition"])]
        if len(present) < 2:
            return None
        figure, panels = _canvas(2, wide=3.4)
        for axes, (readout, title) in zip(panels, READOUTS.items(), strict=True):
            for index, name in enumerate(present):
                curve = _by_epoch(rows[rows["condition"] == name], f"separability_{readout}")
                _line(axes, curve, *NAMES[name], MARKERS[index], scale=100.0)
            axes.set(title=title, ylabel="linear separability (%)")
            _epochs(axes)
        panels[0].legend(frameon=False, fontsize=8)
        return figure

    return draw


def _occlusion(conditions: Sequence[str]) -> Callable[[pd.DataFrame], Figure | None]:
    """Final test accuracy by how much of the image is covered, by both readouts; 0 is the clean image."""

    def draw(rows: pd.DataFrame) -> Figure | None:
        ended = rows[rows["phase"] == "end"]
        present = [name for name in conditions if name in set(ended["condition"])]
        if len(present) < 2:
            return None
        figure, panels = _canvas(2, wide=3.4)
        for axes, (readout, title) in zip(panels, READOUTS.items(), strict=True):
            for index, name in enumerate(present):
                mine = ended[ended["condition"] == name]
                clean = mine[mine["metric"] == f"separability_{readout}"].assign(x=0)
                level = mine["metric"].str.extract(rf"^{readout}_at_occlusion_(\d+)$", expand=False)
                curve = pd.concat([clean, mine.assign(x=level).dropna(subset=["x"])])
                shares = curve["x"].astype(int)
                levels = {int(s): curve.loc[shares == s, "value"].to_numpy(dtype=float) for s in sorted(set(shares))}
                _line(axes, levels, *NAMES[name], MARKERS[index], scale=100.0)
            axes.set(title=title, xlabel="occlusion intensity (%)", ylabel="linear separability (%)")
        panels[0].legend(frameon=False, fontsize=8)
        return figure

    return draw


def _by_epoch(rows: pd.DataFrame, metric: str) -> dict[int, np.ndarray]:
    """Values of all seeds at each epoch, from the rows of phase "step:N".

    Every run of an experiment lives the same number of batches an epoch, so epochs follow from the steps there are.
    """
    mine = rows[(rows["metric"] == metric) & rows["phase"].str.startswith("step:")]
    steps = mine["phase"].str.removeprefix("step:").astype(int)
    everything = rows.loc[rows["phase"].str.startswith("step:"), "phase"].str.removeprefix("step:").astype(int)
    return {int(s) // int(everything.min()): mine.loc[steps == s, "value"].to_numpy(float) for s in sorted(set(steps))}


def _line(axes: Axes, curve: Mapping[int, np.ndarray], name: str, colour: str, marker: str, *, scale: float) -> None:
    """Mean over seeds with +- 1 SEM."""
    if not curve:
        return
    x = list(curve)
    mean = scale * np.array([values.mean() for values in curve.values()])
    sem = scale * np.array([_sem(values) for values in curve.values()])
    axes.plot(x, mean, color=colour, marker=marker, markersize=4, linewidth=1.4, label=name)
    axes.fill_between(x, mean - sem, mean + sem, color=colour, alpha=0.15, linewidth=0)


def _epochs(axes: Axes) -> None:
    axes.set_xlabel("epoch")
    axes.xaxis.set_major_locator(MaxNLocator(integer=True))


def _sem(values: np.ndarray) -> float:
    return float(values.std(ddof=1) / np.sqrt(len(values))) if len(values) > 1 else 0.0


def _canvas(panels: int, *, wide: float, high: float = 3.0) -> tuple[Figure, list[Axes]]:
    with mpl.rc_context(STYLE):
        figure = Figure(figsize=(wide * panels, high), layout="constrained")
        return figure, list(figure.subplots(1, panels, squeeze=False).ravel())


def _one(name: str, title: str, alt: str, draw: Callable[[pd.DataFrame], Figure | None]) -> Drawing:
    return Drawing(name=name, title=title, alt=f"{title}: {alt}", draw=draw)


def _title(stem: str) -> str:
    return stem.replace("appendix-1-figure-", "Appendix 1, Fig. ")


DRAWINGS = {
    "cifar10": _drawings("CIFAR-10", losses="appendix-1-figure-1"),
    "svhn": _drawings("SVHN", losses="appendix-1-figure-2"),
}
DRAWINGS["cifar10-ten-epochs"] = DRAWINGS["cifar10"]
