"""What every room shares: a batch, a task, a brain, and where random numbers come from.

Read this file first, then `life.py`. Everything else in the package is a net, a memory or a phase
that meets one of the protocols below.
"""

import contextlib
import functools
import hashlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, fields
from types import NoneType
from typing import Protocol, TypeVar, overload, runtime_checkable

import torch
from torch import Tensor, nn

Kind = TypeVar("Kind")


@dataclass(frozen=True, kw_only=True)
class Batch:
    """Tensors that share axis 0: one row is one experience.

    Attributes:
        x: inputs, `[n, ...]`, floating point.
        y: class labels, `[n]`, int64, or None where nobody says what was seen.
        z: latents, `[n, latent]`.
        soft: a teacher's scores, `[n, classes]`, from minus to plus infinity: what comes before its softmax.
        weight: how much each row counts in a mean over the batch, `[n]`, all together 1; or None for all alike.
    """

    x: Tensor
    y: Tensor | None = None
    z: Tensor | None = None
    soft: Tensor | None = None
    weight: Tensor | None = None

    def __post_init__(self) -> None:
        for name, value in self.tensors().items():
            if value.ndim == 0 or len(value) != len(self.x):
                raise ValueError(
                    f"Batch.{name} has shape {tuple(value.shape)}, but x has {tuple(self.x.shape)}: "
                    "all tensors of a batch share axis 0"
                )

    def __len__(self) -> int:
        return len(self.x)

    def tensors(self) -> dict[str, Tensor]:
        """The tensors that are present, by field name."""
        present = {f.name: getattr(self, f.name) for f in fields(self)}
        return {name: value for name, value in present.items() if value is not None}

    def targets(self) -> Tensor:
        """The labels, or a clear error where a phase needs labels and there are none."""
        if self.y is None:
            raise ValueError("this batch has no labels y, but the phase needs them: use a memory that keeps labels")
        return self.y

    def mean(self, losses: Tensor) -> Tensor:
        """Mean over the rows, `[n]` -> 0-d, each counting by its `weight`.

        >>> Batch(x=torch.zeros(2, 3), weight=torch.tensor([0.25, 0.75])).mean(torch.tensor([4.0, 8.0]))
        tensor(7.)
        """
        return losses.mean() if self.weight is None else (self.weight * losses).sum()

    def unweighted(self) -> "Batch":
        """Itself, or a clear error for a phase that cannot weigh its examples."""
        if self.weight is not None:
            raise ValueError("this batch weighs its rows, which this phase cannot do: mix by number with Rehearse")
        return self


def concatenate(batches: Sequence[Batch], *, only: Sequence[str] = ()) -> Batch:
    """One batch out of several that have the same fields, or out of the fields named in `only`.

    >>> both = concatenate([Batch(x=torch.zeros(2, 3)), Batch(x=torch.ones(1, 3))])
    >>> tuple(both.x.shape)
    (3, 3)

    Raises:
        ValueError: a field is in some of them and not in others. Weights of rows are never joined as they are: each
            batch's add up to 1, so how much a batch counts has to be said.
    """
    wanted = list(only) or list(dict.fromkeys(name for batch in batches for name in batch.tensors()))
    for name in wanted:
        holders = sum(getattr(batch, name) is not None for batch in batches)
        if holders < len(batches):
            raise ValueError(
                f"{name} is in {holders} of {len(batches)} batches: name the fields that are wanted, such as "
                "concatenate(batches, only=('x', 'y'))"
            )
    if "weight" in wanted and len(batches) > 1:
        raise ValueError(f"weights of {len(batches)} batches cannot be joined as they are: say how much each counts")
    return Batch(**{name: torch.cat([getattr(batch, name) for batch in batches]) for name in wanted})


@runtime_checkable
class Task(Protocol):
    """One day's lessons: `len(task)` batches an epoch, in an order that `rng` decides."""

    @property
    def name(self) -> str:
        """What to call it in tables."""
        ...

    @property
    def classes(self) -> tuple[int, ...]:
        """Classes it teaches."""
        ...

    def __len__(self) -> int: ...

    def batches(self, rng: torch.Generator) -> Iterator[Batch]:
        """One epoch."""
        ...


