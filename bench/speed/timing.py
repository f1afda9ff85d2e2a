"""How speed is measured: both sides interleaved in one run, so that a noisy machine slows both, in processor seconds.

Processor seconds are those of all threads together; where work is divided over threads, the clock on the wall counts.
"""

import statistics
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

ROUNDS = 15


@dataclass(frozen=True, kw_only=True)
class Measurement:
    """One line of `bench --json`: `value` in `unit`, measured against `against` ("" for nothing)."""

    bench: str
    metric: str
    value: float
    unit: str
    against: str = ""


def seconds_side_by_side(
    sides: Sequence[Callable[[], object]], rounds: int = ROUNDS, clock: Callable[[], float] = time.process_time
) -> list[list[float]]:
    """Seconds of each side in each round by `clock`, after one warm-up, in turn: A B A B ..."""
    for side in sides:
        side()
    taken: list[list[float]] = [[] for _ in sides]
    for _ in range(rounds):
        for side, seconds in zip(sides, taken, strict=True):
            began = clock()
            side()
            seconds.append(clock() - began)
    return taken


def median_ratio(top: Sequence[float], bottom: Sequence[float]) -> float:
    """Median over rounds of top / bottom, pair by pair.

    >>> median_ratio([2.0, 9.0, 4.0], [1.0, 1.0, 2.0])
    2.0
    """
    return statistics.median(a / b for a, b in zip(top, bottom, strict=True))
