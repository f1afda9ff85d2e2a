"""What a mechanism is to a stranger's network: what it needs, and the days and nights that it attaches."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import ClassVar, Protocol, runtime_checkable

import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy

from oneiros.core import Batch, Brain, DayPhase, NightPhase, Seeds

Loss = Callable[[Brain, Batch, torch.Generator], Tensor]


@dataclass(frozen=True, kw_only=True)
class Needs:
    """One row of the table of requirements; what is said here is enforced by `attach` or at the first lesson.

    Attributes:
        paper: where the mechanism is from.
        net: which networks.
        inputs: which inputs.
        keeps: what is kept of the past.
        raw: whether that includes raw examples.
        layer: which layers have to be named.
    """

    paper: str
    net: str
    inputs: str
    keeps: str
    raw: bool
    layer: str = "none"


def as_they_are(batch: Batch) -> Batch:
    """The lesson itself."""
    return batch


def plain_loss(brain: Brain, batch: Batch, rng: torch.Generator) -> Tensor:
    """Cross-entropy of today's examples, and nothing of the past."""
    return cross_entropy(brain.net(batch.x), batch.targets())


@dataclass(frozen=True, kw_only=True)
class Attachment:
    """A mechanism around one network.

    Attributes:
        brain: whose net is, or holds, the network.
        loss: today's loss with what is replayed beside it, differentiable in the network's parameters.
        day: phases that follow each lesson: what learns or remembers beside the network.
        night: phases of a night.
        view: the lesson as this brain is shown it.
    """

    brain: Brain
    loss: Loss = plain_loss
    day: tuple[DayPhase, ...] = ()
    night: tuple[NightPhase, ...] = ()
    view: Callable[[Batch], Batch] = as_they_are

    @property
    def replays(self) -> bool:
        """Whether its loss holds more than today's."""
        return self.loss is not plain_loss


@runtime_checkable
class Mechanism(Protocol):
    """A frozen list of hyperparameters that can attach itself to a classifier."""

    needs: ClassVar[Needs]

    def attach(self, net: nn.Module, like: Batch, classes: int, seeds: Seeds) -> tuple[Attachment, ...]:
        """Build what the mechanism needs around `net`.

        Args:
            net: a classifier with `classes` scores; it learns in place.
            like: the first lesson, for shapes and device.
            classes: how many there will ever be.
            seeds: where initial weights and chance come from.

        Raises:
            KeyError, TypeError, ValueError: the network or the inputs are not what `needs` says.
        """
        ...


@dataclass(frozen=True, kw_only=True)
class NoSleep:
    """The control: lessons and nothing else."""

    needs: ClassVar[Needs] = Needs(paper="-", net="any classifier", inputs="any", keeps="nothing", raw=False)

    def attach(self, net: nn.Module, like: Batch, classes: int, seeds: Seeds) -> tuple[Attachment, ...]:
        """Nothing to build."""
        return (Attachment(brain=Brain(net=net)),)


@dataclass(frozen=True)
class Together:
    """Several mechanisms around one network: their nights follow one another in this order.

    Attributes:
        parts: mechanisms, of which at most one may replay by day.
    """

    parts: tuple[Mechanism, ...]
    needs: ClassVar[Needs] = Needs(
        paper="-", net="what its parts need", inputs="what its parts need", keeps="what its parts keep", raw=False
    )

    def __post_init__(self) -> None:
        if len(self.parts) < 2:
            raise ValueError(f"Together of {len(self.parts)} mechanisms; expected at least two")

    def attach(self, net: nn.Module, like: Batch, classes: int, seeds: Seeds) -> tuple[Attachment, ...]:
        """Build every part, in order."""
        built = tuple(each for part in self.parts for each in part.attach(net, like, classes, seeds))
        if sum(each.replays for each in built) > 1:
            names = " and ".join(type(part).__name__ for part in self.parts)
            raise ValueError(
                f"Together({names}): more than one replays by day; expected at most one that changes the loss"
            )
        return built
