"""The only training loop: days of batches, nights of phases, and one event for each thing that happened.

The loop never calls back. It yields, and whoever iterates evaluates, logs, draws, checkpoints or stops:

    for event in live(brain, tasks, schedule, seeds):
        if event.kind == "task_end":
            print(event.task, accuracy(brain.net, test_set))
"""

import itertools
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal, TypeVar

from torch import Tensor

from oneiros.core import Brain, DayPhase, NightPhase, Seeds, Task

When = Literal["batch", "epoch", "task"]
P = TypeVar("P", DayPhase, NightPhase)
Kind = Literal["day", "dusk", "night", "batch_end", "epoch_end", "task_end"]


@dataclass(frozen=True)
class Night:
    """Phases to run, in this order, after every `every`-th batch, epoch or task.

    Batches are counted within their epoch, epochs within their task, tasks over the life.
    """

    when: When
    phases: tuple[NightPhase, ...]
    every: int = 1

    def __post_init__(self) -> None:
        if self.when not in ("batch", "epoch", "task"):
            raise ValueError(f"Night.when is {self.when!r}; expected 'batch', 'epoch' or 'task'")
        if self.every < 1:
            raise ValueError(f"Night.every is {self.every}; expected a whole number of at least 1")


@dataclass(frozen=True, kw_only=True)
class Schedule:
    """What every day and every night of a life consists of. Ablate by leaving a phase out."""

    day: tuple[DayPhase, ...]
    nights: tuple[Night, ...] = ()
    epochs: int = 1

    def __post_init__(self) -> None:
        if self.epochs < 1:
            raise ValueError(f"Schedule.epochs is {self.epochs}; expected at least 1")


@dataclass(frozen=True)
class Cursor:
    """How far a life has come: whole tasks, whole epochs of this task, whole batches of this epoch."""

    task: int = 0
    epoch: int = 0
    batch: int = 0


@dataclass(frozen=True)
class Event:
    """Something that just happened.

    Attributes:
        kind: `day` (a day phase ran), `dusk` (a task's lessons are over, its night has not begun),
            `night` (a night phase ran), `batch_end`, `epoch_end`, `task_end` (nights included).
        task, epoch, batch: where, each counted from 0.
        phase: name of the phase that ran, or "".
        values: what the phase returned, as detached 0-d tensors.
        resume: pass this as `live(..., start=...)`, with the brain as it is now, to go on from here;
            None where a life cannot be resumed (between the phases of one batch or night).
    """

    kind: Kind
    task: int
    epoch: int
    batch: int
    phase: str = ""
    values: Mapping[str, Tensor] = field(default_factory=dict)
    resume: Cursor | None = None


def live(
    brain: Brain, tasks: Sequence[Task], schedule: Schedule, seeds: Seeds, *, start: Cursor | None = None
) -> Iterator[Event]:
    """Live through `tasks`, yielding an `Event` after everything that happens.

    Args:
        brain: changed in place.
        tasks: the days, in order.
        schedule: which phases a day and a night consist of.
        seeds: random streams; each phase draws from the stream of its name, place and occurrence.
        start: where to go on, from an earlier event's `resume`; the brain must be that of then.
    """
    start = start or Cursor()
    for t in range(start.task, len(tasks)):
        brain.age = t
        first_epoch = start.epoch if t == start.task else 0
        for e in range(first_epoch, schedule.epochs):
            resumed = t == start.task and e == start.epoch
            yield from _epoch(brain, tasks[t], schedule, seeds, Cursor(t, e, start.batch if resumed else 0))
        brain.hour = 1.0
        yield Event("dusk", t, schedule.epochs, 0)
        yield from _nights("task", t + 1, brain, schedule, seeds, (t, schedule.epochs, 0))
        yield Event("task_end", t, schedule.epochs, 0, resume=Cursor(t + 1))


def _epoch(brain: Brain, task: Task, schedule: Schedule, seeds: Seeds, at: Cursor) -> Iterator[Event]:
    t, e = at.task, at.epoch
    lessons = schedule.epochs * len(task)
    # A resumed epoch draws its shuffle again and passes over the batches it has already lived.
    batches = itertools.islice(task.batches(seeds.rng("batches", t, e)), at.batch, None)
    for b, batch in enumerate(batches, start=at.batch):
        brain.hour = (e * len(task) + b) / lessons
        for occurrence, phase in _occurrences(schedule.day):
            rng = seeds.rng(phase.name, t, e, b, occurrence)
            yield Event("day", t, e, b, phase.name, phase(brain, batch, rng))
        yield from _nights("batch", b + 1, brain, schedule, seeds, (t, e, b))
        yield Event("batch_end", t, e, b, resume=Cursor(t, e, b + 1))
    yield from _nights("epoch", e + 1, brain, schedule, seeds, (t, e, len(task)))
    yield Event("epoch_end", t, e, len(task), resume=Cursor(t, e + 1))


def _nights(
    when: When, count: int, brain: Brain, schedule: Schedule, seeds: Seeds, at: tuple[int, int, int]
) -> Iterator[Event]:
    due = [night for night in schedule.nights if night.when == when and count % night.every == 0]
    for occurrence, phase in _occurrences([phase for night in due for phase in night.phases]):
        rng = seeds.rng(f"{when}-night-{phase.name}", *at, occurrence)
        yield Event("night", *at, phase.name, phase(brain, rng))


def _occurrences(phases: Sequence[P]) -> Iterator[tuple[int, P]]:
    """Each phase with how often its name came before in the sequence.

    Counting by name keeps a phase's stream the same when another phase is added before it.
    """
    met: dict[str, int] = {}
    for phase in phases:
        yield met.setdefault(phase.name, 0), phase
        met[phase.name] += 1


def run_through(
    brain: Brain, tasks: Sequence[Task], schedule: Schedule, seeds: Seeds, *, start: Cursor | None = None
) -> Brain:
    """Live to the end without looking; for callers who only want the brain."""
    for _ in live(brain, tasks, schedule, seeds, start=start):
        pass
    return brain


def total_batches(tasks: Sequence[Task], schedule: Schedule) -> int:
    """How many batches a whole life has, for progress bars."""
    return schedule.epochs * sum(len(task) for task in tasks)


def batches_done(tasks: Sequence[Task], schedule: Schedule, cursor: Cursor) -> int:
    """How many of them lie before `cursor`."""
    whole = schedule.epochs * sum(len(task) for task in tasks[: cursor.task])
    here = len(tasks[cursor.task]) if cursor.task < len(tasks) else 0
    return whole + cursor.epoch * here + cursor.batch


__all__ = ["Cursor", "Event", "Night", "Schedule", "batches_done", "live", "run_through", "total_batches"]
