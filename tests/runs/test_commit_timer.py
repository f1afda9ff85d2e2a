"""When a commit between two epochs is due, by a clock that the test turns."""

from types import SimpleNamespace

import pytest

from oneiros.runs import commit_timer as timer
from oneiros.runs.commit_timer import CommitTimer


@pytest.fixture
def clock(monkeypatch):
    now = SimpleNamespace(seconds=1000.0)
    monkeypatch.setattr(timer, "time", SimpleNamespace(monotonic=lambda: now.seconds))
    return now


def commit(due: CommitTimer, clock, cost: float) -> None:
    with due.committing():
        clock.seconds += cost


def test_a_quick_commit_is_due_every_so_many_seconds(clock):
    each = CommitTimer(30.0)
    clock.seconds += 29
    assert not each.due()
    clock.seconds += 1
    assert each.due()
    commit(each, clock, cost=0.1)
    assert not each.due()
    clock.seconds += 30
    assert each.due()


def test_a_slow_commit_takes_a_fiftieth_of_the_time_at_most(clock):
    each = CommitTimer(30.0)
    commit(each, clock, cost=10.0)
    clock.seconds += 499
    assert not each.due()
    clock.seconds += 1
    assert each.due()


def test_without_a_pace_every_moment_is_due(clock):
    each = CommitTimer(0.0)
    commit(each, clock, cost=10.0)
    assert each.due()
