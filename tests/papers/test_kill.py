"""`kill -9` at any moment, then the same command: rows byte for byte those of the undisturbed run."""

import multiprocessing
import operator
import os
import random
import signal
import time
from pathlib import Path

import pytest

from oneiros.papers import experiment, recipe
from oneiros.papers.recipe import Run, perform
from oneiros.papers.settings import override
from oneiros.results import read_runs

CHOSEN = experiment("kubo2025/digits")
CONFIG = override(CHOSEN.scales["smoke"], ["epochs=2", "examples=100"])

LONGER = override(CONFIG, ["epochs=15", "examples=200"])


def digits(out: Path, config) -> Run:
    return Run(
        experiment="kubo2025/digits", scale="smoke", config=config, condition="src_rehearsal", seed=0, out=out,
        data=None, device="cpu",
    )  # fmt: skip


def live_in_a_child(out: Path, kill_after: float | None) -> tuple[int | None, float]:
    """Exit code and seconds of a process that lives the longer run, killed after so many seconds if not None."""
    # A fork server pays for the imports once; operator.is_ stands for a progress report that nobody reads.
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["oneiros.papers.kubo2025", "sklearn.datasets"])
    child = context.Process(target=perform, args=(digits(out, LONGER), CHOSEN, operator.is_))
    began = time.monotonic()
    child.start()
    child.join(kill_after)
    if child.is_alive():
        child.kill()
    child.join()
    return child.exitcode, time.monotonic() - began


def rows_of(out: Path) -> bytes:
    (run,) = read_runs(out)
    assert run.state == "finished"
    return (run.path / "rows.jsonl").read_bytes()


@pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="this system has no SIGKILL")
def test_five_kills_at_random_moments_leave_the_rows_of_the_undisturbed_run(tmp_path):
    live_in_a_child(tmp_path / "warm-up", None)
    code, lasts = live_in_a_child(tmp_path / "undisturbed", None)
    assert code == 0
    moments = random.Random(0)
    # Five times at most a fifth of the whole: the run cannot be finished before the last kill.
    codes = [live_in_a_child(tmp_path / "killed", moments.uniform(0.02, 0.2) * lasts)[0] for _ in range(5)]
    assert codes == [-signal.SIGKILL] * 5
    assert live_in_a_child(tmp_path / "killed", None)[0] == 0
    assert rows_of(tmp_path / "killed") == rows_of(tmp_path / "undisturbed")


class CrashError(Exception):
    """Stands for the power cut."""


def run_digits(out: Path) -> None:
    perform(digits(out, CONFIG), CHOSEN, operator.is_)


@pytest.mark.parametrize("where", ["before the commit", "between rows and checkpoint", "after the commit"])
def test_a_crash_at_any_commit_loses_and_doubles_nothing(tmp_path, monkeypatch, where):
    """Two epochs of five tasks: 15 commits; a life for each of them, crashed there and resumed."""
    run_digits(tmp_path / "whole")
    commit, crash_at, count = recipe.commit, 0, 0

    def crashing(folder, brain, cursor):
        nonlocal count
        count += 1
        if count != crash_at:
            return commit(folder, brain, cursor)
        if where == "between rows and checkpoint":
            folder.flush()
        if where == "after the commit":
            commit(folder, brain, cursor)
        raise CrashError

    monkeypatch.setattr(recipe, "commit", crashing)
    for crash_at in range(1, 16):
        count = 0
        with pytest.raises(CrashError):
            run_digits(tmp_path / str(crash_at))
        run_digits(tmp_path / str(crash_at))
        assert rows_of(tmp_path / str(crash_at)) == rows_of(tmp_path / "whole")


def test_a_finished_run_is_left_alone(tmp_path):
    run_digits(tmp_path)
    (run,) = read_runs(tmp_path)
    before = {p.name: p.stat().st_mtime_ns for p in run.path.iterdir() if p.name != ".lock"}
    run_digits(tmp_path)
    assert {p.name: p.stat().st_mtime_ns for p in run.path.iterdir() if p.name != ".lock"} == before
    assert not os.path.exists(run.path / "checkpoint.safetensors")
