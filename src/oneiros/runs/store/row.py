"""One measured number with its whole address."""

import dataclasses
import math
from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class Row:
    """One number: which run it belongs to, when and on what it was measured, and what it is.

    Attributes:
        paper, experiment, condition, seed: the run.
        order: name of the task order, such as "01-23-45".
        day: tasks lived before the measurement, so the first day is 0.
        task: the task it was measured on, counted in the order they were learned.
        phase: when within the day: "step:N" after N of its batches, "dusk" before the night, "night" in it,
            "end" after it.
        metric, value: what was measured; accuracies are fractions.
    """

    paper: str
    experiment: str
    condition: str
    seed: int
    order: str
    day: int
    task: int
    phase: str
    metric: str
    value: float

    def __post_init__(self) -> None:
        if not math.isfinite(self.value):
            raise ValueError(f"{self.metric} of {self.condition}, seed {self.seed}, day {self.day} is {self.value}")


COLUMNS = tuple(f.name for f in dataclasses.fields(Row))
