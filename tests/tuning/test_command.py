"""`oneiros tune` from the command line: a small search to its end, and one clear line for each wrong request."""

import json

import pytest

from oneiros.cli import main
from oneiros.runs.catalogue import experiment
from oneiros.runs.settings import override

SMALL = ["tune", "kubo2025/digits", "--scale", "smoke", "--orders", "1", "--sleep-seeds", "1", "--winners", "1"]


def said(capsys) -> str:
    captured = capsys.readouterr()
    return " ".join((captured.out + captured.err).split())


def test_a_search_ends_with_a_winner_whose_settings_can_be_set(tmp_path, capsys):
    arguments = [*SMALL, "--trials", "2", "--jobs", "1", "--out", str(tmp_path)]
    assert main(arguments) == 0
    assert "winner" in said(capsys)
    winner = json.loads((tmp_path / "winner.json").read_text())
    assert winner["provenance"]["search"]["candidates"] == 2
    settings = [f"{name}={value}" for name, value in winner["settings"].items()]
    config = override(experiment("kubo2025/digits").scales["smoke"], settings)
    assert config.sleep.steps == winner["settings"].get("sleep.steps", config.sleep.steps)

    before = (tmp_path / "candidates.csv").read_bytes()
    assert main(arguments) == 0  # nothing is left to do
    assert (tmp_path / "candidates.csv").read_bytes() == before
    assert main([*arguments, "--seed", "1"]) == 2
    assert "holds a search with another seed; choose another --out" in said(capsys)


@pytest.mark.slow
def test_two_processes_share_one_search(tmp_path):
    assert main([*SMALL, "--trials", "6", "--jobs", "2", "--out", str(tmp_path)]) == 0
    lines = (tmp_path / "candidates.csv").read_text().splitlines()[1:]
    searched = [line.split(",") for line in lines if line.startswith("search")]
    assert [line[1] for line in searched] == [str(k) for k in range(6)]
    assert len({line[7] for line in searched}) == 2


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["tune", "shin2017/permuted"], "shin2017/permuted does not declare what there is to choose"),
        (["tune", "kubo2025/digitz"], "Did you mean 'kubo2025/digits'"),
        ([*SMALL, "--condition", "sequential"], "no condition that can be tuned is called 'sequential'"),
        ([*SMALL, "--trials", "0"], "--trials 0: expected at least 1"),
        ([*SMALL, "--set", "sleep.rat=1"], "Did you mean 'sleep.rate'"),
    ],
)
def test_wrong_requests(arguments, message, capsys):
    assert main(arguments) == 2
    assert message in said(capsys)


def test_without_the_extra_the_error_names_it(monkeypatch, capsys):
    import importlib.util

    found = importlib.util.find_spec
    monkeypatch.setattr(
        importlib.util, "find_spec", lambda name, *rest: None if name == "cmaes" else found(name, *rest)
    )
    assert main(SMALL) == 2
    assert "tuning needs cmaes; `pip install 'oneiros[tune]'`" in said(capsys)
