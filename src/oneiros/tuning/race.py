"""Which candidates are worth living on: pure functions of what was reached so far.

A candidate lives several lives (task orders, times sleep seeds); `reached[life][day]` is what it reached at the end
of each day. All candidates live the same lives in the same order, so comparisons with the best one are paired.
"""

from collections.abc import Sequence

Reached = Sequence[Sequence[float]]


def fitness(reached: Reached, lives: int, days: int) -> float:
    """Mean over all lives of what the last day reached.

    A life broken off counts by its share of the days, one not begun 0: candidates that were given up rank below those
    that were not, by how far they came.

    >>> fitness([[0.9, 0.8], [0.7, 0.6]], lives=2, days=2), fitness([[0.8]], lives=2, days=2)
    (0.7, 0.2)
    """
    return sum(life[-1] * len(life) / days for life in reached if life) / lives


def hopeless(reached: Reached, best: Reached, *, slack: float, margin: float) -> str:
    """Why a candidate should be given up, or "".

    Args:
        reached: of the candidate; its last life may be under way.
        best: of the best candidate that lived all its lives; empty where there is none yet.
        slack: how far a life may lie below the best one's on the same evening.
        margin: over the square root of the number of lives, how far the mean at their ends may.

    >>> hopeless([[0.9, 0.5]], [[0.9, 0.8, 0.7]], slack=0.2, margin=0.1)
    'day 2 of life 1: 0.500 against 0.800'
    >>> hopeless([[0.9, 0.8, 0.5]], [[0.9, 0.8, 0.65]], slack=0.2, margin=0.1)
    'mean of 1 lives: 0.500 against 0.650'
    >>> hopeless([[0.9, 0.7]], [[0.9, 0.8, 0.7]], slack=0.2, margin=0.1)
    ''
    """
    if not best or not reached:
        return ""
    life, day = len(reached), len(reached[-1])
    now, then = reached[-1][-1], best[life - 1][day - 1]
    if now < then - slack:
        return f"day {day} of life {life}: {now:.3f} against {then:.3f}"
    if day < len(best[life - 1]):
        return ""
    mine, theirs = (sum(r[-1] for r in lived[:life]) / life for lived in (reached, best))
    if mine < theirs - margin / life**0.5:
        return f"mean of {life} lives: {mine:.3f} against {theirs:.3f}"
    return ""
