"""The experiments that `oneiros run` knows by name."""

from collections.abc import Callable, Mapping

from oneiros.papers.barry2022 import conditions
from oneiros.papers.barry2022.conditions import Condition
from oneiros.papers.barry2022.config import FULL_SCALES, QUICK, SCALES, Config
from oneiros.papers.barry2022.experiment import CategoryLearning
from oneiros.papers.barry2022.pretrain import PRETRAIN as PRETRAIN


def _pair(
    name: str, of: Callable[[Config], Mapping[str, Condition]], *, tracks: bool = False
) -> tuple[CategoryLearning, CategoryLearning]:
    """The replica of an experiment, and the experiment as the paper did it."""
    replica, full = (
        CategoryLearning(name=prefix + name, conditions=tuple(of(QUICK)), of=of, scales=scales, tracks=tracks)
        for prefix, scales in (("", SCALES), ("full-", FULL_SCALES))
    )
    return replica, full


LOCATIONS, FULL_LOCATIONS = _pair("locations", conditions.locations)
EXEMPLARS, FULL_EXEMPLARS = _pair("exemplars", conditions.exemplars)
SIMILAR, FULL_SIMILAR = _pair("similar", conditions.similar)
DOWNSAMPLED, FULL_DOWNSAMPLED = _pair("downsampled", conditions.downsampled)
MONTH, FULL_MONTH = _pair("month", conditions.month, tracks=True)
SELECTION, FULL_SELECTION = _pair("selection", conditions.selection, tracks=True)
