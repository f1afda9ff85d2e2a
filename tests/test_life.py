"""The loop against an order written out by hand, and resuming against never having stopped."""

from collections.abc import Iterator
from dataclasses import dataclass

import pytest
import torch
from torch import Tensor

from oneiros.core import Batch, Brain, Seeds
from oneiros.life import Cursor, Night, Schedule, batches_done, live, run_through, total_batches


@dataclass(frozen=True)
class CountingTask:
    """Batches of one number each, in an order drawn from rng."""

    name: str
    classes: tuple[int, ...] = (0,)
    n: int = 3

    def __len__(self) -> int:
        return self.n

    def batches(self, rng: torch.Generator) -> Iterator[Batch]:
        for i in torch.randperm(self.n, generator=rng).tolist():
            yield Batch(x=torch.tensor([[float(i)]]))


@dataclass(frozen=True)
class Noise:
    """Adds to the weight a number that depends on everything that could go wrong: rng, batch and weight."""

    name: str
    changes: tuple[str, ...] = ("weight",)
    returns: tuple[str, ...] = ("drawn",)

    def _move(self, brain: Brain, rng: torch.Generator, x: float) -> dict[str, Tensor]:
        drawn = torch.rand((), generator=rng)
        with torch.no_grad():
            brain.net.weight.mul_(0.9).add_(drawn + x)
        return {"drawn": drawn}


@dataclass(frozen=True)
class DayNoise(Noise):
    def __call__(self, brain: Brain, batch: Batch, rng: torch.Generator) -> dict[str, Tensor]:
        return self._move(brain, rng, batch.x.item())


@dataclass(frozen=True)
class NightNoise(Noise):
    def __call__(self, brain: Brain, rng: torch.Generator) -> dict[str, Tensor]:
        return self._move(brain, rng, brain.age)


def build_brain() -> Brain:
    with Seeds(0).building("init"):
        return Brain(net=torch.nn.Linear(1, 1, bias=False))


TASKS = (CountingTask("a"), CountingTask("b", n=2))
SCHEDULE = Schedule(
    day=(DayNoise("wake"), DayNoise("second")),
    nights=(
        Night("batch", (NightNoise("nap"),), every=2),
        Night("epoch", (NightNoise("doze"),)),
        Night("task", (NightNoise("nrem"), NightNoise("rem"), NightNoise("nrem"))),
    ),
    epochs=2,
)


def test_the_order_of_one_epoch_and_night_by_hand():
    told = [
        (e.kind, e.phase)
        for e in live(build_brain(), TASKS[:1], Schedule(day=SCHEDULE.day, nights=SCHEDULE.nights), Seeds(0))
    ]
    batch = [("day", "wake"), ("day", "second")]
    assert told == [
        *batch, ("batch_end", ""),
        *batch, ("night", "nap"), ("batch_end", ""),
        *batch, ("batch_end", ""),
        ("night", "doze"), ("epoch_end", ""),
        ("dusk", ""), ("night", "nrem"), ("night", "rem"), ("night", "nrem"), ("task_end", ""),
    ]  # fmt: skip


@pytest.mark.parametrize(("when", "every", "expected"), [
    ("batch", 1, 10), ("batch", 2, 4), ("batch", 3, 2), ("epoch", 1, 4), ("epoch", 2, 2), ("task", 1, 2),
    ("task", 2, 1),
])  # fmt: skip
def test_nights_come_as_often_as_counted_by_hand(when, every, expected):
    """Two tasks of 3 and 2 batches, two epochs each: 10 batches, 4 epochs, 2 tasks."""
    schedule = Schedule(day=(DayNoise("wake"),), nights=(Night(when, (NightNoise("nap"),), every=every),), epochs=2)
    nights = [e for e in live(build_brain(), TASKS, schedule, Seeds(0)) if e.kind == "night"]
    assert len(nights) == expected


def history(brain: Brain, start: Cursor | None = None) -> list[tuple]:
    return [
        (e.kind, e.task, e.epoch, e.batch, e.phase, *(v.item() for v in e.values.values()), brain.net.weight.item())
        for e in live(brain, TASKS, SCHEDULE, Seeds(5), start=start)
    ]


def test_resuming_at_every_point_where_one_may_equals_never_having_stopped():
    whole = history(build_brain())
    resumed = 0
    brain, past = build_brain(), []
    for event in live(brain, TASKS, SCHEDULE, Seeds(5)):
        past.append(event)
        if event.resume is None:
            continue
        twin = build_brain()
        twin.net.load_state_dict({k: v.clone() for k, v in brain.net.state_dict().items()})
        assert history(twin, event.resume) == whole[len(past) :]
        resumed += 1
    assert resumed == 10 + 4 + 2


def test_a_phase_twice_in_one_night_draws_different_numbers_and_a_new_neighbour_leaves_its_stream_alone():
    def draws(night: tuple) -> list[float]:
        schedule = Schedule(day=(DayNoise("wake"),), nights=(Night("task", night),))
        return [
            e.values["drawn"].item() for e in live(build_brain(), TASKS[:1], schedule, Seeds(0)) if e.kind == "night"
        ]

    nrem, rem = NightNoise("nrem"), NightNoise("rem")
    alone = draws((nrem, nrem))
    assert alone[0] != alone[1]
    assert draws((rem, nrem, nrem))[1:] == alone


def test_age_counts_tasks_lived():
    brain = build_brain()
    ages = [brain.age for e in live(brain, TASKS, SCHEDULE, Seeds(0)) if e.kind == "task_end"]
    assert ages == [0, 1]


def test_progress_counts_batches():
    assert total_batches(TASKS, SCHEDULE) == 10
    assert batches_done(TASKS, SCHEDULE, Cursor(1, 1, 1)) == 6 + 2 + 1
    assert batches_done(TASKS, SCHEDULE, Cursor(2)) == 10


def test_same_seed_same_life_and_another_seed_another():
    lives = [run_through(build_brain(), TASKS, SCHEDULE, Seeds(s)).net.weight.item() for s in (1, 1, 2)]
    assert lives[0] == lives[1] != lives[2]


@pytest.mark.parametrize(("make", "message"), [
    (lambda: Night("task", (), every=0), "at least 1"),
    (lambda: Schedule(day=(), epochs=0), "at least 1"),
])  # fmt: skip
def test_impossible_schedules_are_refused(make, message):
    with pytest.raises(ValueError, match=message):
        make()
