"""The paper's statistics, from rows alone; beside each, the paired analysis that the design allows.

The paper treats its conditions as different subjects over days, although the same ten models recur in all of them.
Every test here counts a model (seed) as a subject; on `similar` a class, as in the paper.
"""

import math
from collections.abc import Callable, Sequence

import numpy as np
import pandas as pd
from jaxtyping import Float

from oneiros.measure.metrics.anova import (
    FTest,
    Regression,
    TTest,
    mixed,
    p_text,
    paired,
    regression,
    repeated_measures,
    two_way,
    unpaired,
)
from oneiros.papers.barry2022.conditions import EXEMPLARS

LEVEL = 0.05


def is_replica(rows: pd.DataFrame) -> bool:
    """Whether these are the replica's rows: they say so in their order's name."""
    return bool(rows["order"].str.startswith("replica").any())


def curves(
    rows: pd.DataFrame, conditions: Sequence[str], metric: str = "accuracy_seen", phase: str = "dusk"
) -> Float[np.ndarray, "conditions models days"]:
    """A measurement on every day of every model that all of `conditions` have; no models where one has none."""
    mine = rows[(rows["metric"] == metric) & (rows["phase"] == phase)]
    tables = [mine[mine["condition"] == name].pivot(index="seed", columns="day", values="value") for name in conditions]
    shared = sorted(set.intersection(*(set(table.dropna().index) for table in tables)))
    lengths = {table.shape[1] for table in tables}
    if not shared or len(lengths) != 1:
        return np.empty((len(conditions), 0, 0))
    return np.stack([table.loc[shared].to_numpy(dtype=float) for table in tables])


def best(rows: pd.DataFrame, conditions: Sequence[str]) -> Float[np.ndarray, "conditions models"]:
    """Accuracy of each model after the day on which its validation loss was lowest: the paper's "final best model".

    The authors' code also looks after nights, so that replay has twice as many candidates as no replay; ours does not.
    """
    accuracy, loss = curves(rows, conditions), curves(rows, conditions, metric="validation_loss")
    if not accuracy.size:
        return np.empty((len(conditions), 0))
    return np.take_along_axis(accuracy, loss.argmin(2)[:, :, None], 2)[:, :, 0]


def present(rows: pd.DataFrame, conditions: Sequence[str]) -> list[str]:
    """Those of `conditions` that the rows have, in that order."""
    there = set(rows["condition"])
    return [name for name in conditions if name in there]


def localisation(rows: pd.DataFrame) -> list[str]:
    """Figure 1C: one-way repeated-measures ANOVA over the locations, and each against no replay."""
    names = present(rows, ["baseline", *(f"location_{number}" for number in range(1, 6))])
    values = best(rows, names)
    if len(names) < 2 or values.shape[1] < 2:
        return []
    lines = [f"best models, {values.shape[1]} models, {len(names)} conditions"]
    if len(names) > 2:
        lines.append(str(repeated_measures(values.T)))
    lines += [
        f"{name} - baseline: {t_text(paired(values[i], values[0], comparisons=len(names) - 1))}"
        for i, name in enumerate(names[1:], start=1)
    ]
    others = present(rows, ["veridical", "location_4_clamped", "location_4_rectified"])
    for name in others:
        pair = best(rows, ["baseline", name])
        lines.append(f"{name} - baseline (not in the paper's ANOVA): {t_text(paired(pair[1], pair[0]))}")
    return [*lines, *earlier(rows, names)]


def earlier(rows: pd.DataFrame, names: Sequence[str]) -> list[str]:
    """By how many days each condition reaches, on average over models, what the baseline ends with."""
    means = curves(rows, names).mean(1)
    goal, lines = means[0, -1], []
    for name, mean in zip(names[1:], means[1:], strict=True):
        reached = np.flatnonzero(mean >= goal)
        days = len(mean) - 1 - reached[0] if len(reached) else None
        when = {None: "never", 0: "on the last day, too", 1: "1 day earlier"}.get(days, f"{days} days earlier")
        lines.append(f"{name} reaches the baseline's final accuracy ({100 * goal:.1f} %): {when}")
    return lines


def few(rows: pd.DataFrame, counts: Sequence[int] = EXEMPLARS) -> list[str]:
    """Figure 1D: replay against none for each number of exemplars."""
    lines = []
    for count in counts:
        pair = [f"generative_{count}", f"baseline_{count}"]
        values = best(rows, pair) if len(present(rows, pair)) == 2 else np.empty((2, 0))
        if values.shape[1] > 1:
            lines.append(f"{count} exemplars: {t_text(paired(*values, comparisons=len(counts)))}")
    return lines


