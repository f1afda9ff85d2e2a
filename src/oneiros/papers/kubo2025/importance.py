"""Kubo et al. 2025, Fig. 8: which synapses matter to a class, before and after the night, in a life of two tasks."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from oneiros.core import Batch, Brain, Seeds
from oneiros.data import Examples
from oneiros.data.streams import ExampleTask
from oneiros.life import Event
from oneiros.measure.probes.representation import hidden_activity, importance, importance_similarity
from oneiros.memory import MeanInput
from oneiros.papers.kubo2025.measure import measurements
from oneiros.papers.kubo2025.tables import Table
from oneiros.runs.drawing import Drawing, drawings_in
from oneiros.runs.experiment import BuildRequest, Life, Measured

CLASSES = (0, 1, 2, 3)
NOTES = ("first day", "second day")
UNUSED = Seeds(0).rng("unused")  # a mean draws nothing


@dataclass(frozen=True, kw_only=True)
class Importance:
    """`oneiros run kubo2025/importance`: classes 0 and 1, a night, then 2 and 3; `after` sleeps again, `before` not.

    T1, S1, T2 and S2 are the paper's: after the lessons and after the night of either day.
    """

    name: str
    scales: Mapping[str, Any]
    table: Table
    paper: str = "kubo2025"

    @property
    def conditions(self) -> tuple[str, ...]:
        """Without and with the last night."""
        return self.table.conditions

    def drawings(self) -> tuple[Drawing, ...]:
        """The paper's own figures."""
        return drawings_in("oneiros.papers.kubo2025.figures", self.name)

    def build(self, what: BuildRequest) -> Life:
        """One run, ready to live."""
        life = self.table.build(what)
        tasks = [task for task in life.tasks if isinstance(task, ExampleTask)]
        test = test_of(tasks)
        for note in NOTES:
            life.brain.memory[note] = MeanInput()  # of one: it keeps a tensor through a checkpoint
        rest = measurements(life.brain, tasks, test)
        return Life(
            brain=life.brain, tasks=life.tasks, schedule=life.schedule, seeds=life.seeds, order=life.order,
            measure=_similarities(life.brain, test, rest, slept=what.condition == "after"), checksums=life.checksums,
        )  # fmt: skip


def test_of(tasks: Sequence[ExampleTask]) -> Examples:
    """Test examples of all tasks together."""
    images = torch.cat([task.test.images for task in tasks])
    return Examples(
        images=images, labels=torch.cat([task.test.labels for task in tasks]), classes=tasks[0].test.classes
    )  # fmt: skip


def _patterns(brain: Brain, test: Examples) -> Tensor:
    """Eq. 11 for the synapses from the hidden layer to the output, of each class: `[classes, out, hidden]`."""
    asked = test.all()
    activity, weight = hidden_activity(brain.net, asked.x), brain.net.get_parameter("output.weight").detach()
    return torch.stack([importance(activity, asked.targets(), weight, label) for label in CLASSES])


def _similarities(
    brain: Brain, test: Examples, rest: Callable[[Event], Iterator[Measured]], *, slept: bool
) -> Callable[[Event], Iterator[Measured]]:
    """Adds to `rest`, at the end of the second day, cosines with the patterns of T1 and T2.

    Both are kept in the brain's memory, not in this closure, so that a resumed run has them.
    """

    def measure(event: Event) -> Iterator[Measured]:
        yield from rest(event)
        if event.kind == "dusk":
            brain.remembers(NOTES[event.task], MeanInput).store(Batch(x=_patterns(brain, test)[None]), UNUSED)
        if event.kind != "task_end" or event.task == 0:
            return
        first, second = (brain.remembers(note, MeanInput).recall(1, UNUSED).x[0] for note in NOTES)
        now = _patterns(brain, test)
        for c in CLASSES:
            t1 = importance_similarity(first[c], now[c])
            t2 = importance_similarity(second[c], now[c])
            # Without a last night, what T2 has in common with T1; with one, what the night has kept of T2.
            values = {"similarity_t1": t1, "similarity_t2": t2, "preserved": t2 if slept else t1}
            for metric, value in values.items():
                yield Measured(metric=f"{metric}_class_{c}", value=value, task=event.task, phase="end")

    return measure
