"""The latest losses in a few words, and event files where they are asked for."""

import torch

from oneiros.life import Event
from oneiros.papers import live_view
from oneiros.papers.live_view import Latest


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
