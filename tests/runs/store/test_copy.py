"""Finished runs arrive whole at a second place, seal last; what broke off is made again; errors say what to do."""

import hashlib
import json

import fsspec
import numpy as np
import pytest
from fsspec.implementations.memory import MemoryFileSystem

from oneiros.cli import main
from oneiros.runs import sweep
from oneiros.runs.store import DamagedError, Manifest, Picture, RunFolder, StorageError, read_runs
from oneiros.runs.store.copy import copy_sealed, is_copied

SMOKE = ["run", "kubo2025/digits", "--scale", "smoke", "--condition", "sequential", "--jobs", "1", "--seeds", "2"]


@pytest.fixture(autouse=True)
def empty_store(monkeypatch):
    monkeypatch.setattr(MemoryFileSystem, "store", {})
    monkeypatch.setattr(MemoryFileSystem, "pseudo_dirs", [""])


def finished(out):
    manifest = Manifest(paper="p", experiment="e", condition="c", seed=0, scale="smoke", config={"a": 1}, device="cpu")
    with RunFolder.open(out, manifest) as folder:
        folder.rewind(0, 0.0)
        folder.weights.write_bytes(b"weights")
        folder.keep(Picture(name="dream", day=0, tiles=np.zeros((1, 1, 2, 2, 1), np.uint8), caption="nothing"))
        folder.seal()
    return folder.path


def in_store() -> dict[str, str]:
    store = fsspec.filesystem("memory")
    return {name: hashlib.sha256(store.cat_file(name)).hexdigest() for name in store.find("/")}


@pytest.mark.parametrize("kind", ["memory", "file", "plain path"])
def test_every_sealed_file_arrives_and_nothing_else(tmp_path, kind):
    path = finished(tmp_path / "out")
    (path / "checkpoint.safetensors").write_bytes(b"left behind")
    there = tmp_path / "there"
    url = {"memory": "memory://there", "file": there.as_uri(), "plain path": str(there)}[kind]
    assert not is_copied(path, tmp_path / "out", url)
    copy_sealed(path, tmp_path / "out", url)
    assert is_copied(path, tmp_path / "out", url)
    system, root = fsspec.url_to_fs(url)
    came = {name.removeprefix(f"{root}/"): system.cat_file(name) for name in system.find(root)}
    below = path.relative_to(tmp_path / "out").as_posix()
    names = [
        "done.json",
        "manifest.json",
        "pictures/dream-day-000-step-0000000.png",
        "rows.jsonl",
        "weights.safetensors",
    ]
    assert came == {f"{below}/{name}": (path / name).read_bytes() for name in names}


def test_a_copy_that_broke_off_has_no_seal_and_is_made_again(tmp_path, monkeypatch):
    path, whole = finished(tmp_path), MemoryFileSystem.pipe_file

    def breaks_off(self, name, content, **options):
        if name.endswith("weights.safetensors"):
            raise ConnectionError("the line is dead")
        whole(self, name, content, **options)

    monkeypatch.setattr(MemoryFileSystem, "pipe_file", breaks_off)
    with pytest.raises(StorageError, match="ConnectionError: the line is dead.*the same command copies it again"):
        copy_sealed(path, tmp_path, "memory://there")
    assert not any(name.endswith("done.json") for name in in_store())
    assert not is_copied(path, tmp_path, "memory://there")
    monkeypatch.setattr(MemoryFileSystem, "pipe_file", whole)
    copy_sealed(path, tmp_path, "memory://there")
    assert is_copied(path, tmp_path, "memory://there")


def test_what_arrives_changed_is_noticed(tmp_path, monkeypatch):
    path, whole = finished(tmp_path), MemoryFileSystem.pipe_file
    monkeypatch.setattr(MemoryFileSystem, "pipe_file", lambda self, name, content: whole(self, name, content + b"!"))
    with pytest.raises(StorageError, match="did not arrive as it was sent"):
        copy_sealed(path, tmp_path, "memory://there")


