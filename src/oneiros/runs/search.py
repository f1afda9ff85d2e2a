"""What there is to choose in an experiment: a recipe declares it here, `oneiros tune` searches it.

Nothing in this file needs the extra `tune`; a recipe can be read and run without it.
"""

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Protocol, runtime_checkable

from oneiros.runs.experiment import Experiment


@dataclass(frozen=True)
class Range:
    """One constant's range: from `low` to `high`, both included; searched by ratios where `log`.

    >>> round(Range(1, 100).at(0.5), 9), Range(0, 1, log=False).at(0.5), Range(10, 1000, whole=True).at(0.5)
    (10.0, 0.5, 100)
    """

    low: float | int
    high: float | int
    log: bool = True
    whole: bool = False

    def __post_init__(self) -> None:
        if not self.low < self.high or (self.log and self.low <= 0):
            raise ValueError(f"{self}: expected low < high, and low above 0 where ratios are searched (log)")

    def at(self, share: float) -> float | int:
        """The constant that lies at `share` of the way from low (0) to high (1)."""
        if self.log:
            value = math.exp(math.log(self.low) + share * math.log(self.high / self.low))
        else:
            value = self.low + share * (self.high - self.low)
        value = min(max(value, self.low), self.high)
        return round(value) if self.whole else value

    def share(self, value: float | int) -> float:
        """The inverse of `at`, for a value inside the range."""
        if self.log:
            return math.log(value / self.low) / math.log(self.high / self.low)
        return (value - self.low) / (self.high - self.low)


@dataclass(frozen=True, kw_only=True)
class Search:
    """How the constants of one condition are chosen.

    Attributes:
        ranges: constants by name.
        place: (configuration, constants) -> the configuration with these constants in it.
        starts: constants to begin with, the recipe's own first; what is found is compared with them.
        validation: settings under which nothing touches test data, as for `--set`.
        metric: row that is to be high at the end of a day, after its night; that of the last day is what counts.
        nights_only: the constants change nothing before the first night falls, so its day is lived only once.
        slack: a life is broken off when it is this much below the best candidate's on the same evening.
        margin: a candidate is given up when its mean over n lives is margin / sqrt(n) below the best one's.
    """

    ranges: Mapping[str, Range]
    place: Callable[[Any, Mapping[str, float | int]], Any]
    starts: tuple[Mapping[str, float | int], ...] = ()
    validation: tuple[str, ...] = ("evaluate_on=validation",)
    metric: str = "accuracy_seen"
    nights_only: bool = False
    slack: float = 0.2
    margin: float = 0.07

    def __post_init__(self) -> None:
        for start in self.starts:
            if set(start) != set(self.ranges):
                raise ValueError(f"a start names {sorted(start)}; expected {sorted(self.ranges)}")
            for name, value in start.items():
                if not self.ranges[name].low <= value <= self.ranges[name].high:
                    raise ValueError(f"a start has {name} = {value}, which is outside {self.ranges[name]}")


@runtime_checkable
class Tunable(Experiment, Protocol):
    """An experiment that declares what can be tuned in it, by condition."""

    searches: Mapping[str, Search]
