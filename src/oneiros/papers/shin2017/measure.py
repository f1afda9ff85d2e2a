"""What is measured and drawn in each experiment of Shin et al. 2017."""

from collections.abc import Callable, Iterable, Iterator

import torch
from jaxtyping import Float
from torch import Tensor

from oneiros.core import Brain, Replayable, Seeds
from oneiros.data import Examples
from oneiros.data.streams import subsample
from oneiros.life import Event, Schedule
from oneiros.measure.probes import confusion, predictions
from oneiros.measure.probes.accuracy import looking_only
from oneiros.nets.noise import GaussianNoise
from oneiros.nets.scholar import Scholar, Succession
from oneiros.papers.shin2017.config import Config
from oneiros.papers.shin2017.lessons import Lessons
from oneiros.phases.wake.learning_without_forgetting import DreamtInputs, LearnWithoutForgetting
from oneiros.phases.wake.scholar_wake import ScholarWake
from oneiros.runs.experiment import Measured
from oneiros.runs.store import Picture

CURVE_EXAMPLES = 1000  # of each task's test examples, for the curves over training
CENSUS = 2000  # replayed draws that are counted by class
GRID = 10  # rows and columns of a sample picture


def measurements(
    config: Config, brain: Brain, lessons: Lessons, planned: Schedule, seeds: Seeds
) -> Callable[[Event], Iterator[Measured]]:
    """Rows of an event: curves over the day, accuracies after it, who was replayed, and what it cost."""
    # A solver of the chain has no night: when it comes, the next, empty one has taken its place.
    chained = isinstance(brain.net, Scholar) and isinstance(brain.net.solver, Succession)
    quick_tests = [
        subsample(test, limit=min(CURVE_EXAMPLES, len(test)), rng=Seeds(0).rng("curves", j))
        for j, test in enumerate(lessons.tests)
    ]

    def measure(event: Event) -> Iterator[Measured]:
        day = event.task
        if event.kind == "batch_end":
            step = _steps(lessons, event)
            if step % config.probe_every == 0:
                # Tasks to come are asked too: a curve shows where they start.
                for j, right in enumerate(_right(brain, lessons, quick_tests)):
                    yield Measured(metric="accuracy", value=float(right.mean()), task=j, phase=f"step:{step}")
        if event.kind == "dusk" and day and _dreams(brain):
            yield from _census(brain.remembers("scholar", Replayable), lessons, day, seeds)
        if event.kind == ("dusk" if chained else "task_end"):
            yield from _after(brain, lessons, day)
        if event.kind == "task_end":
            yield from _costs(brain, lessons, planned, day)

    return measure


def pictures(config: Config, brain: Brain, lessons: Lessons, seeds: Seeds) -> Callable[[Event], Iterator[Picture]]:
    """Samples of the generator at dusk, and in seed 0 at the batches that `draw_at` names: rows by decided class."""

    def draw(event: Event) -> Iterator[Picture]:
        step = _steps(lessons, event)
        asked = event.kind == "dusk" or (event.kind == "batch_end" and step in config.draw_at)
        if seeds.seed or not asked or not isinstance(brain.net, Scholar) or not _dreams(brain):
            return
        n = GRID * GRID
        with looking_only(brain.net):
            x = brain.net.generator.sample(n, seeds.rng("draw", event.task, step)).x  # pyright: ignore[reportCallIssue]
            decided = brain.net(x).argmax(1)
        shown = x[decided.argsort(stable=True)].view(GRID, GRID, *lessons.shape)
        tiles = (shown.clamp(0, 1) * 255).round().to(torch.uint8).movedim(2, -1).cpu().numpy()
        caption = f"Samples after {step} batches of task {event.task + 1}, ordered by the solver's decision."
        yield Picture(name="samples", day=event.task, step=step, tiles=tiles, caption=caption)

    return draw


def _steps(lessons: Lessons, event: Event) -> int:
    """Batches of this day that are over."""
    batches = len(lessons.tasks[event.task])
    return event.epoch * batches + (event.batch + 1 if event.kind == "batch_end" else event.batch)


def _dreams(brain: Brain) -> bool:
    return isinstance(brain.net, Scholar) and not isinstance(brain.net.generator, GaussianNoise)


