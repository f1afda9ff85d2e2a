"""From an output folder to `results/` and into the README, whatever a paper measures."""

import importlib.util
import json
from pathlib import Path

import pandas as pd
import pytest

from oneiros.results import Manifest, Row, RunFolder

TOOL = Path(__file__).parents[1] / "tools" / "results.py"


@pytest.fixture(scope="module")
def tool():
    spec = importlib.util.spec_from_file_location("results_tool", TOOL)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def write(out, paper, experiment, metric, values, **changed):
    """Sealed runs of two conditions, three seeds each, that measure one number after the last night."""
    for condition, level in values.items():
        for seed in range(3):
            address = {"paper": paper, "experiment": experiment, "condition": condition, "seed": seed}
            shared = {"scale": "quick", "config": {"rate": 0.1}, "device": "cpu", "data": {condition: "ab"}}
            with RunFolder.open(out, Manifest(**address, **{**shared, **changed})) as folder:
                where = {"order": "01", "day": 0, "task": 0, "phase": "end", "metric": metric}
                folder.add([Row(**address, **where, value=level + seed / 1000)])
                folder.seal()


def test_an_experiment_without_accuracies_is_collected_and_told(tool, tmp_path):
    write(tmp_path / "out", "dreams", "first", "distance_ratio", {"pad": 0.5, "w|o rem": 0.25})
    tool.collect(tmp_path / "out", tmp_path / "dreams-first")
    published = tool.load(tmp_path / "dreams-first")
    assert published.provenance["data"] == {"pad": "ab", "w|o rem": "ab"}
    block = "\n".join(tool.experiment_block(published))
    assert "#### `dreams/first`" in block
    assert "Mean and 95 % interval over 3 seeds, quick scale:" in block
    assert "| condition | distance ratio | seeds |" in block
    assert "| w\\|o rem | 0.251 [" in block
    assert "Not reproduced" not in block  # nothing was published
    assert "6 runs" in block


def test_the_commits_that_rows_come_from_are_collected_and_told(tool, tmp_path):
    write(tmp_path / "out", "dreams", "first", "loss", {"a": 0.5}, commit="a" * 40, tree="clean")
    write(tmp_path / "out", "dreams", "first", "loss", {"b": 0.5}, commit="b" * 40, tree="changed")
    tool.collect(tmp_path / "out", tmp_path / "dreams-first")
    provenance = tool.load(tmp_path / "dreams-first").provenance
    assert provenance["commits"] == [f"{'a' * 40} clean", f"{'b' * 40} changed"]
    assert "(commit aaaaaaaaa, bbbbbbbbb and changes), torch" in tool.how(provenance)
    assert "(commit" not in tool.how({**provenance, "commits": []})


def test_misses_are_told_in_words_with_their_numbers(tool, tmp_path):
    write(tmp_path / "out", "kubo2025", "mnist", "accuracy_seen", {"src": 0.30, "sequential": 0.25})
    tool.collect(tmp_path / "out", tmp_path / "kubo2025-mnist")
    published = tool.load(tmp_path / "kubo2025-mnist")
    said = list(tool.misses(published.experiment))
    assert "Table 2, `src`: not reproduced (30.10 [29.85, 30.35] against 64.68 ± 6)" in said
    assert "Table 2, `parallel`: not run" in said
    block = tool.results_block([published])
    assert "### Kubo, Delanois & Bazhenov 2025" in block
    assert "| `kubo2025/mnist` | quick | 3 | 1 | 1 | 1 |" in block


def test_what_does_not_belong_together_is_not_collected(tool, tmp_path):
    write(tmp_path, "p", "e", "m", {"a": 0.5})
    write(tmp_path, "p", "e", "m", {"b": 0.5}, config={"rate": 0.2})
    with pytest.raises(SystemExit, match=r"mixes experiments, configurations, codes or data: \['b'\]"):
        tool.collect(tmp_path, tmp_path / "to")
    assert not (tmp_path / "to").exists()


def test_unfinished_runs_are_named_in_the_provenance(tool, tmp_path):
    write(tmp_path / "out", "p", "e", "m", {"a": 0.5})
    manifest = Manifest(paper="p", experiment="e", condition="b", seed=0, scale="quick", config={}, device="cpu")
    with RunFolder.open(tmp_path / "out", manifest):
        pass
    tool.collect(tmp_path / "out", tmp_path / "to")
    (left_out,) = json.loads((tmp_path / "to" / "provenance.json").read_text())["left_out"]
    assert "is not finished" in left_out
    assert len(pd.read_parquet(tmp_path / "to" / "rows.parquet")) == 3


def test_every_folder_of_results_is_in_the_readme(tool):
    text = (TOOL.parents[1] / "README.md").read_text()
    published = tool.everything()
    assert len(published) == len(list((TOOL.parents[1] / "results").iterdir())) > 0
    for each in published:
        if each.name != tool.DEMO:
            assert f"**{each.title}**" in text
