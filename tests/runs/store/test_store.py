"""What an output folder holds: what counts, what does not, and why."""

import dataclasses
import json

import pytest

from oneiros.runs import peak_memory
from oneiros.runs.store import Manifest, Row, RunFolder, read_results

NEW, OLD = "1.0+new", "0.9+old"
ADDRESS = {"paper": "p", "experiment": "e", "condition": "c"}


def run(out, seed, code=NEW, **changed):
    """One finished run; its folder."""
    address = {**ADDRESS, **changed}
    config, how = address.pop("config", {"rate": 0.1}), address.pop("arithmetic", {})
    with RunFolder.open(
        out, Manifest(**address, seed=seed, scale="s", config=config, device="cpu", code=code, **how)
    ) as folder:
        folder.rewind(0, 0.0)
        where = {"order": "01", "day": 0, "task": 0, "phase": "end", "metric": "accuracy_seen"}
        folder.add([Row(**address, seed=seed, **where, value=0.5)])
        folder.seal()
    return folder.path


def reseal(path, text):
    """Sealed like a whole run, but with these rows."""
    import hashlib

    (path / "rows.jsonl").write_text(text)
    seal = json.loads((path / "done.json").read_text())
    seal |= {"rows": text.count("\n"), "sha256": hashlib.sha256(text.encode()).hexdigest()}
    (path / "done.json").write_text(json.dumps(seal))


def test_the_code_of_most_runs_counts_and_the_others_are_named(tmp_path):
    for seed, code in enumerate((OLD, NEW, NEW)):
        run(tmp_path, seed, code)
    results = read_results(tmp_path)
    assert sorted(results.rows["seed"]) == [1, 2]
    (said,) = results.problems
    assert "p/e: its runs come from 2 versions of the code, 1.0+new (2 runs), 0.9+old (1 run)" in said
    assert "only those of 1.0+new count" in said
    assert "c/seed-0-" in said


def test_where_two_codes_tie_none_counts(tmp_path):
    run(tmp_path, 0, OLD)
    run(tmp_path, 1, NEW)
    results = read_results(tmp_path)
    assert results.rows.empty
    assert results.runs == ()
    assert "none counts" in results.problems[0]


@pytest.mark.parametrize(
    ("other", "named"),
    [({"products": "onednn"}, "(products by onednn)"), ({"precision": "bf16"}, "(bf16, products by torch)")],
)
def test_rows_of_two_precisions_or_libraries_are_never_judged_together(tmp_path, other, named):
    for seed, how in enumerate((other, {}, {})):
        run(tmp_path, seed, arithmetic={"products": "torch", **how})
    results = read_results(tmp_path)
    assert sorted(results.rows["seed"]) == [1, 2]
    (said,) = results.problems
    told = f"2 kinds of arithmetic, {NEW} (products by torch) (2 runs), {NEW} {named} (1 run); only those of"
    assert told in said


def test_experiments_may_differ_in_code(tmp_path):
    run(tmp_path, 0, OLD)
    run(tmp_path, 0, NEW, experiment="other")
    results = read_results(tmp_path)
    assert results.problems == ()
    assert len(results.rows) == 2


def test_one_seed_under_two_configurations_is_left_out(tmp_path):
    run(tmp_path, 0)
    run(tmp_path, 0, config={"rate": 0.2})
    run(tmp_path, 1)
    results = read_results(tmp_path)
    assert results.rows["seed"].tolist() == [1]
    assert "are the same run under two configurations; left out" in results.problems[0]


@pytest.mark.parametrize("text", ['{"paper": "p"}\n', "no row\n", '{"paper": "p", "extra": 1}\n', "[1]\n"])
def test_sealed_rows_that_are_no_rows_are_named(tmp_path, text):
    reseal(run(tmp_path, 0), text)
    run(tmp_path, 1)
    results = read_results(tmp_path)
    assert results.rows["seed"].tolist() == [1]
    assert len(results.problems) == 1
    assert "runs/p/e/c/seed-0-" in results.problems[0]
    assert str(tmp_path) not in results.problems[0]


def test_a_folder_without_a_manifest_is_named(tmp_path):
    (run(tmp_path, 0) / "manifest.json").unlink()
    assert "has no manifest.json" in read_results(tmp_path).problems[0]


def test_a_run_that_measured_nothing_is_no_problem(tmp_path):
    reseal(run(tmp_path, 0), "")
    results = read_results(tmp_path)
    assert results.problems == ()
    assert len(results.runs) == 1


def test_peak_memory_is_that_of_the_run(tmp_path):
    if peak_memory.peak() is None:
        pytest.skip("this system does not say how much memory a process held")
    held = bytearray(300_000_000)
    before = peak_memory.peak()
    del held
    run(tmp_path, 0)
    (info,) = read_results(tmp_path).runs
    assert before is not None
    assert info.peak_memory is not None
    assert 10_000_000 < info.peak_memory < before - 200_000_000


def test_a_seal_of_an_earlier_version_has_no_memory(tmp_path):
    path = run(tmp_path, 0)
    seal = json.loads((path / "done.json").read_text())
    del seal["peak_memory"]
    (path / "done.json").write_text(json.dumps(seal))
    (info,) = read_results(tmp_path).runs
    assert dataclasses.asdict(info)["peak_memory"] is None
