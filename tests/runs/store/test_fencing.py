"""Owners that stand still at any step, where no locks reach: whoever goes on, nothing is lost and nothing is doubled.

A life is stepped through by a thread of its own; its steps are its calls to the system. It is stopped before step k, as
a machine that hangs; another machine takes over and lives as far as its own step j; the first goes on to its end, then
the second. Whatever k and j are, a third then finds the run finished, or finishes it, as if nobody had been disturbed.
"""

import contextlib
import importlib.util
import itertools
import os
import sys
import threading
from pathlib import Path

import filelock
import pytest

from oneiros.runs.store import BusyError, StorageError, lease

spec = importlib.util.spec_from_file_location("power_cuts_of_fencing", Path(__file__).with_name("test_power_cuts.py"))
assert spec is not None
assert spec.loader is not None
toy = sys.modules[spec.name] = importlib.util.module_from_spec(spec)
spec.loader.exec_module(toy)

CALLS = ("replace", "link", "unlink", "mkdir", "fsync", "open", "write", "ftruncate")


class Machine(threading.Thread):
    """Lives in `out`; stands still before its call number `stop` until it is told to go on."""

    def __init__(self, out: Path, stop: int) -> None:
        super().__init__(daemon=True)
        self.out, self.stop = out, stop
        self.calls = 0
        self.here, self.on = threading.Event(), threading.Event()
        self.error: BaseException | None = None

    def run(self) -> None:
        try:
            toy.live(self.out)
        except BaseException as error:  # noqa: BLE001 (told to the test)
            self.error = error
        finally:
            self.here.set()

    def step(self) -> None:
        self.calls += 1
        if self.calls == self.stop:
            self.here.set()
            assert self.on.wait(60)

    def until_it_stops(self) -> "Machine":
        self.start()
        assert self.here.wait(60)
        return self

    def to_the_end(self) -> None:
        self.on.set()
        self.join(60)
        assert not self.is_alive()
        # It may be told that another has the run, or find its own files gone with it; nothing else.
        assert self.error is None or isinstance(self.error, BusyError | StorageError), self.error


@pytest.fixture
def no_locks(monkeypatch):
    """Machines that share files and no locks, each its own; a lease of another is stale at once."""
    locks = itertools.count()
    lock = filelock.FileLock
    monkeypatch.setattr(filelock, "FileLock", lambda path: lock(f"{path}-{next(locks)}"))
    monkeypatch.setattr(lease, "BEAT_SECONDS", 1e6)
    monkeypatch.setattr(lease._Watch, "dead", lambda watch, folder, generation: True)
    for name in CALLS:
        original = getattr(os, name)

        def call(*arguments, original=original, name=name, **options):
            if isinstance(thread := threading.current_thread(), Machine):
                thread.step()
            return None if name == "fsync" else original(*arguments, **options)

        monkeypatch.setattr(os, name, call)


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory) -> dict[str, bytes]:
    toy.live(tmp_path_factory.mktemp("undisturbed") / "out")
    return toy.left_by(next(tmp_path_factory.getbasetemp().glob("undisturbed*")) / "out")


def steps_of_a_life(out: Path) -> int:
    alone = Machine(out, stop=0)
    alone.start()
    alone.join(60)
    assert alone.error is None
    return alone.calls


def go_on_until_finished(out: Path) -> None:
    with contextlib.suppress(BusyError):
        toy.live(out)
    toy.live(out)


def test_an_owner_that_stood_still_at_any_step_disturbs_nobody(tmp_path, no_locks, undisturbed):
    steps = steps_of_a_life(tmp_path / "alone")
    assert steps > 80
    for stop in range(1, steps + 1):
        out = tmp_path / str(stop)
        first = Machine(out, stop).until_it_stops()
        toy.live(out)  # takes over and finishes
        first.to_the_end()
        assert toy.left_by(out) == undisturbed, f"stopped before call {stop} of {steps}"


def test_two_owners_that_stand_still_in_turn_disturb_nobody(tmp_path, no_locks, undisturbed):
    steps = steps_of_a_life(tmp_path / "alone")
    tried = 0
    for stop, other in itertools.product(range(2, steps + 1, 11), range(1, steps + 1, 11)):
        out = tmp_path / f"{stop}-{other}"
        first = Machine(out, stop).until_it_stops()
        second = Machine(out, other).until_it_stops()
        first.to_the_end()
        second.to_the_end()
        go_on_until_finished(out)
        assert toy.left_by(out) == undisturbed, f"stopped before calls {stop} and {other} of {steps}"
        tried += 1
    assert tried > 60
