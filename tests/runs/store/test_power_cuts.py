"""A power cut at every write of a run, then the same command: the run that nobody disturbed, or a named damage.

Nothing here stands for the disk but the disk: `power_cuts` watches real writes and makes every state anew.
"""

import importlib.util
import os
import sys
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
import torch

from oneiros.core import Brain
from oneiros.life import Cursor
from oneiros.runs.store import Manifest, Picture, Row, RunFolder, read_results
from oneiros.runs.store.attempt import located
from oneiros.runs.store.checkpoint import WEIGHTS, commit, restore, save_weights
from oneiros.runs.store.copy import copy_sealed, is_copied
from oneiros.runs.store.sweep_list import read_sweep_lists, write_sweep_list
from oneiros.runs.store.tensors import read_tensors

spec = importlib.util.spec_from_file_location("power_cuts", Path(__file__).with_name("power_cuts.py"))
assert spec is not None
assert spec.loader is not None
power_cuts = sys.modules[spec.name] = importlib.util.module_from_spec(spec)
spec.loader.exec_module(power_cuts)

pytestmark = pytest.mark.skipif(not Path("/proc/self/fd").exists(), reason="files are known by their descriptors")

ADDRESS = {"paper": "p", "experiment": "e", "condition": "c", "seed": 0}
DAYS = 3


def brain() -> Brain:
    net = torch.nn.Linear(2, 1, bias=False)
    torch.nn.init.zeros_(net.weight)
    return Brain(net=net)


def live(out: Path, days: int = DAYS, code: str = "1+x") -> None:
    """A life whose every day adds to the weight, a row and a picture; it begins where its folder left off."""
    manifest = Manifest(**ADDRESS, scale="s", config={"rate": 0.1}, device="cpu", code=code)
    out.mkdir(exist_ok=True)
    with RunFolder.open(out, manifest) as folder:
        if folder.finished:
            return
        folder.describe_data({"file": "sum"})
        mine = brain()
        start = restore(folder, mine) or Cursor()
        for day in range(start.task, days):
            with torch.no_grad():
                mine.net.weight += day + 1
            where = {"order": "01", "day": day, "task": day, "phase": "end", "metric": "weight"}
            folder.add([Row(**ADDRESS, **where, value=mine.net.weight.detach()[0, 0].item())])
            folder.keep(Picture(name="w", day=day, tiles=np.full((1, 1, 2, 2, 1), day, np.uint8), caption="weights"))
            commit(folder, mine, Cursor(day + 1))
        if days == DAYS:
            save_weights(folder.weights, mine.net)
            folder.seal()


def left_by(out: Path) -> dict[str, bytes]:
    """What the finished run in `out` consists of."""
    results = read_results(out)
    assert results.problems == ()
    (run,) = results.runs
    brain().net.load_state_dict(read_tensors(run.path / "weights.safetensors", WEIGHTS)[0])
    named = {path.name for path in run.path.iterdir() if not path.name.startswith(".")}
    assert named <= {"manifest.json", "rows.jsonl", "weights.safetensors", "pictures", "done.json"}
    kept = [*run.path.glob("pictures/*.png"), *(run.path / name for name in ("rows.jsonl", "weights.safetensors"))]
    return {path.name: path.read_bytes() for path in kept}


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory) -> dict[str, bytes]:
    out = tmp_path_factory.mktemp("undisturbed") / "out"
    live(out)
    kept = left_by(out)
    assert len(kept) == DAYS + 2
    return kept


@pytest.fixture
def quick(monkeypatch):
    """What is made anew need not survive another power cut."""
    return lambda: monkeypatch.setattr(os, "fsync", lambda descriptor: None)


def states_of(root: Path, work) -> list:
    cuts = power_cuts.PowerCuts(root)
    with cuts.watching():
        work()
    states = power_cuts.distinct(cuts.states)
    print(f"{cuts.points} moments, {len(states)} states")
    return states


BEFORE = {"a new run": None, "a run gone on with": 1, "a run of another code begun again": 1}


@pytest.mark.parametrize("kind", BEFORE)
def test_a_power_cut_at_any_write_of_a_run_changes_nothing(tmp_path, undisturbed, quick, kind):
    root = tmp_path / "root"
    root.mkdir()
    if BEFORE[kind]:
        live(root / "out", BEFORE[kind], code="0+old" if "another" in kind else "1+x")
    states = states_of(root, lambda: live(root / "out"))
    assert len(states) > 80
    quick()
    for where, state in states:
        out = power_cuts.put(state, tmp_path / "again") / "out"
        finished = [run.path for run in read_results(out).runs]
        if finished:
            assert left_by_sealed(out) == undisturbed, where
        live(out)
        assert left_by(out) == undisturbed, where


def left_by_sealed(out: Path) -> dict[str, bytes]:
    """The same of a run whose files may not have been moved up yet."""
    (run,) = read_results(out).runs
    names = ["rows.jsonl", "weights.safetensors", *(f"pictures/{name}" for name in run.pictures)]
    return {Path(name).name: located(run.path, run.attempt, name).read_bytes() for name in names}


def test_a_power_cut_at_any_write_of_a_copy_leaves_none_or_the_whole(tmp_path, undisturbed, quick):
    live(tmp_path / "out")
    (run,) = read_results(tmp_path / "out").runs
    root = tmp_path / "root"
    root.mkdir()
    states = states_of(root, lambda: copy_sealed(run.path, tmp_path / "out", str(root / "there")))
    quick()
    copied = Counter()
    for where, state in states:
        there = power_cuts.put(state, tmp_path / "again") / "there"
        whole = is_copied(run.path, tmp_path / "out", str(there))
        copied[whole] += 1
        if whole:
            assert left_by(there) == undisturbed, where
        copy_sealed(run.path, tmp_path / "out", str(there))
        assert left_by(there) == undisturbed, where
    assert copied[True] > 0
    assert copied[False] > 20


def test_a_power_cut_at_any_write_of_a_list_of_runs_leaves_none_or_the_whole(tmp_path, quick):
    root = tmp_path / "root"
    root.mkdir()
    manifest = Manifest(**ADDRESS, scale="s", config={}, device="cpu", code="1+x")
    states = states_of(root, lambda: write_sweep_list(root / "out", [manifest]))
    quick()
    for _, state in states:
        out = power_cuts.put(state, tmp_path / "again") / "out"
        assert len(read_sweep_lists(out)) in (0, 1)
        write_sweep_list(out, [manifest])
        assert len(read_sweep_lists(out)) == 1
