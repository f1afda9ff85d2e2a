"""One night of the demo in one figure: spikes, what they did to the weights, dreams, and what is remembered."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import matplotlib as mpl
import numpy as np
from jaxtyping import Bool, Float
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from oneiros.report.figures import INK, PALETTE, STYLE

NIGHT = "night.npz"  # in the demo's folder
STEPS_SHOWN = 150
HIDDEN_SHOWN = 96


@dataclass(frozen=True, kw_only=True, eq=False)
class NightShown:
    """What there is to draw.

    Attributes:
        spikes: who fired, `[time, neurons]`, of the input and of each layer.
        before, after: weights of the output layer before and after the night, `[classes, hidden]`.
        today: classes that were learned on the last day.
        digits, dreams: a real image of each class, and one that a generator dreams of it; `[classes, height, width]`.
        remembered: final accuracy in %, by the name of what was done at night.
    """

    spikes: Sequence[Bool[np.ndarray, "time _"]]
    before: Float[np.ndarray, "classes hidden"]
    after: Float[np.ndarray, "classes hidden"]
    today: Sequence[int]
    digits: Float[np.ndarray, "classes height width"]
    dreams: Float[np.ndarray, "classes height width"]
    remembered: Mapping[str, float]


def save_night(shown: NightShown, file: Path) -> None:
    """Keep what there is to draw as arrays."""
    arrays: dict[str, Any] = {
        **{f"spikes{layer}": fired for layer, fired in enumerate(shown.spikes)},
        "before": shown.before, "after": shown.after, "today": np.array(shown.today), "digits": shown.digits,
        "dreams": shown.dreams, "names": np.array(list(shown.remembered)),
        "remembered": np.array(list(shown.remembered.values())),
    }  # fmt: skip
    np.savez_compressed(file, **arrays)


def load_night(file: Path) -> NightShown:
    """What `save_night` kept; nothing in the file is executed."""
    with np.load(file, allow_pickle=False) as kept:
        layers = sum(name.startswith("spikes") for name in kept.files)
        return NightShown(
            spikes=[kept[f"spikes{layer}"] for layer in range(layers)],
            before=kept["before"], after=kept["after"], today=kept["today"].tolist(), digits=kept["digits"],
            dreams=kept["dreams"],
            remembered=dict(zip(kept["names"].tolist(), kept["remembered"].tolist(), strict=True)),
        )  # fmt: skip


def night_figure(shown: NightShown) -> Figure:
    """Four panels: the sleeping network's spikes, its output weights, dreams beside digits, accuracy."""
    with mpl.rc_context(STYLE):
        figure = Figure(figsize=(9.6, 5.6), layout="constrained")
        panels = figure.subplots(2, 2, width_ratios=(1.9, 1), height_ratios=(1.35, 1))
        _spikes(panels[0, 0], shown.spikes)
        _weights(panels[0, 1], shown)
        _dreams(panels[1, 0], shown)
        _remembered(panels[1, 1], shown.remembered)
    return figure


def _spikes(axes: Axes, spikes: Sequence[np.ndarray]) -> None:
    """One dot a spike; layers from the input at the bottom to the output on top."""
    floor, ticks = 0, []
    for layer, (fired, name) in enumerate(zip(spikes, ("input", "hidden", "output"), strict=True)):
        part = fired[:STEPS_SHOWN, :HIDDEN_SHOWN]
        time, neuron = np.nonzero(part)
        axes.scatter(time, floor + neuron, s=1.6 if layer < 2 else 5, color=PALETTE[layer], linewidths=0)
        ticks.append((floor + part.shape[1] / 2, name))
        floor += part.shape[1] + 6
    axes.set_yticks([at for at, _ in ticks], [name for _, name in ticks])
    axes.tick_params(axis="y", length=0)
    axes.set(xlim=(-1, STEPS_SHOWN), ylim=(-3, floor), xlabel="time step of the last night")
    axes.set_title("Asleep: noise in, spikes through the network, no data", loc="left")


def _weights(axes: Axes, shown: NightShown) -> None:
    """Mean weight onto each output neuron, before and after: sleep takes from the classes of today."""
    before, after = shown.before.mean(1), shown.after.mean(1)
    for label, (a, b) in enumerate(zip(before, after, strict=True)):
        today = label in shown.today
        axes.annotate(
            "", (label, b), (label, a), arrowprops={"arrowstyle": "->", "color": PALETTE[1 if today else 0], "lw": 1.6}
        )
        axes.plot(label, a, "o", markersize=3, color=PALETTE[1 if today else 0])
    low, high = min(before.min(), after.min()), max(before.max(), after.max())
    edge = 0.08 * (high - low) or 1.0
    axes.set(xlim=(-0.6, len(before) - 0.4), ylim=(low - edge, high + edge), xlabel="class", ylabel="mean weight")
    axes.set_xticks(range(len(before)))
    axes.set_title("Output weights, before and after", loc="left")
    words = "orange: learned today" if len(shown.today) else ""
    axes.text(0.98, 0.02, words, transform=axes.transAxes, ha="right", va="bottom", fontsize=8, color=PALETTE[1])


def _dreams(axes: Axes, shown: NightShown) -> None:
    """A digit of each class above, what a generator dreams of that class below."""
    rows = [np.concatenate([np.pad(image, 1) for image in row], 1) for row in (shown.digits, shown.dreams)]
    sheet = np.concatenate(rows, 0)
    axes.imshow(sheet, cmap="gray_r", vmin=0, vmax=1, interpolation="nearest", aspect="equal")
    height = len(sheet) / 2
    axes.set_yticks([height / 2 - 0.5, 1.5 * height - 0.5], ["seen\nby day", "dreamed"])
    axes.set_xticks([])
    axes.tick_params(axis="y", length=0)
    axes.spines[:].set_visible(False)
    axes.set_title("Generative replay: what is dreamed after the last day", loc="left")


def _remembered(axes: Axes, remembered: Mapping[str, float]) -> None:
    """One bar for each kind of night."""
    names, values = list(remembered), list(remembered.values())
    axes.barh(names, values, color=[PALETTE[7], *[PALETTE[0]] * (len(names) - 1)], height=0.62)
    for place, value in enumerate(values):
        axes.text(value + 1, place, f"{value:.0f}", va="center", fontsize=8.5, color=INK)
    axes.invert_yaxis()
    axes.tick_params(axis="y", length=0)
    axes.set(xlim=(0, 112), xlabel="accuracy on all ten digits (%)")
    axes.set_title("Remembered", loc="left")