def test_a_damaged_run_is_not_copied(tmp_path):
    path = finished(tmp_path)
    (path / "rows.jsonl").write_text("{}\n")
    with pytest.raises(DamagedError, match=r"rows.jsonl was changed after the run was sealed"):
        copy_sealed(path, tmp_path, "memory://there")
    assert not in_store()


@pytest.fixture
def memory_lasts(monkeypatch):
    """The command line refuses a store in memory; here it stands for one that lasts."""
    monkeypatch.setattr(sweep, "require_lasting", lambda url: None)


def test_a_sweep_copies_what_it_finishes_and_what_was_finished_before(tmp_path, capsys, memory_lasts):
    """The second time one copy is missing and is made; the copied folder reads as the original does."""
    assert main([*SMOKE, "--out", str(tmp_path / "out"), "--copy-to", "memory://there"]) == 0
    before = in_store()
    assert sum(name.endswith("done.json") for name in before) == 2
    store = fsspec.filesystem("memory")
    lost = next(name for name in before if name.endswith("done.json"))
    store.rm(lost)
    assert main([*SMOKE, "--out", str(tmp_path / "out"), "--copy-to", "memory://there"]) == 0
    assert in_store() == before
    store.get("/there/", str(tmp_path / "back"), recursive=True)
    rows = [[(run.path / "rows.jsonl").read_bytes() for run in read_runs(tmp_path / name)] for name in ("out", "back")]
    assert rows[0] == rows[1]
    assert len(rows[0]) == 2
    assert all(run.state == "finished" for run in read_runs(tmp_path / "back"))


def test_a_place_that_nobody_can_reach_is_told_before_anything_runs(tmp_path, capsys):
    assert main([*SMOKE, "--out", str(tmp_path), "--copy-to", "nowhere://bucket"]) == 2
    assert "cannot copy to nowhere://bucket (ValueError: Protocol not known: nowhere" in said(capsys)
    assert not list(tmp_path.rglob("rows.jsonl"))


def test_a_run_whose_copy_fails_stays_finished(tmp_path, capsys, monkeypatch, memory_lasts):
    whole = MemoryFileSystem.pipe_file

    def full(self, name, content, **options):
        raise OSError("quota exceeded")

    monkeypatch.setattr(MemoryFileSystem, "pipe_file", full)
    command = [*SMOKE, "--out", str(tmp_path), "--copy-to", "memory://there"]
    assert main(command) == 1
    assert "quota exceeded" in said(capsys)
    assert main(["status", str(tmp_path), "--json"]) == 0
    assert [run["state"] for run in json.loads(capsys.readouterr().out)["runs"]] == ["done", "done"]
    monkeypatch.setattr(MemoryFileSystem, "pipe_file", whole)
    assert main(command) == 0
    assert sum(name.endswith("done.json") for name in in_store()) == 2


@pytest.mark.parametrize(("url", "why"), [
    ("memory://there", "gone when the command ends"), ("memory:there", "no //"), ("s3:there", "no //"), (" ", "empty"),
    ("file://a::zip://b", "chains"), ("a\nb", "line break"),
])  # fmt: skip
def test_a_place_that_would_keep_nothing_or_is_none_is_refused(tmp_path, capsys, monkeypatch, url, why):
    monkeypatch.chdir(tmp_path)
    assert main([*SMOKE, "--out", "out", "--copy-to", url]) == 2
    assert why in said(capsys)
    assert not list(tmp_path.iterdir())


def test_damaged_weights_are_not_copied(tmp_path):
    path = finished(tmp_path)
    path.joinpath("weights.safetensors").write_bytes(b"weightS")
    with pytest.raises(DamagedError, match=r"weights.safetensors was changed after the run was sealed"):
        copy_sealed(path, tmp_path, "memory://there")
    assert not in_store()


def said(capsys) -> str:
    captured = capsys.readouterr()
    return " ".join((captured.out + captured.err).split())