@runtime_checkable
class Memory(Protocol):
    """What is kept between phases: how much, whether that includes anybody's raw examples, and its state."""

    @property
    def holds_raw(self) -> bool:
        """Whether raw examples can be got out of it."""
        ...

    @property
    def nbytes(self) -> int:
        """Bytes kept."""
        ...

    def state_dict(self) -> dict[str, Tensor]:
        """Tensors that restore it."""
        ...

    def load_state_dict(self, state: Mapping[str, Tensor]) -> None:
        """Restore what `state_dict` gave."""
        ...


@runtime_checkable
class Writable(Memory, Protocol):
    """A memory that a day can write to (`Remember`)."""

    def store(self, batch: Batch, rng: torch.Generator) -> None:
        """Keep of this batch what this memory keeps."""
        ...


@runtime_checkable
class Replayable(Memory, Protocol):
    """A memory that experiences can be replayed from, whoever put them there."""

    def __len__(self) -> int:
        """Experiences there are to recall from; 0 while it is empty."""
        ...

    def recall(self, n: int, rng: torch.Generator) -> Batch:
        """Give `n` experiences back; RuntimeError where there are none."""
        ...


@dataclass(kw_only=True)
class Brain:
    """Everything that changes over a life, in one plain object; a checkpoint is a Brain.

    Attributes:
        net: the slow weights.
        memory: named memories; a phase says in a field of its own which it reads or writes.
        optim: named optimisers, shared by the phases that name them.
        age: tasks lived before this one; `live` keeps it, so checkpoints need not.
        hour: how much of this task's lessons is over, from 0 to 1; `live` keeps it likewise.
    """

    net: nn.Module
    memory: dict[str, Memory] = field(default_factory=dict)
    optim: dict[str, torch.optim.Optimizer] = field(default_factory=dict)
    age: int = 0
    hour: float = 0.0

    @overload
    def remembers(self, name: str) -> Memory: ...

    @overload
    def remembers(self, name: str, *kinds: type[Kind]) -> Kind: ...

    def remembers(self, name: str, *kinds: type) -> object:
        """The memory called `name`, which is of one of these kinds: classes, or protocols such as `Replayable`.

        Raises:
            KeyError: there is none of that name.
            TypeError: it is of another kind.
        """
        if name not in self.memory:
            raise KeyError(f"this brain has no memory {name!r}; it has {sorted(self.memory) or 'none'}")
        memory = self.memory[name]
        if kinds and not any(_meets(memory, kind) for kind in kinds):
            raise TypeError(
                f"memory {name!r} is {_a(type(memory))}; expected {_either(kinds)}: "
                f"give such a one, Brain(memory={{{name!r}: ...}})"
            )
        return memory

    def network(self, *kinds: type[Kind], part: str = "") -> Kind:
        """The net, or the part of it that has this name, which is of one of these kinds.

        Raises:
            TypeError: it is of another kind, or there is no such part.
        """
        found: object = self.net
        for name in part.split(".") if part else ():
            found = getattr(found, name, None)
        if not isinstance(found, kinds):
            whose = f"the {part} of {_a(type(self.net))}" if part else "the net"
            raise TypeError(
                f"{whose} is {_a(type(found))}; expected {_either(kinds)}: give such a one, or use another phase"
            )
        return found

    def optimiser(self, name: str) -> torch.optim.Optimizer:
        """The optimiser called `name`, or an error that lists those there are."""
        if name not in self.optim:
            raise KeyError(f"this brain has no optimiser {name!r}; it has {sorted(self.optim) or 'none'}")
        return self.optim[name]


def _meets(thing: object, kind: type) -> bool:
    """Whether it is of a class, or has what a protocol asks for; `isinstance` would compute properties to know."""
    if not getattr(kind, "_is_protocol", False):
        return isinstance(thing, kind)
    own = getattr(thing, "__dict__", {})
    return all(hasattr(type(thing), name) or name in own for name in _members(kind))


@functools.cache
def _members(protocol: type) -> frozenset[str]:
    bases = [base for base in protocol.__mro__ if getattr(base, "_is_protocol", False) and base is not Protocol]
    return frozenset(n for base in bases for n in vars(base) if n == "__len__" or not n.startswith("_"))


def _a(kind: type) -> str:
    """The name of a class with its article."""
    if kind is NoneType:
        return "missing"
    return f"a{'n' if kind.__name__[0] in 'AEIOU' else ''} {kind.__name__}"


