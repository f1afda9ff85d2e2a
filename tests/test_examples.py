"""The scripts of examples/ run as a reader would run them, small, and say what their first lines promise."""

import os
import re
import runpy
import subprocess
import sys
from pathlib import Path

import pytest

from oneiros.runs.store import read_runs

EXAMPLES = sorted((Path(__file__).parents[1] / "examples").glob("*.py"))


def numbers(path: Path, capsys, monkeypatch) -> list[float]:
    """The last number of each line that the script prints."""
    monkeypatch.setattr(sys, "argv", [str(path), "--smoke"])
    runpy.run_path(str(path), run_name="__main__")
    return [float(re.findall(r"[\d.]+$", line)[0]) for line in capsys.readouterr().out.splitlines()]


def test_there_are_five():
    assert len(EXAMPLES) == 5


@pytest.fixture
def script(request, capsys, monkeypatch) -> list[float]:
    (path,) = [each for each in EXAMPLES if each.stem == request.param]
    return numbers(path, capsys, monkeypatch)


@pytest.mark.parametrize("script", ["plain_loop", "class_by_class"], indirect=True)
def test_with_nights_the_network_keeps_what_it_loses_without(script):
    without, sleeping = script
    assert sleeping > without + 0.3


@pytest.mark.parametrize("script", ["spikes_after_dreams"], indirect=True)
def test_small_spikes_do_not_undo_the_dreams(script):
    dreams, both = script
    assert dreams > 0.4  # four epochs; without sleep it would know two classes of ten
    assert abs(both - dreams) < 0.2
    assert both != dreams


@pytest.mark.parametrize("script", ["sleep_every_k"], indirect=True)
def test_half_the_nights_keep_less(script):
    each, second = script
    assert each > second


@pytest.mark.parametrize("script", ["pad_as_scholar"], indirect=True)
def test_dreams_alone_teach_a_new_solver_something_of_the_old_one(script):
    assert all(0 <= value <= 1 for value in script)
    assert len(script) == 3


@pytest.mark.slow
def test_tasks_of_a_slurm_array_share_one_sweep(tmp_path):
    """The script as two tasks of an array would run it, at the same time on one folder."""
    script = Path(__file__).parents[1] / "examples" / "slurm.sbatch"
    command = ["bash", str(script), "kubo2025/digits", "--scale", "smoke", "--condition", "sequential", "--seeds", "4"]
    found = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    tasks = [
        subprocess.Popen(
            [*command, "--out", str(tmp_path)],
            env={**os.environ, "PATH": found, "SLURM_ARRAY_TASK_ID": str(number), "SLURM_CPUS_PER_TASK": "1"},
            stdout=subprocess.DEVNULL,
        )
        for number in range(2)
    ]
    assert [task.wait() for task in tasks] == [0, 0]
    assert [(run.state, run.problem) for run in read_runs(tmp_path)] == [("finished", "")] * 4
