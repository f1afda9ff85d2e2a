"""The journal of a search: torn ends are cut, damage in the middle is named, a full disk ruins nothing."""

import errno
import importlib.util
import os
import sys
from pathlib import Path

import pytest

from oneiros.runs.store import DamagedError, StorageError
from oneiros.tuning.journal import Journal
from oneiros.tuning.study import SEARCH, Storage, finished, work

from .test_study import request
from .toy import toy

spec = importlib.util.spec_from_file_location(
    "power_cuts_of_tuning", Path(__file__).parents[1] / "runs" / "store" / "power_cuts.py"
)
assert spec is not None
assert spec.loader is not None
power_cuts = sys.modules[spec.name] = importlib.util.module_from_spec(spec)
spec.loader.exec_module(power_cuts)

ENTRIES = [{"op_code": n, "worker_id": "w", "text": "ö" * n} for n in range(4)]


def journal(folder: Path) -> Journal:
    made = Journal(folder / "search.journal")
    for entry in ENTRIES:
        made.append_logs([entry])
    return made


def read(folder: Path, first: int = 0) -> list:
    return list(Journal(folder / "search.journal").read_logs(first))


def test_entries_come_back_as_they_went_in_from_any_number_on(tmp_path):
    made = journal(tmp_path)
    assert read(tmp_path) == ENTRIES
    assert [list(made.read_logs(n)) for n in (0, 2, 4)] == [ENTRIES, ENTRIES[2:], []]


@pytest.mark.parametrize("tail", [b"{", b'{"op_code": 1}', b"\0" * 50, b"x" * 10_000])
def test_a_torn_end_is_passed_over_and_cut_by_the_next_append(tmp_path, tail):
    made = journal(tmp_path)
    with made.path.open("ab") as file:
        file.write(tail)
    assert read(tmp_path) == ENTRIES
    made.append_logs([{"op_code": 9}])
    assert read(tmp_path) == [*ENTRIES, {"op_code": 9}]


@pytest.mark.parametrize("how", ["a digit", "no JSON", "an empty line", "a list", "no code"])
def test_a_bad_line_in_the_middle_is_named_by_its_number(tmp_path, how):
    made = journal(tmp_path)
    lines = made.path.read_bytes().splitlines(keepends=True)
    bad = {"a digit": lines[2].replace(b'"op_code":2', b'"op_code":3'), "no JSON": b"?\n", "an empty line": b"\n"}
    lines[2] = bad.get(how, {"a list": b"[1]\n", "no code": b"{}\n"}.get(how, b""))
    made.path.write_bytes(b"".join(lines))
    with pytest.raises(DamagedError, match=r"search.journal, line 3, is damaged .* choose another --out"):
        read(tmp_path)


@pytest.mark.parametrize("call", ["write", "fsync"])
def test_a_full_disk_leaves_the_journal_as_it_was(tmp_path, monkeypatch, call):
    made = journal(tmp_path)
    before = made.path.read_bytes()
    original = getattr(os, call)

    def half(descriptor: int, *content) -> int:
        original(descriptor, *(part[: len(part) // 2] for part in content))
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    with monkeypatch.context() as full:
        full.setattr(os, call, half)
        with pytest.raises(StorageError, match="the disk is full; free some space"):
            made.append_logs([{"op_code": 9}])
    assert made.path.read_bytes() == before
    made.append_logs([{"op_code": 9}])
    assert read(tmp_path) == [*ENTRIES, {"op_code": 9}]


def test_a_search_on_a_disk_that_fills_up_goes_on_when_there_is_room(tmp_path, monkeypatch):
    asked, original, calls = request(tmp_path, trials=4), os.write, 0

    def full(descriptor: int, content) -> int:
        nonlocal calls
        calls += 1
        if calls < 40:
            return original(descriptor, content)
        original(descriptor, bytes(content)[:9])
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    hill = toy(slack=9.0, margin=9.0)
    with monkeypatch.context() as patch:
        patch.setattr(os, "write", full)
        with pytest.raises(StorageError, match="the disk is full"):
            begin_and_work(asked, hill)
    begin_and_work(asked, hill)
    assert len(finished(Storage(tmp_path).study(SEARCH))) == 4


def begin_and_work(asked, hill) -> None:
    Storage(asked.out).prepare(asked, [dict(start) for start in hill.searches["src"].starts])
    work(asked, SEARCH, hill, lambda fraction, text: None)


@pytest.mark.skipif(not Path("/proc/self/fd").exists(), reason="files are known by their descriptors")
def test_a_power_cut_at_any_append_leaves_whole_entries_and_one_can_go_on(tmp_path):
    root = tmp_path / "root"
    root.mkdir()
    cuts = power_cuts.PowerCuts(root)
    with cuts.watching():
        journal(root)
    states = power_cuts.distinct(cuts.states)
    print(f"{cuts.points} moments, {len(states)} states")
    assert len(states) > 8
    for where, state in states:
        folder = power_cuts.put(state, tmp_path / "again")
        found = read(folder)
        assert found == ENTRIES[: len(found)], where
        Journal(folder / "search.journal").append_logs(ENTRIES[len(found) :])
        assert read(folder) == ENTRIES, where
