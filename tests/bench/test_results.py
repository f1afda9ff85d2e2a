"""From an output folder to `results/` and into the README, whatever a paper measures."""

import json
from pathlib import Path

import pandas as pd
import pytest

from oneiros.runs.store import Manifest, Row, RunFolder

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def tool():
    from bench import results

    return results


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
    block = tool.results_block(
        [published], {"kubo2025": {"short": "", "long": "One.\n\nTwo of {kubo2025-mnist seeds}."}}
    )
    assert "### Kubo, Delanois & Bazhenov 2025\n\nOne.\n\nTwo of 3.\n\n#### " in block
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


def test_every_folder_of_results_is_told_and_the_readme_s_part_fits_one_screen(tool):
    root = ROOT
    full, readme = ((root / name).read_text() for name in ("docs/results.md", "README.md"))
    published = tool.everything()
    # results/bench holds tables of scripts, which no experiment is judged by.
    folders = {path.name for path in (root / "results").iterdir() if path.is_dir()} - {"bench"}
    assert {each.name for each in published} == folders != set()
    papers = {each.experiment.paper for each in published}
    part = readme.partition("<!-- results -->")[2].partition("<!-- /results -->")[0]
    assert all(f"papers/{paper}/README.md" in part for paper in papers)
    assert len(part.split()) < 420
    assert len(part.splitlines()) < 4 * len(papers)
    for each in published:
        if each.name != tool.DEMO:
            assert f"#### {each.title}" in full


def test_numbers_of_a_sentence_come_from_rows(tool, tmp_path):
    write(tmp_path / "out", "kubo2025", "mnist", "accuracy_seen", {"src": 0.30, "sequential": 0.25})
    tool.collect(tmp_path / "out", tmp_path / "kubo2025-mnist")
    published = [tool.load(tmp_path / "kubo2025-mnist")]
    said = tool.filled("from {kubo2025-mnist sequential\nfinal_accuracy} % in {kubo2025-mnist seeds} seeds", published)
    assert said == "from 25.1 % in 3 seeds"
    with pytest.raises(SystemExit, match="no such condition or metric"):
        tool.filled("{kubo2025-mnist asleep final_accuracy}", published)
    with pytest.raises(SystemExit, match="there is no results/kubo2025-digits"):
        tool.filled("{kubo2025-digits src final_accuracy}", published)


def test_what_has_no_rows_at_all_counts_as_not_run(tool, tmp_path):
    write(tmp_path / "out", "kubo2025", "mnist", "accuracy_seen", {"src": 0.30, "sequential": 0.25})
    tool.collect(tmp_path / "out", tmp_path / "kubo2025-mnist")
    published = tool.load(tmp_path / "kubo2025-mnist")
    every = sum(len(table_of("kubo2025")) for table_of in (tool.targets_of, tool.claims_of))
    e = published.experiment
    assert tool.absent("kubo2025", [published]) == every - len(e.targets) - len(e.claims) > 0


def test_figures_of_an_experiment_are_not_those_of_one_with_a_longer_name(tool):
    names = {name: {path.name for path in tool.figures_of(f"shin2017-{name}")} for name in ("domains", "domains-back")}
    assert "shin2017-domains-days.png" in names["domains"]
    assert "shin2017-domains-back-days.png" in names["domains-back"]
    assert not names["domains"] & names["domains-back"]
