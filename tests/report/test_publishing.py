"""A report replaces only what reports wrote, follows no link, and on a full disk leaves the one before it whole."""

import errno
import importlib.util
import json
import os
import sys
import threading
from pathlib import Path

import pytest

from oneiros.report.publishing import OWN, publishing
from oneiros.runs.store import StorageError

spec = importlib.util.spec_from_file_location(
    "power_cuts_of_report", Path(__file__).parents[1] / "runs" / "store" / "power_cuts.py"
)
assert spec is not None
assert spec.loader is not None
power_cuts = sys.modules[spec.name] = importlib.util.module_from_spec(spec)
spec.loader.exec_module(power_cuts)


def write(out: Path, text: str, *names: str) -> None:
    with publishing(out, patience=20.0) as stage:
        for name in ("index.html", "tables/a.md", *names):
            (stage / name).parent.mkdir(exist_ok=True)
            (stage / name).write_text(f"{text} {name}")


def there(out: Path) -> dict[str, str]:
    files = (path for path in out.rglob("*") if path.is_file() and not path.name.startswith("."))
    return {path.relative_to(out).as_posix(): path.read_text() for path in files}


def test_files_of_an_earlier_report_are_replaced_or_removed_and_nobody_elses(tmp_path):
    write(tmp_path, "first", "tables/old.md", "figures/edited.svg")
    (tmp_path / "tables" / "a-my-notes.md").write_text("mine")
    (tmp_path / "figures" / "edited.svg").write_text("mine too")
    write(tmp_path, "second")
    assert there(tmp_path) == {
        "index.html": "second index.html", "tables/a.md": "second tables/a.md",
        "tables/a-my-notes.md": "mine", "figures/edited.svg": "mine too",
    }  # fmt: skip


@pytest.mark.parametrize("name", ["index.html", "tables/a.md"])
def test_a_users_file_in_the_way_is_named_and_stays(tmp_path, name):
    (tmp_path / "tables").mkdir()
    (tmp_path / name).write_text("mine")
    with pytest.raises(StorageError, match="was not written by a report .* move it away"):
        write(tmp_path, "first")
    assert there(tmp_path) == {name: "mine"}


def test_links_are_never_followed(tmp_path):
    victim, out = tmp_path / "victim", tmp_path / "out"
    victim.mkdir()
    (victim / "file").write_text("mine")
    out.mkdir()
    (out / "index.html").symlink_to(victim / "file")
    with pytest.raises(StorageError, match="move it away"):
        write(out, "first")
    (out / "index.html").unlink()
    (out / "tables").symlink_to(victim)
    with pytest.raises(StorageError, match="it is a link to"):
        write(out, "first")
    assert there(victim) == {"file": "mine"}
    (out / "tables").unlink()
    write(out, "first")
    (out / "index.html").unlink()
    (out / "index.html").symlink_to(victim / "file")
    write(out, "second")
    assert there(victim) == {"file": "mine"}
    assert there(out)["index.html"] == "second index.html"


def test_a_list_that_names_other_files_removes_none_of_them(tmp_path):
    secret = tmp_path / "secret"
    secret.write_text("mine")
    out = tmp_path / "out"
    write(out, "first")
    said = json.loads((out / OWN).read_text())
    digest = next(iter(said["files"].values()))
    (out / OWN).write_text(json.dumps({"files": {**said["files"], "../secret": digest, str(secret): digest}}))
    write(out, "second")
    assert secret.read_text() == "mine"


@pytest.mark.parametrize("text", ["", "[]", "{", '{"files": 1}', '{"files": {"a": []}}'])
def test_a_damaged_list_is_told_or_says_nothing(tmp_path, text):
    write(tmp_path, "first")
    (tmp_path / OWN).write_text(text)
    with pytest.raises(StorageError, match=r"cannot be read|move it away"):
        write(tmp_path, "second")
    assert there(tmp_path)["index.html"] == "first index.html"


def test_on_a_full_disk_the_report_before_stays_whole(tmp_path, monkeypatch):
    write(tmp_path, "first", "tables/old.md")
    before = there(tmp_path)

    def full(descriptor: int) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    with monkeypatch.context() as patch:
        patch.setattr(os, "fsync", full)
        with pytest.raises(StorageError, match="the disk is full; free some space"):
            write(tmp_path, "second")
    assert there(tmp_path) == before
    assert not list(tmp_path.glob(".report-*"))
    write(tmp_path, "second")
    assert there(tmp_path)["index.html"] == "second index.html"


def test_four_at_once_write_one_after_the_other(tmp_path):
    errors = []

    def one(text: str) -> None:
        try:
            write(tmp_path, text, *(f"figures/{n}.svg" for n in range(20)))
        except BaseException as error:  # noqa: BLE001 (told to the test)
            errors.append(error)

    threads = [threading.Thread(target=one, args=(text,)) for text in "abcd"]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert errors == []
    assert len({text.split()[0] for text in there(tmp_path).values()}) == 1
    assert len(there(tmp_path)) == 22


@pytest.mark.skipif(not Path("/proc/self/fd").exists(), reason="files are known by their descriptors")
def test_a_power_cut_at_any_write_leaves_whole_files_and_the_next_report_is_whole(tmp_path, monkeypatch):
    root = tmp_path / "root"
    root.mkdir()
    write(root, "first", "tables/old.md")
    cuts = power_cuts.PowerCuts(root)
    with cuts.watching():
        write(root, "second", "tables/new.md")
    states = power_cuts.distinct(cuts.states)
    print(f"{cuts.points} moments, {len(states)} states")
    assert len(states) > 20
    monkeypatch.setattr(os, "fsync", lambda descriptor: None)
    for where, state in states:
        out = power_cuts.put(state, tmp_path / "again")
        whole = {f"{text} {name}" for name in there(root) | {"tables/old.md": ""} for text in ("first", "second")}
        assert {text for name, text in there(out).items() if not name.startswith(".")} <= whole, where
        assert "index.html" in there(out), where
        write(out, "third")
        assert set(there(out).values()) == {"third index.html", "third tables/a.md"}, where
