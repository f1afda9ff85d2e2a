"""A paper's own figures: each recipe says how its rows are drawn in the layout of the paper."""

from collections.abc import Callable
from dataclasses import dataclass

import pandas as pd
from matplotlib.figure import Figure


@dataclass(frozen=True, kw_only=True)
class Drawing:
    """One figure of an experiment.

    Attributes:
        name: stem of its files, such as "figure-2a".
        title: what it is, with the paper's number for it.
        alt: what it shows, for those who do not see it.
        draw: rows of the experiment, sound ones only -> a figure of its own, or None where the rows lack what it needs.
    """

    name: str
    title: str
    alt: str
    draw: Callable[[pd.DataFrame], Figure | None]
