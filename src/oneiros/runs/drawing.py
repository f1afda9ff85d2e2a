"""A paper's own figures: each recipe says how its rows are drawn in the layout of the paper."""

import importlib
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.figure import Figure

    Draw = Callable[[pd.DataFrame], Figure | None]
else:
    Draw = Callable[..., Any]  # a worker, which draws nothing, does without pandas and matplotlib


@dataclass(frozen=True, kw_only=True)
class Drawing:
    """One figure of an experiment.

    Attributes:
        name: stem of its files, such as "figure-2a".
        title: what it is, with the paper's number for it.
        alt: what it shows, for those who do not see it.
        published: whether it is a figure of the paper.
        draw: rows of the experiment, valid ones only -> a figure of its own, or None where the rows lack what it needs.
    """

    name: str
    title: str
    alt: str
    draw: Draw
    published: bool = True


def drawings_in(module: str, experiment: str) -> tuple[Drawing, ...]:
    """What `DRAWINGS` of a module has for an experiment; the module, which draws, is imported only now."""
    return importlib.import_module(module).DRAWINGS.get(experiment, ())
