"""What each condition of each experiment consists of: which images by day, which replay by night."""

from collections.abc import Callable
from typing import NamedTuple

from torch import Tensor

from oneiros.equations.gaussian import clamped, rectified
from oneiros.papers.barry2022.config import Config
from oneiros.phases.night.dreams import Dreams, Imagined, Veridical, as_drawn

EXEMPLARS = (20, 40, 60, 80, 100)
LATE = 4  # the location of every experiment that does not compare locations (paper: "guided by experiment 1")


class Condition(NamedTuple):
    """Days of real images; nights, where `location` is not 0, of replay from that pooling layer.

    Attributes:
        location: 1 to 5, or 0 for no replay.
        dreams: where activations come from.
        coarsen: side of the blocks that activations are averaged over.
        selected: whether the selector chooses what is replayed.
        away: whether only the first day shows images, and dreams stand in for the lessons of the others.
        images: of each class by day; 0 for the configuration's.
        similar: whether the classes are the similar ones.
    """

    location: int = 0
    dreams: Dreams = Imagined()
    coarsen: int = 1
    selected: bool = False
    away: bool = False
    images: int = 0
    similar: bool = False


def imagined(config: Config, location: int, shape: Callable[[Tensor, Tensor], Tensor] = as_drawn) -> Condition:
    """The paper's generative replay: coarsened as the paper has to."""
    return Condition(location, Imagined(shape=shape), config.shrink[location - 1])


def locations(config: Config) -> dict[str, Condition]:
    """Figure 1B and C, and our ablations of how the Gaussian's negative activations are dealt with."""
    generative = {f"location_{number}": imagined(config, number) for number in range(1, len(config.shrink) + 1)}
    return {
        "baseline": Condition(),
        **generative,
        "veridical": Condition(LATE, Veridical()),
        "location_4_clamped": imagined(config, LATE, clamped),
        "location_4_rectified": imagined(config, LATE, rectified),
    }


def exemplars(config: Config) -> dict[str, Condition]:
    """Figure 1D."""
    none = {f"baseline_{count}": Condition(images=count) for count in EXEMPLARS}
    late = {f"generative_{count}": imagined(config, LATE)._replace(images=count) for count in EXEMPLARS}
    return {**none, **late}


def similar(config: Config) -> dict[str, Condition]:
    """Figure 1E: similar classes together, and the same classes each among the others of its model."""
    late = imagined(config, LATE)
    return {
        "baseline": Condition(),
        "generative": late,
        "similar_baseline": Condition(similar=True),
        "similar_generative": late._replace(similar=True),
    }


def downsampled(config: Config) -> dict[str, Condition]:
    """Supplementary Figure 2, and the step past the paper: whole activations, which it calls intractable."""
    coarse = config.shrink[LATE - 1]
    whole = {f"location_{number}_whole": Condition(number) for number in range(1, len(config.shrink))}
    return {
        "baseline": Condition(),
        "location_4": imagined(config, LATE),
        "location_4_coarser": Condition(LATE, coarsen=coarse * config.coarser),
        **whole,
    }


def month(config: Config) -> dict[str, Condition]:
    """Figure 2, and beside the paper's coarse dreams whole ones, which it calls intractable."""
    late = imagined(config, LATE)
    return {
        "none": Condition(),
        "generative": late,
        "generative_whole": Condition(LATE),
        "veridical": Condition(LATE, Veridical()),
        "continuous": late._replace(away=True),
    }


def selection(config: Config) -> dict[str, Condition]:
    """Figure 3."""
    late = imagined(config, LATE)
    return {"none": Condition(), "generative": late, "selected": late._replace(selected=True)}
