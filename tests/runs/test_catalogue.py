"""Experiments by name: listed by packages, or in a file of one's own, judged by tables beside it."""

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from importlib import metadata
from pathlib import Path

import pandas as pd
import pytest

from oneiros.cli import main
from oneiros.report import read_findings
from oneiros.runs.catalogue import Listed, NoExperimentError, experiment, installed, listing, source_of, tables_of
from oneiros.runs.store import code_version, read_rows, read_runs

FILE = Path(__file__).with_name("my_experiment.py")
TARGETS = """paper,experiment,where,condition,metric,unit,target,spread,n,tolerance,why
mylab2027,digits,Table 1,awake,final_accuracy,percent,50,,,50,anything between nothing and all
"""
CLAIMS = """paper,experiment,where,first,second,metric,margin,text
mylab2027,digits,ours,awake,halved,final_accuracy,0,Halving weights by night does harm
"""


@pytest.fixture
def mine(tmp_path, monkeypatch):
    """A stranger's folder, somewhere else, as the current one."""
    folder = tmp_path / "elsewhere"
    folder.mkdir()
    shutil.copy(FILE, folder / "my_experiment.py")
    (folder / "targets.csv").write_text(TARGETS)
    (folder / "claims.csv").write_text(CLAIMS)
    monkeypatch.chdir(folder)
    monkeypatch.setattr(sys, "path", [*sys.path])
    monkeypatch.delitem(sys.modules, "my_experiment", raising=False)
    yield folder
    sys.modules.pop("my_experiment", None)


def test_every_listed_experiment_is_there_under_its_own_name():
    assert len(installed()) >= 30
    assert listing().problems == ()
    for name in installed():
        found = experiment(name)
        assert f"{found.paper}/{found.name}" == name
        assert len({drawing.name for drawing in found.drawings()}) == len(found.drawings())
        folder = tables_of(found.paper)
        assert folder is not None
        assert (folder / "targets.csv").is_file()


def test_a_broken_package_is_named_and_the_others_are_listed(monkeypatch):
    ours, theirs = (
        metadata.EntryPoint(n, v, "g") for n, v in (("papers", "oneiros.papers:EXPERIMENTS"), ("x", "no:E"))
    )
    monkeypatch.setattr(metadata, "entry_points", lambda group: [theirs, ours])
    found = listing.__wrapped__()
    assert found.experiments["kubo2025/mnist"].target == "oneiros.papers.kubo2025.experiments:MNIST"
    assert found.problems == ("entry point 'x' (no:E): ModuleNotFoundError: No module named 'no'",)


def test_two_packages_cannot_share_a_name(monkeypatch):
    class Point:
        def __init__(self, target: str) -> None:
            self.name, self.value, self.target = "a", target, target

        def load(self):
            return {"lab/first": Listed(self.target, "")}

    monkeypatch.setattr(metadata, "entry_points", lambda group: [Point("one:E"), Point("two:E")])
    assert listing.__wrapped__().problems == ("lab/first of two:E is left out: one:E has that name",)


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("nowhere.py:MINE", "no such file"),
        ("my_experiment.py:OURS", r"has no 'OURS'; name one of its experiments: \['MINE'\]"),
        ("my_experiment.py", r"has no ''; name one of its experiments: \['MINE'\]"),
        ("json.py:MINE", "a module called 'json' is there already; rename the file"),
    ],
)
def test_files_that_lack_it_are_refused(name, said, mine):
    shutil.copy(FILE, mine / "json.py")
    with pytest.raises(NoExperimentError, match=said):
        experiment(name)


def test_a_file_that_takes_a_paper_s_name_is_refused(mine):
    text = (mine / "my_experiment.py").read_text()
    (mine / "my_experiment.py").write_text(text.replace("mylab2027", "kubo2025"))
    with pytest.raises(NoExperimentError, match="'kubo2025', which is installed; give it another name"):
        experiment("my_experiment.py:MINE")


def test_a_file_of_one_s_own_is_run_resumed_and_judged_like_ours(mine, tmp_path, capsys):
    asked = ["run", "my_experiment.py:MINE", "--scale", "smoke", "--seeds", "3", "--out", str(tmp_path / "out")]
    assert main([*asked, "--jobs", "1"]) == 0
    written = {run.path: run.path.joinpath("done.json").read_bytes() for run in read_runs(tmp_path / "out")}
    assert len(written) == 6
    (mine / "claims.csv").unlink()  # judged by what they were when runs last began
    checked = read_findings(tmp_path / "out").checked
    assert [(target.condition, target.n) for target in checked.targets] == [("awake", 3)]
    assert [(claim.first, claim.second, claim.n) for claim in checked.claims] == [("awake", "halved", 3)]
    capsys.readouterr()
    main(["check", str(tmp_path / "out"), "--json"])
    assert len(json.loads(capsys.readouterr().out)["claims"]) == 1


def test_a_scale_that_it_does_not_have_is_told(mine, capsys):
    assert main(["run", "my_experiment.py:MINE", "--scale", "quick"]) == 2
    assert "no scale of mylab2027/digits is called 'quick'; there are smoke, paper" in capsys.readouterr().err


@pytest.mark.slow
def test_worker_processes_find_it_and_one_that_is_killed_goes_on(mine, tmp_path):
    command = [
        sys.executable,
        "-m",
        "oneiros.cli",
        "run",
        "my_experiment.py:MINE",
        "--scale",
        "paper",
        "--seeds",
        "2",
        "--jobs",
        "2",
    ]
    for out in (tmp_path / "whole", tmp_path / "killed"):
        process = subprocess.Popen([*command, "--out", str(out)], stdout=subprocess.DEVNULL, start_new_session=True)
        if out.name == "killed":
            while not list(out.glob("runs/**/checkpoint*")):
                time.sleep(0.05)
            os.killpg(process.pid, signal.SIGKILL)
            process = subprocess.Popen([*command, "--out", str(out)], stdout=subprocess.DEVNULL)
        assert process.wait() == 0
    pd.testing.assert_frame_equal(read_rows(tmp_path / "whole"), read_rows(tmp_path / "killed"))


def test_another_text_of_the_file_is_another_code(mine):
    codes = set()
    for _ in range(2):
        code_version.cache_clear()
        codes.add(code_version(source_of("my_experiment.py:MINE")))
        (mine / "my_experiment.py").write_text((mine / "my_experiment.py").read_text() + "\n# changed\n")
    assert len(codes | {code_version(source_of("kubo2025/mnist"))}) == 3