def _right(brain: Brain, lessons: Lessons, tests: Iterable[Examples]) -> list[Float[Tensor, " n"]]:
    """For each task 1 where its test example is classified rightly, else 0."""
    answers = []
    for test, head in zip(tests, lessons.heads, strict=True):
        asked = test.all()
        answers.append((predictions(brain.net, asked.x, among=head) == asked.targets()).double())
    return answers


def _after(brain: Brain, lessons: Lessons, day: int) -> Iterator[Measured]:
    right = _right(brain, lessons, lessons.tests)
    for j in range(day + 1):
        yield Measured(metric="accuracy", value=float(right[j].mean()), task=j, phase="end")
    seen = torch.cat(right[: day + 1])
    yield Measured(metric="accuracy_seen", value=float(seen.mean()), task=day, phase="end")
    if day + 1 < len(lessons.tasks):
        return
    yield Measured(metric="first_task_accuracy", value=float(right[0].mean()), task=day, phase="end")
    yield Measured(metric="last_task_accuracy", value=float(right[-1].mean()), task=day, phase="end")
    yield from _confusion(brain, lessons, day)
    if isinstance(brain.net, Scholar) and isinstance(brain.net.solver, Succession):
        yield from _heirs(brain.net.solver, lessons.tests[0], day)


def _confusion(brain: Brain, lessons: Lessons, day: int) -> Iterator[Measured]:
    asked = [test.all() for test in lessons.tests[: 1 if lessons.order == "chain" else None]]
    y = torch.cat([batch.targets() for batch in asked])
    predicted = torch.cat([predictions(brain.net, batch.x) for batch in asked])
    for t, row in enumerate(confusion(predicted, y, lessons.classes).tolist()):
        for p, value in enumerate(row):
            yield Measured(metric=f"confusion:{t}:{p}", value=value, task=day, phase="end")


def _heirs(solvers: Succession, test: Examples, day: int) -> Iterator[Measured]:
    """Table 1: every solver of the chain, and what the last one lost."""
    asked = test.all()
    accuracies = [(predictions(heir, asked.x) == asked.targets()).double().mean().item() for heir in solvers.heirs]
    for k, value in enumerate(accuracies, start=1):
        yield Measured(metric=f"solver_{k}_accuracy", value=value, task=day, phase="end")
    yield Measured(metric="chain_loss", value=accuracies[0] - accuracies[-1], task=day, phase="end")


def _census(memory: Replayable, lessons: Lessons, day: int, seeds: Seeds) -> Iterator[Measured]:
    """Classes among what was replayed today, as the old solver decides them, and the rarest one's part of its due."""
    labels = memory.recall(CENSUS, seeds.rng("census", day)).targets()
    share = torch.bincount(labels, minlength=lessons.classes).double() / CENSUS
    for label, value in enumerate(share.tolist()):
        yield Measured(metric=f"replay_share:{label}", value=value, task=day, phase="dusk")
    seen = sorted({label for test in lessons.tests[:day] for label in test.labels.unique().tolist()})
    worst = float(share[seen].min()) * len(seen)
    yield Measured(metric="worst_replay_ratio", value=worst, task=day, phase="dusk")


def _replayed(planned: Schedule) -> int:
    """Replayed examples in each of the solver's steps."""
    for phase in planned.day:
        if isinstance(phase, ScholarWake):
            return phase.replayed
        if isinstance(phase, LearnWithoutForgetting) and isinstance(phase.inputs, DreamtInputs):
            return phase.inputs.n
    return 0


def _costs(brain: Brain, lessons: Lessons, planned: Schedule, day: int) -> Iterator[Measured]:
    kept = sum(memory.nbytes for memory in brain.memory.values())
    yield Measured(metric="stored_bytes", value=float(kept), task=day, phase="end")
    raw = sum(memory.nbytes for memory in brain.memory.values() if memory.holds_raw)
    yield Measured(metric="stored_raw_bytes", value=float(raw), task=day, phase="end")
    batches = planned.epochs * sum(len(task) for task in lessons.tasks[1 : day + 1])
    yield Measured(metric="replayed_examples", value=float(_replayed(planned) * batches), task=day, phase="end")
    if isinstance(brain.net, Scholar):
        size = sum(p.numel() for p in brain.net.generator.parameters())
        yield Measured(metric="generator_parameters", value=float(size), task=day, phase="end")
