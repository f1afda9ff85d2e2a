"""`oneiros run all`: tells, runs, goes on where it stopped."""

import pytest

from oneiros.cli import main
from oneiros.runs.campaign import Step
from oneiros.runs.store import read_runs

SMALL = Step(
    experiment="kubo2025/digits", scale="smoke", conditions=("sequential", "src"), seeds=2, minutes=0.1,
    decides="whether it runs",
)  # fmt: skip
LONG = Step(
    experiment="kubo2025/digits", scale="quick", conditions=(), seeds=1, minutes=1e6, decides="nothing, in time"
)


@pytest.fixture
def campaign(monkeypatch, tmp_path):
    monkeypatch.setattr("oneiros.cli.campaign.steps", lambda scale, device: (LONG, SMALL))
    return ["run", "all", "--jobs", "1", "--device", "cpu", "--out", str(tmp_path / "all")]


def test_it_tells_and_runs_nothing_for_no_hours(campaign, tmp_path, capsys):
    assert main([*campaign, "--budget", "0"]) == 0
    said = capsys.readouterr().out
    assert "whether it" in said
    assert "about 166666.7 core-hours" in said.replace("\n", " ")
    assert not (tmp_path / "all").exists()


def test_it_passes_over_what_does_not_fit_and_does_nothing_twice(campaign, tmp_path, capsys):
    assert main([*campaign, "--budget", "1"]) == 0
    assert "1 of 3 rounds did not fit" in capsys.readouterr().out
    out = tmp_path / "all" / "kubo2025-digits-smoke"
    done = {(run.manifest.condition, run.manifest.seed) for run in read_runs(out)}
    assert done == {(condition, seed) for condition in SMALL.conditions for seed in range(2)}
    assert main([*campaign, "--budget", "1"]) == 0
    assert "1 of 1 rounds did not fit" in capsys.readouterr().out


def test_it_chooses_by_itself(campaign, capsys):
    assert main([*campaign, "--seeds", "3"]) == 2
    assert "leave those options out" in capsys.readouterr().err
    assert main(["run", "kubo2025/digits", "--budget", "1"]) == 2
    assert "--budget is for `oneiros run all`" in capsys.readouterr().err
