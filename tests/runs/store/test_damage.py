"""Files of a run that are emptied, changed or removed while it works or afterwards: named, never sealed or counted."""

import importlib.util
import os
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from oneiros.cli import main
from oneiros.life import Cursor
from oneiros.runs.store import DamagedError, Manifest, Row, RunFolder, read_results
from oneiros.runs.store.checkpoint import commit, restore
from oneiros.runs.store.disk import beside

spec = importlib.util.spec_from_file_location("toy_of_damage", Path(__file__).with_name("test_power_cuts.py"))
assert spec is not None
assert spec.loader is not None
toy = sys.modules[spec.name] = importlib.util.module_from_spec(spec)
spec.loader.exec_module(toy)

ADDRESS = {"paper": "p", "experiment": "e", "condition": "c", "seed": 0}
MANIFEST = Manifest(**ADDRESS, scale="s", config={"rate": 0.1}, device="cpu", code="1+x")


def row(day: int) -> Row:
    where = {"order": "01", "day": day, "task": day, "phase": "end", "metric": "weight"}
    return Row(**ADDRESS, **where, value=day / 8)


def link_to(victim: Path):
    def damage(rows: Path) -> None:
        rows.unlink()
        rows.symlink_to(victim)

    return damage


def changed(rows: Path) -> None:
    rows.write_bytes(rows.read_bytes().replace(b"0.125", b"0.625"))


def live_with(out: Path, damage: Callable[[Path], object]) -> None:
    """A run whose rows are damaged between two of its commits."""
    with RunFolder.open(out, MANIFEST) as folder:
        folder.add([row(1)])
        folder.flush()
        damage(folder.rows)
        folder.add([row(2)])
        folder.seal()


AT_WORK = {
    "emptied": lambda rows: os.truncate(rows, 0), "cut": lambda rows: os.truncate(rows, 40),
    "removed": lambda rows: rows.unlink(), "changed": changed,
    "emptied and filled": lambda rows: rows.write_bytes(b"0" * 10_000),
}  # fmt: skip


@pytest.mark.parametrize("damage", AT_WORK)
def test_rows_that_are_touched_while_a_run_works_are_never_sealed(tmp_path, damage):
    with pytest.raises(DamagedError, match=r"rows.jsonl (is shorter|was removed|was changed)"):
        live_with(tmp_path, AT_WORK[damage])
    assert not list(tmp_path.rglob("done.json"))
    assert read_results(tmp_path).rows.empty


def test_a_link_in_place_of_the_rows_is_not_written_through(tmp_path):
    victim = tmp_path / "victim"
    victim.write_text("mine")
    with pytest.raises(DamagedError, match="replaced by a link"):
        live_with(tmp_path, link_to(victim))
    assert victim.read_text() == "mine"


@pytest.mark.parametrize("damage", AT_WORK)
def test_rows_that_are_touched_between_two_attempts_are_never_sealed(tmp_path, damage):
    toy.live(tmp_path, days=2)
    (rows,) = tmp_path.rglob("rows.jsonl")
    if damage == "changed":
        rows.write_bytes(rows.read_bytes().replace(b"1.0", b"9.0"))
    else:
        AT_WORK[damage](rows)
    with pytest.raises(Exception, match=r"rows.jsonl"):
        toy.live(tmp_path)
    assert not list(tmp_path.rglob("done.json"))


def test_a_picture_that_vanished_between_two_attempts_is_missed(tmp_path):
    toy.live(tmp_path, days=2)
    next(tmp_path.rglob("*.png")).unlink()
    with pytest.raises(DamagedError, match="is missing or was changed"):
        toy.live(tmp_path)


def test_a_checkpoint_vouches_for_the_rows_that_were_there(tmp_path):
    """Written before its rows, it would vouch for rows that a kill between the two never let be."""
    mine = toy.brain()
    with RunFolder.open(tmp_path, MANIFEST) as folder:
        restore(folder, mine)
        folder.add([row(1)])
        seen = []
        fsync, replace = os.fsync, os.replace

        def noting(source, target):
            seen.append((Path(target).name, folder.rows.stat().st_size))
            replace(source, target)

        synced = []

        def syncing(descriptor):
            synced.append(Path(os.readlink(f"/proc/self/fd/{descriptor}")).name)
            fsync(descriptor)

        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(os, "replace", noting)
            patch.setattr(os, "fsync", syncing)
            commit(folder, mine, Cursor(1))
        assert [size > 0 for name, size in seen if name == "checkpoint.safetensors"] == [True]
        assert synced[0] == "rows.jsonl"
        assert synced[1].startswith(".checkpoint.safetensors.")


SEALED = ["rows.jsonl", "manifest.json", "weights.safetensors", "pictures/w-day-001-step-0000000.png"]


@pytest.mark.parametrize("name", SEALED)
@pytest.mark.parametrize("how", ["flipped", "removed", "a folder"])
def test_whatever_is_damaged_after_the_seal_is_named_wherever_the_run_is_counted(tmp_path, capsys, name, how):
    toy.live(tmp_path)
    file = next(tmp_path.rglob(name))
    content = file.read_bytes()
    file.unlink()
    if how == "flipped":
        file.write_bytes(bytes([content[0] ^ 1]) + content[1:])
    elif how == "a folder":
        file.mkdir()
    results = read_results(tmp_path)
    assert results.rows.empty
    assert file.name in results.problems[0]
    assert main(["status", str(tmp_path), "--json"]) == 1 or (name, how) == ("manifest.json", "removed")
    assert '"done"' not in capsys.readouterr().out
    with pytest.raises(DamagedError):
        toy.live(tmp_path)


@pytest.mark.parametrize("name", ["done.json", "manifest.json"])
def test_a_folder_in_place_of_a_file_is_told_and_not_waited_for(tmp_path, name):
    toy.live(tmp_path, days=1)
    (run,) = tmp_path.glob("runs/*/*/*/*")
    (run / name).unlink(missing_ok=True)
    (run / name).mkdir()
    with pytest.raises(DamagedError, match=name):
        toy.live(tmp_path)


def test_two_writers_of_one_file_never_share_a_neighbour(tmp_path):
    """Process numbers are the same in two containers; of 1,000 names none is given twice."""
    assert len({beside(tmp_path / "rows.csv") for _ in range(1000)}) == 1000
