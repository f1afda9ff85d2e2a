"""What is measured of a life, as rows: accuracies, confusions, correlations between classes, how weights changed."""

from collections.abc import Callable, Iterator, Mapping, Sequence

import torch
from torch import Tensor

from oneiros.core import Brain
from oneiros.data import Examples
from oneiros.data.streams import ExampleTask
from oneiros.life import Event
from oneiros.measure.probes.accuracy import accuracy, confusion, predictions
from oneiros.measure.probes.representation import class_correlation, hidden_activity
from oneiros.runs.experiment import Measured

# Fig. 7: the share of synapses whose change over the last night falls into each bin, in units of the largest change.
BINS = 41


def measurements(
    brain: Brain, tasks: Sequence[ExampleTask], test: Examples, *, looks_inside: bool = False
) -> Callable[[Event], Iterator[Measured]]:
    """Rows of an event: accuracies before (dusk) and after (end) each night, confusion at the last, sleep's rates.

    Args:
        brain: whose.
        tasks: its days.
        test: examples of all of them.
        looks_inside: whether the last night's effect on hidden activity (Fig. 6) and weights (Fig. 7) is measured too.
    """
    at_dusk: dict[str, Tensor] = {}
    correlated: dict[str, float] = {}

    def measure(event: Event) -> Iterator[Measured]:
        if event.kind == "night":
            for key, value in event.values.items():
                yield Measured(metric=f"{event.phase}/{key}", value=float(value), task=event.task, phase="night")
        if event.kind not in ("dusk", "task_end"):
            return
        phase = "dusk" if event.kind == "dusk" else "end"
        lived, last = tasks[: event.task + 1], event.task + 1 == len(tasks)
        asked = test.of_classes(tuple(c for task in lived for c in task.classes)).all()
        predicted, y = predictions(brain.net, asked.x), asked.targets()
        yield from _accuracies(predicted, y, lived, event.task, phase)
        if last:
            yield from _square("confusion", confusion(predicted, y, len(test.classes)), event.task, phase)
        if last and looks_inside:
            correlation = class_correlation(hidden_activity(brain.net, asked.x), y, len(test.classes))
            yield from _square("correlation", correlation, event.task, phase)
            off = correlation[~torch.eye(len(correlation), dtype=torch.bool, device=correlation.device)]
            correlated[phase] = float(off.nanmean())
            yield Measured(metric="class_correlation", value=correlated[phase], task=event.task, phase=phase)
        if last and looks_inside and phase == "dusk":
            at_dusk.update({name: p.detach().clone() for name, p in _matrices(brain).items()})
        if last and looks_inside and phase == "end":
            yield from _changes(at_dusk, _matrices(brain), event.task)
            change = correlated["end"] - correlated["dusk"]
            yield Measured(metric="class_correlation_change", value=change, task=event.task, phase=phase)
        if phase == "end":
            kept = sum(memory.nbytes for memory in brain.memory.values())
            yield Measured(metric="stored_bytes", value=float(kept), task=event.task, phase=phase)

    return measure


def _accuracies(predicted: Tensor, y: Tensor, lived: Sequence[ExampleTask], day: int, phase: str) -> Iterator[Measured]:
    seen = tuple(c for task in lived for c in task.classes)
    yield Measured(metric="accuracy_seen", value=accuracy(predicted, y, seen), task=day, phase=phase)
    for j, task in enumerate(lived):
        yield Measured(metric="accuracy", value=accuracy(predicted, y, task.classes), task=j, phase=phase)


def _square(name: str, matrix: Tensor, day: int, phase: str) -> Iterator[Measured]:
    for i, row in enumerate(matrix.tolist()):
        for j, value in enumerate(row):
            yield Measured(metric=f"{name}:{i}:{j}", value=value, task=day, phase=phase)


def _matrices(brain: Brain) -> dict[str, Tensor]:
    """The first and the last weight matrix: the paper's "first weights" and "second weights"."""
    found = [p.detach() for p in brain.net.parameters() if p.ndim == 2]
    return {"first": found[0], "last": found[-1]}


def _changes(before: Mapping[str, Tensor], after: Mapping[str, Tensor], day: int) -> Iterator[Measured]:
    """Fig. 7: by how much the last night moved the weights, on average and as a histogram."""
    for name, now in after.items():
        change = (now - before[name]).double().cpu()
        largest = max(float(change.abs().max()), 1e-12)
        share = torch.histc(change / largest, bins=BINS, min=-1, max=1) / change.numel()
        yield Measured(metric=f"weight_change_{name}", value=float(change.mean()), task=day, phase="end")
        yield Measured(metric=f"weight_change_{name}_largest", value=largest, task=day, phase="end")
        yield Measured(metric=f"weight_fell_{name}", value=float((change < 0).double().mean()), task=day, phase="end")
        for index, value in enumerate(share.tolist()):
            yield Measured(metric=f"weight_histogram_{name}:{index}", value=value, task=day, phase="end")
