"""What a life in tasks kept and lost, from its accuracy matrix (Chaudhry et al. 2018, section 3).

An accuracy matrix holds at [i, j] the accuracy on task j after learning task i; nan where task j is yet to come.
"""

from collections.abc import Sequence

import numpy as np
from jaxtyping import Float


def accuracy_matrix(
    days: Sequence[int] | np.ndarray, tasks: Sequence[int] | np.ndarray, values: Sequence[float] | np.ndarray
) -> Float[np.ndarray, "day task"]:
    """Build the matrix from its cells: `values[k]` is the accuracy on task `tasks[k]` after day `days[k]`.

    >>> accuracy_matrix([0, 1, 1], [0, 0, 1], [0.9, 0.5, 0.8])
    array([[0.9, nan],
           [0.5, 0.8]])
    """
    cells = list(zip(days, tasks, strict=True))
    if not cells or len(set(cells)) != len(cells):
        raise ValueError(
            f"an accuracy matrix needs each (day, task) once; got {len(cells)} cells, {len(set(cells))} distinct"
        )
    matrix = np.full((int(max(days)) + 1, int(max(tasks)) + 1), np.nan)
    matrix[np.asarray(days, dtype=int), np.asarray(tasks, dtype=int)] = values
    return matrix


def average_accuracy(matrix: Float[np.ndarray, "day task"]) -> float:
    """Chaudhry et al. 2018, Eq. 2 at the last day: A = mean over tasks j of a[last, j].

    >>> average_accuracy(np.array([[0.9, np.nan], [0.5, 0.75]]))
    0.625
    """
    return float(_last_day(matrix).mean())


def average_forgetting(matrix: Float[np.ndarray, "day task"]) -> float:
    """Chaudhry et al. 2018, Eq. 3-4: F = mean over tasks j before the last of max_(l < last) a[l, j] - a[last, j].

    Negative where the later days improved an earlier task.

    >>> average_forgetting(np.array([[0.9, np.nan], [0.5, 0.8]]))
    0.4
    """
    last = _last_day(matrix)
    if len(matrix) < 2 or len(last) < 2:
        raise ValueError(f"forgetting needs at least two days and two tasks; the matrix is {matrix.shape}")
    best = np.nanmax(matrix[:-1, :-1], axis=0)
    return float((best - last[:-1]).mean())


def _last_day(matrix: Float[np.ndarray, "day task"]) -> Float[np.ndarray, " task"]:
    last = matrix[-1]
    if np.isnan(last).any():
        raise ValueError(f"the last day misses task {int(np.flatnonzero(np.isnan(last))[0])}: was the run finished?")
    return last
