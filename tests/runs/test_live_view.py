"""The latest losses in a few words, and event files where they are asked for."""

import pytest
import torch

from oneiros.life import Event
from oneiros.runs import live_view
from oneiros.runs.live_view import Latest
from oneiros.runs.store import Row


class Kept:
    """A board that remembers."""

    def __init__(self):
        self.said = []

    def values(self, values, step):
        self.said.append((dict(values), step))

    def rows(self, rows):
        raise AssertionError("rows are the recipe's business")


def event(phase, **values):
    returned = {name: torch.tensor(value) for name, value in values.items()}
    return Event(kind="day", task=0, epoch=0, batch=0, phase=phase, values=returned)


def test_nothing_has_happened_yet():
    assert Latest().words(0) == ""


def test_values_are_read_once_a_second(monkeypatch):
    now, board = [100.0], Kept()
    monkeypatch.setattr(live_view.time, "monotonic", lambda: now[0])
    latest = Latest(board)
    latest.watch(event("wake", loss=0.5))
    latest.watch(event("nrem", loss=2.0))
    assert latest.words(1) == "wake loss 0.5, nrem loss 2"
    latest.watch(event("wake", loss=0.25))
    now[0] += 0.5
    assert latest.words(2) == "wake loss 0.5, nrem loss 2"
    now[0] += 0.6
    assert latest.words(3) == "wake loss 0.25, nrem loss 2"
    assert board.said == [({"wake/loss": 0.5, "nrem/loss": 2.0}, 1), ({"wake/loss": 0.25, "nrem/loss": 2.0}, 3)]


def test_tensorboard_is_given_losses_and_measurements(tmp_path):
    accumulator = pytest.importorskip(
        "tensorboard.backend.event_processing.event_accumulator", reason="the extra tensorboard is not installed"
    )
    address = {"paper": "p", "experiment": "e", "condition": "c", "seed": 0, "order": "01", "day": 2, "task": 2}
    board = live_view.TensorBoard(tmp_path)
    board.values({"wake/loss": 0.5}, 7)
    board.rows([Row(**address, phase="end", metric="accuracy", value=0.75)])
    board.rows([Row(**address, phase="end", metric="confusion:0:1", value=0.1)])
    board.close()
    events = accumulator.EventAccumulator(str(tmp_path))
    events.Reload()
    assert events.Tags()["scalars"] == ["wake/loss", "accuracy/task 3, end"]
    (loss,), (accuracy,) = (events.Scalars(tag) for tag in events.Tags()["scalars"])
    assert (loss.step, loss.value, accuracy.step, accuracy.value) == (7, 0.5, 2, 0.75)
