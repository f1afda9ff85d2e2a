"""Forgetting and average accuracy of a matrix small enough to do on paper."""

import numpy as np
import pytest

from oneiros.measure.metrics import accuracy_matrix, average_accuracy, average_forgetting

NAN = np.nan
LIFE = np.array([[0.9, NAN, NAN], [0.6, 0.8, NAN], [0.7, 0.2, 1.0]])


def test_average_accuracy_by_hand():
    assert average_accuracy(LIFE) == pytest.approx((0.7 + 0.2 + 1.0) / 3)


def test_forgetting_by_hand():
    assert average_forgetting(LIFE) == pytest.approx(((0.9 - 0.7) + (0.8 - 0.2)) / 2)


def test_an_improved_task_is_negative_forgetting():
    assert average_forgetting(np.array([[0.5, NAN], [0.75, 0.9]])) == -0.25


def test_matrix_from_cells():
    days, tasks = np.tril_indices(3)
    np.testing.assert_array_equal(accuracy_matrix(days, tasks, LIFE[days, tasks]), LIFE)


def test_a_cell_given_twice_is_refused():
    with pytest.raises(ValueError, match=r"each \(day, task\) once; got 2 cells, 1 distinct"):
        accuracy_matrix([0, 0], [0, 0], [0.1, 0.2])


def test_one_task_cannot_be_forgotten():
    with pytest.raises(ValueError, match="at least two days"):
        average_forgetting(np.array([[0.9]]))


def test_an_unfinished_life_is_refused():
    with pytest.raises(ValueError, match="misses task 1: was the run finished"):
        average_accuracy(np.array([[0.9, NAN], [0.8, NAN]]))
