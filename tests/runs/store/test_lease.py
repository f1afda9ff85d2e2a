"""Leases: one owner at a time, whoever dies is followed, and whoever was followed writes nothing more."""

import dataclasses
import errno
import itertools
import json
import os
import subprocess
import sys
import threading
import time
from pathlib import Path

import filelock
import pytest

from oneiros.runs.store import BusyError, Manifest, RunFolder, StorageError
from oneiros.runs.store import lease as lease
from oneiros.runs.store.lease import Lease, alive, newest, read_lease


@pytest.fixture(autouse=True)
def quick(monkeypatch):
    monkeypatch.setattr(lease, "POLL_SECONDS", 0.02)
    monkeypatch.setattr(lease, "BEAT_SECONDS", 0.05)


def foreign(folder: Path, generation: int = 1, **changed) -> Path:
    """A lease that another machine holds, whose locks nobody sees here."""
    said = {"host": "far", "machine": "away", "pid": 7, "since": "2026-01-01", "released": False, "beats": 0}
    said |= {"seconds": 0.0, "first": None, "fraction": 0.25, "text": "", **changed}
    path = folder / f".claim-{generation}.json"
    path.write_text(json.dumps(said))
    return path


def eventually(condition) -> bool:
    began = time.monotonic()
    while not condition() and time.monotonic() - began < 20:
        time.sleep(0.01)
    return condition()


def test_one_owner_at_a_time_who_is_named(tmp_path):
    first = Lease.take(tmp_path)
    with pytest.raises(BusyError, match=rf"another process is running .* \(process {os.getpid()} on"):
        Lease.take(tmp_path)
    assert alive(tmp_path)
    first.release()
    assert not alive(tmp_path)
    second = Lease.take(tmp_path)
    assert newest(tmp_path) == 2
    assert [path.name for path in tmp_path.glob(".claim-*")] == [".claim-2.json"]
    second.release(finished=True)
    assert list(tmp_path.glob(".claim-*")) == []


def test_it_beats_and_says_how_far_it_is(tmp_path):
    held = Lease.take(tmp_path)
    held.tell(0.25, "half of half")
    held.tell(0.5, "half")

    def told() -> bool:
        info = read_lease(tmp_path)
        return info is not None and info.beats >= 2 and info.text == "half"

    assert eventually(told)
    info = read_lease(tmp_path)
    assert info is not None
    assert (info.first, info.fraction, info.pid, info.here) == (0.25, 0.5, os.getpid(), True)
    held.release()


def test_a_beating_owner_on_another_machine_keeps_its_claim(tmp_path):
    over = threading.Event()

    def beat() -> None:
        beats = 0
        while not over.wait(0.02):
            beats += 1
            beside = tmp_path / "beside"
            beside.write_text(foreign(tmp_path.parent, generation=99, beats=beats).read_text())
            beside.replace(tmp_path / ".claim-1.json")

    foreign(tmp_path)
    heart = threading.Thread(target=beat)
    heart.start()
    try:
        with pytest.raises(BusyError, match=r"process 7 on far"):
            Lease.take(tmp_path, patience=0.6, stale=0.3)
    finally:
        over.set()
        heart.join()
    assert newest(tmp_path) == 1


@pytest.mark.parametrize("wall_clock", [0.0, 4e9])
def test_an_owner_on_another_machine_that_stands_still_is_followed_whatever_clocks_say(tmp_path, wall_clock):
    os.utime(foreign(tmp_path), (wall_clock, wall_clock))
    with pytest.raises(BusyError):
        Lease.take(tmp_path, patience=0.1, stale=0.3)
    began = time.monotonic()
    taken = Lease.take(tmp_path, patience=5.0, stale=0.3)
    assert 0.3 <= time.monotonic() - began < 4
    assert newest(tmp_path) == 2
    taken.release()


def test_a_released_claim_of_another_machine_is_free_at_once(tmp_path):
    foreign(tmp_path, released=True)
    Lease.take(tmp_path).release()


@pytest.mark.parametrize("text", ["", "{", "[]", '{"host": 1}', "null"])
def test_a_claim_that_says_nothing_is_waited_for_and_followed(tmp_path, text):
    foreign(tmp_path).write_text(text)
    assert read_lease(tmp_path) is None
    with pytest.raises(BusyError):
        Lease.take(tmp_path)
    Lease.take(tmp_path, patience=5.0, stale=0.1).release()


