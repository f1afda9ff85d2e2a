"""The statistics that the paper prints, and whether ours point the same way.

A replica has other images, another network and fewer models, so no F or t of the paper is a target for it. What it can
be held to is the direction: an effect of the same sign at the same level, or none where the paper finds none. "None
shown" is what fails to reach the level; it is no evidence of equality (the claims within 2 points are).
"""

from collections.abc import Callable
from typing import Literal, NamedTuple

import numpy as np
import pandas as pd

from oneiros.measure.metrics.anova import mixed, paired, regression, repeated_measures
from oneiros.papers.barry2022.statistics import LEVEL, best, curves, present, relative_gain, selected_classes


class Effect(NamedTuple):
    """Ours: the sign of the effect (1 where a test has none) and its P, computed as the paper does."""

    sign: int
    p: float


class Printed(NamedTuple):
    """One statistic of the paper.

    Attributes:
        where: in the paper.
        text: as printed, and of what.
        sign: of the effect found; 0 for none at the paper's level.
        ours: the same from rows; None where they lack what it needs.
    """

    where: str
    text: str
    sign: Literal[-1, 0, 1]
    ours: Callable[[pd.DataFrame], Effect | None]


def _locations(rows: pd.DataFrame) -> Effect | None:
    names = present(rows, ["baseline", *(f"location_{number}" for number in range(1, 6))])
    values = best(rows, names)
    return Effect(1, repeated_measures(values.T).p) if len(names) == 6 and values.shape[1] > 1 else None


def _fourth(rows: pd.DataFrame) -> Effect | None:
    values = best(rows, ["baseline", "location_4"])
    if values.shape[1] < 2:
        return None
    test = paired(values[1], values[0], comparisons=5)
    return Effect(int(np.sign(test.mean)), test.p_bonferroni)


def _alike(rows: pd.DataFrame) -> Effect | None:
    alike = relative_gain(rows, "similar_baseline", "similar_generative")
    both = pd.concat([alike, relative_gain(rows, "baseline", "generative")], axis=1, join="inner")
    if len(both) < 2:
        return None
    test = paired(both.iloc[:, 0].to_numpy(), both.iloc[:, 1].to_numpy())
    return Effect(int(np.sign(test.mean)), test.p)


def _over_days(first: str, second: str, key: str) -> Callable[[pd.DataFrame], Effect | None]:
    def ours(rows: pd.DataFrame) -> Effect | None:
        values = curves(rows, [first, second])
        return Effect(1, mixed(values)[key].p) if min(values.shape[1:]) > 1 else None

    return ours


def _slope(of: str, on: str) -> Callable[[pd.DataFrame], Effect | None]:
    def ours(rows: pd.DataFrame) -> Effect | None:
        if len(present(rows, ["none", "generative", "selected"])) < 3:
            return None
        table = selected_classes(rows).dropna()
        table = table.assign(gain=table["selected"] - table["generative"])
        line = regression(table[on].to_numpy(), table[of].to_numpy())
        return Effect(int(np.sign(line.slope)), line.p)

    return ours


WHOLE, CROSSED = "group", "group x time"
PRINTED: dict[str, tuple[Printed, ...]] = {
    "locations": (
        Printed("Fig. 1C", "F(5, 45) = 7.23, P < .001: locations and baseline differ", 1, _locations),
        Printed("Fig. 1C", "t(9) = -4.31, P = .002: the fourth location above the baseline", 1, _fourth),
    ),
    "similar": (Printed("Fig. 1E", "t(9) = -2.10, P = .065: gain among similar classes and others", 0, _alike),),
    "month": (
        Printed(
            "Fig. 2B", "F(29, 522) = 5.03, P < .001: generative and none by day", 1,
            _over_days("generative", "none", CROSSED),
        ),
        Printed(
            "text", "F(1, 18) = 0.16, P = .696: generative and veridical", 0,
            _over_days("generative", "veridical", WHOLE),
        ),
        Printed(
            "text", "F(29, 522) = 0.29, P = .999: the same by day", 0,
            _over_days("generative", "veridical", CROSSED),
        ),
        Printed(
            "text", "F(29, 522) = 3.78, P < .001: generative and continuous by day", 1,
            _over_days("generative", "continuous", CROSSED),
        ),
    ),
    "selection": (
        Printed(
            "text", "F(1, 18) = 0.15, P = .704: selected and generative", 0,
            _over_days("selected", "generative", WHOLE),
        ),
        Printed(
            "text", "F(29, 522) = 1.28, P = .153: the same by day", 0,
            _over_days("selected", "generative", CROSSED),
        ),
        Printed(
            "Fig. 3D", "R2 = .24, F(1, 98) = 31.15, P < .001: weakly learned classes are replayed more", -1,
            _slope("replayed", "none"),
        ),
        Printed(
            "Fig. 3D", "R2 = .18, F(1, 98) = 21.15, P < .001: and gain more by selection", -1, _slope("gain", "none"),
        ),
    ),
}  # fmt: skip


def direction(sign: int, effect: Effect | None) -> str:
    """Ours beside the paper's sign, in a word.

    >>> direction(1, Effect(1, 0.2)), direction(-1, Effect(-1, 0.01)), direction(0, Effect(1, 0.2))
    ('none shown', 'same direction', 'none, as there')
    """
    if effect is None:
        return "not run"
    if not effect.p < LEVEL:
        return "none shown" if sign else "none, as there"
    if not sign:
        return "an effect here"
    return "same direction" if effect.sign == sign else "opposite direction"


def directions(name: str, rows: pd.DataFrame) -> pd.DataFrame:
    """A line for each statistic that the paper prints of this experiment: its text, our P and the direction."""
    lines = []
    for each in PRINTED.get(name, ()):
        effect = each.ours(rows)
        p = "–" if effect is None else f"{effect.p:.3f}"
        lines.append((each.where, each.text, p, direction(each.sign, effect)))
    return pd.DataFrame(lines, columns=["where", "the paper", "our P", "direction"])
