"""The only training loop: days of batches, nights of phases, and one event for each thing that happened.

The loop never calls back. It yields, and whoever iterates evaluates, logs, draws, checkpoints or stops:

    for event in live(brain, tasks, schedule, seeds):
        if event.kind == "task_end":
            print(event.task, accuracy(brain.net, test_set))

A life is a sequence of events and of turns, at which a phase is to be called. `live` takes each turn as it comes;
`live_stacked` takes those that several lives have in the same place as one stack of tensors.
"""

import itertools
import math
from collections.abc import Generator, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal, TypeVar

import torch
from torch import Tensor

from oneiros.core import Around, Batch, Brain, DayPhase, DayStacked, NightPhase, NightStacked, Seeds, Task

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


@dataclass(kw_only=True, eq=False)
class Turn:
    """A phase that is to be called now.

    Attributes:
        at: where in the life; what comes later is greater, also between lives whose days differ in length.
        brain, rng: what to call it on.
        values: what it answered, once it was called.
    """

    at: tuple[int | float, ...]
    brain: Brain
    rng: torch.Generator
    values: Mapping[str, Tensor] = field(default_factory=dict)


@dataclass(kw_only=True, eq=False)
class DayTurn(Turn):
    """A day phase's."""

    phase: DayPhase
    lesson: Batch

    def take(self) -> None:
        """Call it."""
        self.values = self.phase(self.brain, self.lesson, self.rng)


@dataclass(kw_only=True, eq=False)
class NightTurn(Turn):
    """A night phase's."""

    phase: NightPhase

    def take(self) -> None:
        """Call it."""
        self.values = self.phase(self.brain, self.rng)


Steps = Generator[Event | DayTurn | NightTurn, None, None]


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
    for step in turns(brain, tasks, schedule, seeds, start=start):
        if isinstance(step, Event):
            yield step
        else:
            step.take()


def live_stacked(lives: Sequence[Steps]) -> Iterator[tuple[int, Event]]:
    """Live several lives side by side; yields each event with the number of its life.

    Every life keeps its own brain, tasks and random streams, and gets the events that `live` would yield, in that
    order. Turns of equal phases in the same place of several lives are taken at once, where the phase can
    (`oneiros.core.DayStacked`); the sums are then done in another order, so numbers agree up to rounding. A life
    that is behind goes on alone until it has caught up; one that is closed (`lives[i].close()`) is left there.

    Args:
        lives: from `turns`, one for each brain.
    """
    waiting: dict[int, DayTurn | NightTurn] = {}

    def until_next_turn(which: Sequence[int]) -> Iterator[tuple[int, Event]]:
        for i in which:
            waiting.pop(i, None)
            for step in lives[i]:
                if not isinstance(step, Event):
                    waiting[i] = step
                    break
                yield i, step

    yield from until_next_turn(range(len(lives)))
    while waiting:
        next_up = min(waiting.values(), key=lambda turn: turn.at)
        alike = [i for i, turn in waiting.items() if turn.at == next_up.at and turn.phase == next_up.phase]
        _take_stacked([waiting[i] for i in alike])
        yield from until_next_turn(alike)


def can_be_stacked(phase: DayPhase | NightPhase) -> bool:
    """Whether several brains gain from living through it at once."""
    inner_too = not isinstance(phase, Around) or can_be_stacked(phase.inner)
    return isinstance(phase, DayStacked | NightStacked) and inner_too


def _take_stacked(alike: Sequence[DayTurn | NightTurn]) -> None:
    phase, brains, rngs = alike[0].phase, [turn.brain for turn in alike], [turn.rng for turn in alike]
    by_day = [turn for turn in alike if isinstance(turn, DayTurn)]
    if len(alike) == 1 or not can_be_stacked(phase):
        for turn in alike:
            turn.take()
        return
    if by_day and isinstance(phase, DayStacked):
        answers = phase.stacked(brains, [turn.lesson for turn in by_day], rngs)
    else:
        assert isinstance(phase, NightStacked)
        answers = phase.stacked(brains, rngs)
    for turn, values in zip(alike, answers, strict=True):
        turn.values = values


def turns(
    brain: Brain, tasks: Sequence[Task], schedule: Schedule, seeds: Seeds, *, start: Cursor | None = None
) -> Steps:
    """A life as events, and turns that whoever iterates takes before going on; arguments as for `live`."""
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


def _epoch(brain: Brain, task: Task, schedule: Schedule, seeds: Seeds, at: Cursor) -> Steps:
    t, e = at.task, at.epoch
    lessons = schedule.epochs * len(task)
    # A resumed epoch draws its shuffle again and passes over the batches it has already lived.
    batches = itertools.islice(task.batches(seeds.rng("batches", t, e)), at.batch, None)
    for b, batch in enumerate(batches, start=at.batch):
        brain.hour = (e * len(task) + b) / lessons
        for i, (occurrence, phase) in enumerate(_occurrences(schedule.day)):
            rng = seeds.rng(phase.name, t, e, b, occurrence)
            turn = DayTurn(at=(t, e, b, 0, i), brain=brain, rng=rng, phase=phase, lesson=batch)
            yield turn
            yield Event("day", t, e, b, phase.name, turn.values)
        yield from _nights("batch", b + 1, brain, schedule, seeds, (t, e, b))
        yield Event("batch_end", t, e, b, resume=Cursor(t, e, b + 1))
    yield from _nights("epoch", e + 1, brain, schedule, seeds, (t, e, len(task)))
    yield Event("epoch_end", t, e, len(task), resume=Cursor(t, e + 1))


def _nights(when: When, count: int, brain: Brain, schedule: Schedule, seeds: Seeds, at: tuple[int, int, int]) -> Steps:
    t, e, b = at
    # Lives whose epochs differ in length still have their nights together.
    hour = {"batch": (t, e, b, 1), "epoch": (t, e, math.inf), "task": (t, math.inf)}[when]
    due = [night for night in schedule.nights if night.when == when and count % night.every == 0]
    for i, (occurrence, phase) in enumerate(_occurrences([phase for night in due for phase in night.phases])):
        rng = seeds.rng(f"{when}-night-{phase.name}", *at, occurrence)
        turn = NightTurn(at=(*hour, i), brain=brain, rng=rng, phase=phase)
        yield turn
        yield Event("night", *at, phase.name, turn.values)


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


__all__ = [
    "Cursor", "Event", "Night", "Schedule", "batches_done", "can_be_stacked", "live", "live_stacked", "run_through",
    "total_batches", "turns",
]  # fmt: skip