def _either(kinds: Sequence[type]) -> str:
    return " or ".join(map(_a, kinds))


@runtime_checkable
class LossTerm(Protocol):
    """A loss, or a part of one, differentiable in the net's parameters: terms add up, and one step goes down their sum.

    How much a term counts is a field of its own. Terms that are off are left out.
    """

    def __call__(self, brain: Brain, batch: Batch, rng: torch.Generator) -> Tensor:
        """A 0-d tensor."""
        ...


@runtime_checkable
class DayPhase(Protocol):
    """A frozen list of hyperparameters that can be called on a brain and a batch.

    `changes` are prefixes of the parameter names it may move; `returns` the keys of its answer,
    which are detached 0-d tensors (the consumer decides when to pay for a float).
    """

    @property
    def name(self) -> str:
        """Names the phase's random stream and its events."""
        ...

    @property
    def changes(self) -> tuple[str, ...]:
        """Prefixes of the parameters it may move."""
        ...

    @property
    def returns(self) -> tuple[str, ...]:
        """Keys of its answer."""
        ...

    def __call__(self, brain: Brain, batch: Batch, rng: torch.Generator) -> dict[str, Tensor]:
        """Live through one batch."""
        ...


@runtime_checkable
class NightPhase(Protocol):
    """Like a day phase, but blind: it gets no data, so what it replays must come out of `brain.memory`."""

    @property
    def name(self) -> str:
        """Names the phase's random stream and its events."""
        ...

    @property
    def changes(self) -> tuple[str, ...]:
        """Prefixes of the parameters it may move."""
        ...

    @property
    def returns(self) -> tuple[str, ...]:
        """Keys of its answer."""
        ...

    def __call__(self, brain: Brain, rng: torch.Generator) -> dict[str, Tensor]:
        """Sleep."""
        ...


@runtime_checkable
class DayStacked(Protocol):
    """What a day phase has besides if several brains can live through it at once, as one stack of tensors."""

    def stacked(
        self, brains: Sequence[Brain], batches: Sequence[Batch], rngs: Sequence[torch.Generator]
    ) -> list[dict[str, Tensor]]:
        """What calling it on each brain, with its own batch and generator, would do and answer, up to rounding."""
        ...


@runtime_checkable
class NightStacked(Protocol):
    """The same for a night phase."""

    def stacked(self, brains: Sequence[Brain], rngs: Sequence[torch.Generator]) -> list[dict[str, Tensor]]:
        """What calling it on each brain, with its own generator, would do and answer, up to rounding."""
        ...


class Around:
    """What phases around another phase share: they go by its name, and change and return what it does.

    The name is the inner phase's, so that lives with and without share a random stream.
    """

    inner: DayPhase | NightPhase

    @property
    def name(self) -> str:
        """The inner phase's name."""
        return self.inner.name

    @property
    def changes(self) -> tuple[str, ...]:
        """What `inner` changes."""
        return self.inner.changes

    @property
    def returns(self) -> tuple[str, ...]:
        """What `inner` returns."""
        return self.inner.returns


@dataclass(frozen=True)
class Seeds:
    """Named, addressed random streams: adding a draw in one place leaves every other stream alone.

    Conditions that use the same seed share random numbers, so differences between conditions are
    paired; a resumed run draws what the uninterrupted one would have drawn.

    >>> a, b = Seeds(0).rng("nrem", 1, 2), Seeds(0).rng("nrem", 1, 2)
    >>> torch.equal(torch.rand(3, generator=a), torch.rand(3, generator=b))
    True
    """

    seed: int
    device: str = "cpu"

    def number(self, name: str, *address: int) -> int:
        """A 63-bit integer that depends on seed, name and address only."""
        text = "/".join([str(self.seed), name, *map(str, address)])
        return int.from_bytes(hashlib.sha256(text.encode()).digest()[:8], "big") >> 1

    def rng(self, name: str, *address: int) -> torch.Generator:
        """A fresh generator for the stream at this address."""
        return torch.Generator(self.device).manual_seed(self.number(name, *address))

    @contextlib.contextmanager
    def building(self, name: str) -> Iterator[None]:
        """Seed torch's global generator for layer initialisation, and put it back afterwards."""
        with torch.random.fork_rng(devices=[]):
            torch.default_generator.manual_seed(self.number(name))
            yield