def relative_gain(rows: pd.DataFrame, before: str, after: str) -> pd.Series:
    """(after - before) / before of the last day's accuracy on each class, mean over the models that learn it."""
    mine = rows[rows["metric"].str.startswith("class_accuracy:") & (rows["phase"] == "dusk")]
    mine = mine[mine["day"] == mine["day"].max()]
    means = mine.groupby(["condition", "metric"])["value"].mean().unstack("condition")
    if not {before, after} <= set(means.columns):
        return pd.Series(dtype=float)
    both = means[[before, after]].dropna()
    both = both[both[before] > 0]
    return (both[after] - both[before]) / both[before]


def similarity(rows: pd.DataFrame) -> list[str]:
    """Figure 1E: the same classes among unlike ones and among like ones; a class is a subject."""
    gains = pd.concat(
        [relative_gain(rows, "baseline", "generative"), relative_gain(rows, "similar_baseline", "similar_generative")],
        axis=1, join="inner",
    )  # fmt: skip
    if len(gains) < 2:
        return []
    test = paired(gains.iloc[:, 0].to_numpy(), gains.iloc[:, 1].to_numpy())
    return [f"relative gain among unlike - among like classes, {len(gains)} classes: {t_text(test)}"]


def over_days(rows: pd.DataFrame, first: str, second: str) -> list[str]:
    """Figure 2B, 3B: mixed ANOVA as in the paper, the paired two-way ANOVA beside it, and which days differ."""
    if len(present(rows, [first, second])) < 2:
        return []
    values = curves(rows, [first, second])
    if values.shape[1] < 2 or values.shape[2] < 2:
        return []
    named = {"group": "condition", "group x time": "condition x day"}
    as_paper, as_paired = mixed(values), two_way(values)
    lines = [f"{first} and {second}, {values.shape[1]} models, {values.shape[2]} days"]
    lines += [f"{said} (paper's mixed ANOVA) {_rest(as_paper[key])}" for key, said in named.items()]
    lines += [f"{said} (paired) {_rest(as_paired[key])}" for key, said in named.items()]
    days = values.shape[2]
    for label, test in (("unpaired, as in the paper", unpaired), ("paired", paired)):
        tests = [test(values[0, :, day], values[1, :, day], comparisons=days) for day in range(days)]
        lines += [f"days on which {first} {sign} {second}, Bonferroni x {days}, {label}: {found}"
                  for sign, found in ((">", _days(tests, 1)), ("<", _days(tests, -1)))]  # fmt: skip
    return lines


def selected_classes(rows: pd.DataFrame) -> pd.DataFrame:
    """Each class of each model: accuracy without replay, with it and with selected replay; batches selected of it.

    How well a class was learned "originally" is its mean accuracy over the days WITHOUT replay: had it been that with
    unselected replay, its noise would be in the gain too, with the opposite sign.
    """
    mine = rows[rows["phase"] == "dusk"]
    accuracy = mine[mine["metric"].str.startswith("class_accuracy:")]
    accuracy = accuracy.assign(label=accuracy["metric"].str.removeprefix("class_accuracy:"))
    wide = accuracy.groupby(["seed", "label", "condition"])["value"].mean().unstack("condition")
    replayed = rows[rows["metric"].str.startswith("replayed:") & (rows["condition"] == "selected")]
    replayed = replayed.assign(label=replayed["metric"].str.removeprefix("replayed:"))
    return wide.assign(replayed=replayed.groupby(["seed", "label"])["value"].sum())


def choosing(rows: pd.DataFrame) -> list[str]:
    """Figure 3D: are weakly learned classes replayed more, and do they gain?"""
    if len(present(rows, ["none", "generative", "selected"])) < 3:
        return []
    table = selected_classes(rows).dropna()
    if len(table) < 3:
        return []
    gain = table["selected"] - table["generative"]
    return [
        f"batches replayed on accuracy without replay, {len(table)} classes: "
        f"{line_text(regression(table['none'].to_numpy(), table['replayed'].to_numpy()))}",
        f"gain by selection on accuracy without replay: "
        f"{line_text(regression(table['none'].to_numpy(), gain.to_numpy()))}",
        f"gain by selection on batches replayed: "
        f"{line_text(regression(table['replayed'].to_numpy(), gain.to_numpy()))}",
    ]


