"""Barry & Love 2022: generative category replay in a model of the ventral visual stream."""

from collections.abc import Callable, Mapping

from oneiros.papers.barry2022 import conditions
from oneiros.papers.barry2022.conditions import Condition
from oneiros.papers.barry2022.config import FULL_SCALES, QUICK, SCALES, Config
from oneiros.papers.barry2022.experiment import CategoryLearning
from oneiros.papers.barry2022.figures import FIGURES
from oneiros.papers.barry2022.pretrain import PRETRAIN as PRETRAIN


def _pair(
    name: str, summary: str, of: Callable[[Config], Mapping[str, Condition]], *, tracks: bool = False
) -> tuple[CategoryLearning, CategoryLearning]:
    """The replica of an experiment, and the experiment as the paper did it."""
    replica, full = (
        CategoryLearning(
            name=prefix + name,
            summary=f"{what}: {summary}",
            conditions=tuple(of(QUICK)),
            of=of,
            scales=scales,
            drawings=FIGURES[name],
            tracks=tracks,
        )
        for prefix, what, scales in (
            ("", "REPLICA, a VGG of our own on Tiny ImageNet", SCALES),
            ("full-", "VGG-16 on photographs of 224 pixels", FULL_SCALES),
        )
    )
    return replica, full


LOCATIONS, FULL_LOCATIONS = _pair("locations", "where replay helps (Fig. 1B, C)", conditions.locations)
EXEMPLARS, FULL_EXEMPLARS = _pair("exemplars", "few images of each class (Fig. 1D)", conditions.exemplars)
SIMILAR, FULL_SIMILAR = _pair("similar", "similar classes (Fig. 1E)", conditions.similar)
DOWNSAMPLED, FULL_DOWNSAMPLED = _pair(
    "downsampled", "coarser and whole activations (Suppl. Fig. 2)", conditions.downsampled
)
MONTH, FULL_MONTH = _pair("month", "replay over a month (Fig. 2)", conditions.month, tracks=True)
SELECTION, FULL_SELECTION = _pair("selection", "replay that is selected (Fig. 3)", conditions.selection, tracks=True)