def test_who_was_followed_writes_nothing_more(tmp_path):
    """The owner stood still, somebody followed it; when it goes on, its rows stay where they were."""
    manifest = Manifest(
        paper="p", experiment="e", condition="c", seed=0, scale="s", config={}, device="cpu", code="1+x"
    )
    with RunFolder.open(tmp_path, manifest) as folder:
        folder.rewind(0, 0.0)
        before = folder.flush()
        foreign(folder.path, generation=2)
        folder._pending.append("a row\n")
        with pytest.raises(BusyError, match=r"was taken over by another process \(process 7 on far"):
            folder.flush()
        assert folder.rows.stat().st_size == before["length"] == 0
        with pytest.raises(BusyError):
            folder.seal()
        assert not (folder.path / "done.json").exists()
    info = read_lease(folder.path)
    assert info is not None
    assert (info.host, info.released) == ("far", False), "nor does it give back what is not its own"


def test_who_was_followed_by_one_that_finished_and_left_writes_nothing_either(tmp_path):
    held = Lease.take(tmp_path)
    (tmp_path / ".claim-1.json").unlink()
    with pytest.raises(BusyError, match="was taken over"):
        held.require()
    foreign(tmp_path, generation=1)  # as a last beat would write it again
    held.require()
    (tmp_path / "done.json").touch()
    with pytest.raises(BusyError, match="was taken over"):
        held.require()
    held.release()


def test_a_killed_owner_on_this_machine_is_followed_at_once(tmp_path):
    code = (
        "import sys; from pathlib import Path; from oneiros.runs.store.lease import Lease\n"
        "Lease.take(Path(sys.argv[1])); print('in', flush=True); sys.stdin.read()"
    )
    arguments = [sys.executable, "-c", code, str(tmp_path)]
    with subprocess.Popen(arguments, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as other:
        assert other.stdout is not None
        assert other.stdout.readline() == "in\n"
        assert alive(tmp_path)
        with pytest.raises(BusyError):
            Lease.take(tmp_path)
        other.kill()
        other.wait()
        assert not alive(tmp_path)
        Lease.take(tmp_path).release()


def test_of_many_who_want_a_free_claim_one_gets_it(tmp_path):
    got: list[Lease] = []
    refused = []
    gate = threading.Barrier(8)

    def want() -> None:
        gate.wait()
        try:
            got.append(Lease.take(tmp_path))
        except BusyError as error:
            refused.append(error)

    threads = [threading.Thread(target=want) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert (len(got), len(refused)) == (1, 7)
    got[0].release()


def test_numbers_decide_where_locks_do_not_reach(tmp_path, monkeypatch):
    """Without locks at all, of those who saw the same stale lease still only one follows it."""

    locks = itertools.count()
    lock = filelock.FileLock
    monkeypatch.setattr(filelock, "FileLock", lambda path: lock(f"{path}-of-machine-{next(locks)}"))
    foreign(tmp_path)
    got: list[Lease] = []
    gate = threading.Barrier(8)

    def follow() -> None:
        gate.wait()
        try:
            got.append(Lease.take(tmp_path, patience=0.35, stale=0.3))
        except BusyError:
            return

    monkeypatch.setattr(lease.LeaseInfo, "here", property(lambda info: False))
    threads = [threading.Thread(target=follow) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(got) == 1
    got[0].require()
    got[0].release()


def test_a_folder_that_cannot_be_written_to_is_told_and_left_free(tmp_path, monkeypatch):
    def refuse(*paths: Path) -> None:
        raise OSError(errno.EROFS, os.strerror(errno.EROFS))

    with monkeypatch.context() as full:
        full.setattr(os, "link", refuse)
        with pytest.raises(StorageError, match="the folder cannot be written to; choose another --out"):
            Lease.take(tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == [".lock"]
    Lease.take(tmp_path).release()


def test_an_old_number_made_again_is_no_claim(tmp_path):
    foreign(tmp_path, generation=5)
    info = read_lease(tmp_path)
    assert info is not None
    assert not lease._create(tmp_path / ".claim-3.json", dataclasses.replace(info, host="late"))
    assert newest(tmp_path) == 5