def nights(rows: pd.DataFrame) -> list[str]:
    """What a night does to the validation loss, and whether an uneven choice of classes explains it (not in the paper).

    Evenness is the effective number of classes replayed in a night, exp(entropy of their shares).
    """
    lines = []
    for name in present(rows, ["generative", "selected"]):
        dusk, end = (curves(rows, [name], "validation_loss", phase) for phase in ("dusk", "end"))
        if dusk.shape[1] < 2:
            return []
        change = (end - dusk)[0]
        test = paired(end[0].mean(1), dusk[0].mean(1))
        lines.append(
            f"{name}: a night moves the validation loss by {change.mean():+.3f}, t({test.df}) = {test.t:.2f}, "
            f"{p_text(test.p)}; the first two nights by {change[:, 0].mean():+.3f} and {change[:, 1:2].mean():+.3f}"
        )
    if len(lines) == 2:
        shares = replayed_shares(rows)
        even = np.exp(-(shares * np.log(np.where(shares > 0, shares, 1))).sum(2))
        line = regression(even.ravel(), change.ravel())
        lines.append(f"what a selected night moves it by, on the effective number of classes: {line_text(line)}")
    return lines


def replayed_shares(rows: pd.DataFrame) -> Float[np.ndarray, "models nights classes"]:
    """Of each selected night, the share of each of its model's classes among its batches."""
    mine = rows[(rows["condition"] == "selected") & rows["metric"].str.startswith("replayed:")]
    counts = []
    for _, model in mine.groupby("seed"):
        counts.append(model.pivot(index="day", columns="metric", values="value").to_numpy(dtype=float))
    stacked = np.stack(counts)
    return stacked / stacked.sum(2, keepdims=True)


def coarsened(rows: pd.DataFrame) -> list[str]:
    """Supplementary figure 2 and whole activations: each against no replay."""
    wanted = ["location_4", "location_4_coarser", *(f"location_{number}_whole" for number in range(1, 5))]
    names = present(rows, ["baseline", *wanted])
    values = best(rows, names)
    if len(names) < 2 or names[0] != "baseline" or values.shape[1] < 2:
        return []
    return [
        f"{name} - baseline: {t_text(paired(values[i], values[0], comparisons=len(names) - 1))}"
        for i, name in enumerate(names[1:], start=1)
    ]


def month(rows: pd.DataFrame) -> list[str]:
    """Figure 2B: generative replay against every other condition over the days; whole dreams (ours) against none."""
    pairs = [("generative", other) for other in ("none", "veridical", "continuous", "generative_whole")]
    return [line for pair in (*pairs, ("generative_whole", "none")) for line in over_days(rows, *pair)]


def selection(rows: pd.DataFrame) -> list[str]:
    """Figure 3B and D."""
    return [*over_days(rows, "selected", "generative"), *choosing(rows), *nights(rows)]


def t_text(test: TTest) -> str:
    """A paired comparison of accuracies in words: difference in points, t, p, and p corrected if it is."""
    corrected = f", corrected {p_text(test.p_bonferroni)}" if test.p_bonferroni != test.p else ""
    return f"{100 * test.mean:+.1f} points, t({test.df}) = {test.t:.2f}, {p_text(test.p)}{corrected}"


def line_text(line: Regression) -> str:
    """A regression in words."""
    return f"slope {line.slope:.3g}, R2 = {line.r2:.2f}, F(1, {line.df_error}) = {line.f:.2f}, {p_text(line.p)}"


def _rest(test: FTest) -> str:
    corrected = ""
    if math.isfinite(test.p_corrected) and test.epsilon < 1:
        corrected = f" (Greenhouse-Geisser {p_text(test.p_corrected)})"
    return f"{str(test).split(': ')[1]}{corrected}"


def _days(tests: Sequence[TTest], sign: int) -> str:
    found = [str(day) for day, test in enumerate(tests, start=1) if test.p_bonferroni < LEVEL and sign * test.mean > 0]
    return ", ".join(found) or "no day"


STATISTICS: dict[str, Callable[[pd.DataFrame], list[str]]] = {
    "locations": localisation,
    "exemplars": few,
    "similar": similarity,
    "downsampled": coarsened,
    "month": month,
    "selection": selection,
}
