"""What a mechanism is to a stranger's network: what it needs, and the days and nights that it attaches."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import ClassVar, Protocol, runtime_checkable

from torch import Tensor, nn

from oneiros.core import Batch, Brain, DayPhase, LossTerm, NightPhase, Seeds
from oneiros.phases.losses import Replayed
from oneiros.sleeper.audit import Judgement


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


def unchanged(x: Tensor) -> Tensor:
    """The inputs themselves."""
    return x


def the_network(classes: int) -> nn.Module | None:
    """None: what has been consolidated is in the network."""
    return None


@dataclass(frozen=True, kw_only=True)
class Attachment:
    """A mechanism around one network.

    Attributes:
        brain: whose net is, or holds, the network.
        replays: what is learned again in today's step, and takes its share of the loss.
        losses: terms that are added to it; they see the brain, and the lesson as `view` shows it.
        day: phases that follow each lesson: what learns or remembers beside the network.
        night: phases of a night.
        view: the lesson as this brain is shown it.
        shown: the other way round, what this brain recalls as inputs of the network.
        judges: for memories that cannot say themselves whether examples can be got out of them, who says it, by their
            names; asked with zeros like an input, `[1, ...]`.
        grows: whether the network may have more scores later than at first.
        learned: of a lesson, what the network may learn today.
        answer: asked for a number of classes, a plain module from inputs to scores that answers with what has been
            consolidated; None where that is the network itself.
    """

    brain: Brain
    replays: tuple[Replayed, ...] = ()
    losses: tuple[LossTerm, ...] = ()
    day: tuple[DayPhase, ...] = ()
    night: tuple[NightPhase, ...] = ()
    view: Callable[[Batch], Batch] = as_they_are
    shown: Callable[[Tensor], Tensor] = unchanged
    judges: Mapping[str, Callable[[Tensor], Judgement]] = field(default_factory=dict)
    grows: bool = False
    learned: Callable[[Batch], Batch] = as_they_are
    answer: Callable[[int], nn.Module | None] = the_network


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
        return (Attachment(brain=Brain(net=net), grows=True),)


@dataclass(frozen=True)
class Combined:
    """Several mechanisms around one network.

    One step learns from all: today's loss counts once, those that replay share the rest (the mean of their Eqs. 1), and
    terms such as an elastic penalty are added. Nights follow one another in the order of the parts.

    Attributes:
        parts: mechanisms.
    """

    parts: tuple[Mechanism, ...]
    needs: ClassVar[Needs] = Needs(
        paper="-", net="what its parts need", inputs="what its parts need", keeps="what its parts keep", raw=False
    )

    def __post_init__(self) -> None:
        if len(self.parts) < 2:
            raise ValueError(f"Combined of {len(self.parts)} mechanisms; expected at least two")

    def attach(self, net: nn.Module, like: Batch, classes: int, seeds: Seeds) -> tuple[Attachment, ...]:
        """Build every part, in order."""
        return tuple(each for part in self.parts for each in part.attach(net, like, classes, seeds))
