"""The command line: what comes out, and one clear line and exit code for each wrong request."""

import gzip
import json
import struct

import pandas as pd
import pytest

from oneiros.cli import main
from oneiros.results import COLUMNS, Manifest, Row, RunFolder

SMOKE = ["run", "kubo2025/digits", "--scale", "smoke", "--condition", "sequential", "--jobs", "1"]


def said(capsys) -> str:
    """Everything printed, with the line breaks of a narrow terminal taken out."""
    captured = capsys.readouterr()
    return " ".join((captured.out + captured.err).split())


def test_a_run_writes_its_tables_and_page_and_running_again_changes_nothing(tmp_path, capsys):
    arguments = [*SMOKE, "--out", str(tmp_path)]
    assert main(arguments) == 0
    rows = pd.read_parquet(tmp_path / "rows.parquet")
    assert tuple(rows.columns) == COLUMNS
    assert tuple(pd.read_csv(tmp_path / "rows.csv").columns) == COLUMNS
    assert (rows["metric"] == "accuracy_seen").sum() == 2 * 5
    assert "<h1" in (tmp_path / "index.html").read_text()
    before = (tmp_path / "rows.csv").read_bytes()
    assert main(arguments) == 0
    assert (tmp_path / "rows.csv").read_bytes() == before
    assert main(["report", str(tmp_path)]) == 0
    assert "sequential" in said(capsys)


def test_rows_do_not_depend_on_the_number_of_workers(tmp_path):
    for jobs in ("1", "2"):
        arguments = ["run", "kubo2025/digits", "--scale", "smoke", "--condition", "src", "rehearsal", "--seeds", "2"]
        assert main([*arguments, "--jobs", jobs, "--out", str(tmp_path / jobs)]) == 0
    assert (tmp_path / "1" / "rows.csv").read_bytes() == (tmp_path / "2" / "rows.csv").read_bytes()


def test_check_prints_its_verdicts_as_json(tmp_path, capsys):
    assert main([*SMOKE, "--out", str(tmp_path)]) == 0
    capsys.readouterr()
    assert main(["check", str(tmp_path), "--json"]) == 0
    # digits have no published numbers
    nothing = {"passed": True, "missed": 0, "targets": [], "claims": [], "problems": []}
    assert json.loads(capsys.readouterr().out) == nothing


def test_check_exits_with_1_on_a_miss_and_tells_targets_claims_and_problems(tmp_path, capsys):
    address = {"paper": "kubo2025", "experiment": "mnist"}
    for seed in range(4):
        for condition, accuracy in (("src", 0.30), ("sequential", 0.25)):
            manifest = Manifest(**address, condition=condition, seed=seed, scale="paper", config={}, device="cpu")
            with RunFolder.open(tmp_path, manifest) as folder:
                where = {"order": "01", "day": 4, "task": 4, "phase": "end", "metric": "accuracy_seen"}
                value = accuracy + seed / 1000
                folder.add([Row(**address, condition=condition, seed=seed, **where, value=value)])
                if seed < 3:
                    folder.seal()
    assert main(["check", str(tmp_path), "--json"]) == 1
    judged = json.loads(capsys.readouterr().out)
    assert (judged["passed"], judged["missed"]) == (False, 1)
    verdicts = {target["condition"]: target["verdict"] for target in judged["targets"]}
    assert (verdicts["src"], verdicts["sequential"], verdicts["parallel"]) == (
        "not reproduced",
        "reproduced",
        "not run",
    )
    assert {claim["verdict"] for claim in judged["claims"]} == {"holds", "not run"}
    assert [problem.rpartition("/")[0] for problem in judged["problems"]] == [
        f"runs/kubo2025/mnist/{condition}" for condition in ("sequential", "src")
    ]
    assert main(["check", str(tmp_path)]) == 1
    assert "is not finished; left out" in said(capsys)


def test_tensorboard_is_asked_for_by_name_where_it_is_not_installed(tmp_path, capsys, monkeypatch):
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    assert main([*SMOKE, "--out", str(tmp_path), "--tensorboard"]) == 2
    assert "pip install 'oneiros[tensorboard]'" in said(capsys)


def test_list_names_experiments_conditions_and_settings(capsys):
    assert main(["list"]) == 0
    assert "kubo2025/mnist" in said(capsys)
    assert main(["list", "kubo2025/mnist"]) == 0
    text = said(capsys)
    assert "src_rehearsal" in text
    assert "sleep.growth" in text


@pytest.mark.parametrize(("arguments", "message"), [
    (["run", "kubo2025/mnsit"], "no experiment is called 'kubo2025/mnsit'.* Did you mean 'kubo2025/mnist'"),
    (["run", "kubo2025/digits", "--condition", "srcc"], "no condition is called 'srcc'.* Did you mean 'src'"),
    (["run", "kubo2025/digits", "--seeds", "0"], "--seeds 0: expected at least 1"),
    (["run", "kubo2025/digits", "--jobs", "-1"], "--jobs -1: expected at least 1"),
    (["run", "kubo2025/digits", "--data", "no/such/folder"], "--data no/such/folder: no such folder"),
    (["run", "kubo2025/digits", "--set", "epoch=3"], "no setting 'epoch'. Did you mean 'epochs'"),
    (["run", "kubo2025/digits", "--set", "epochs=many"], "expected a whole number, got 'many'"),
    (["report", "no/such/folder"], "holds no results"),
    (["check", "no/such/folder"], "give the --out folder of a run"),
    (["bench", "nothing"], "no benchmark is called 'nothing'; there are ep, sleep"),
    (["list", "shin2018/chain"], "no experiment is called 'shin2018/chain'"),
])  # fmt: skip
def test_a_request_that_cannot_be_met_gets_one_line_and_exit_code_2(arguments, message, capsys):
    import re

    assert main(arguments) == 2
    text = said(capsys)
    assert re.search(message, text), text
    assert "Traceback" not in text


@pytest.mark.parametrize("arguments", [["frobnicate"], ["run"], ["run", "kubo2025/digits", "--scale", "huge"]])
def test_a_request_that_cannot_be_parsed_exits_with_2(arguments):
    with pytest.raises(SystemExit) as stopped:
        main(arguments)
    assert stopped.value.code == 2


def test_another_configuration_in_the_same_folder_is_refused_before_anything_runs(tmp_path, capsys):
    assert main([*SMOKE, "--out", str(tmp_path)]) == 0
    assert main([*SMOKE, "--out", str(tmp_path), "--set", "epochs=2"]) == 2
    assert "epochs is 1 there and 2 here" in said(capsys)


def test_weights_that_explode_stop_the_run_and_name_the_phase(tmp_path, capsys):
    assert main([*SMOKE, "--out", str(tmp_path), "--set", "alpha_hidden=1e30"]) == 1
    text = said(capsys)
    assert "became NaN or infinite in phase 'equilibrium-wake', task" in text
    assert "The last good checkpoint is kept in" in text


def test_a_truncated_gz_is_named(tmp_path, capsys):
    raw = tmp_path / "data" / "MNIST" / "raw"
    raw.mkdir(parents=True)
    images = struct.pack(">IIII", 0x803, 20, 28, 28) + bytes(range(256)) * 70
    for name in ("train-images-idx3-ubyte.gz", "t10k-images-idx3-ubyte.gz"):
        (raw / name).write_bytes(gzip.compress(images[: 16 + 20 * 784])[:-50])
    for name in ("train-labels-idx1-ubyte.gz", "t10k-labels-idx1-ubyte.gz"):
        (raw / name).write_bytes(gzip.compress(struct.pack(">II", 0x801, 20) + bytes(20)))
    arguments = ["run", "kubo2025/mnist", "--scale", "smoke", "--condition", "sequential", "--jobs", "1"]
    assert main([*arguments, "--data", str(tmp_path / "data"), "--out", str(tmp_path / "out")]) == 1
    text = said(capsys)
    assert "train-images-idx3-ubyte.gz" in text
    assert "truncated or damaged" in text


def test_two_commands_on_one_run_folder_the_second_is_told(tmp_path, capsys):
    assert main([*SMOKE, "--out", str(tmp_path), "--set", "epochs=2"]) == 0
    (path,) = (tmp_path / "runs").glob("*/*/*/*/manifest.json")
    manifest = Manifest.from_json(path.read_text(), "")
    capsys.readouterr()
    with RunFolder.open(tmp_path, manifest):
        assert main([*SMOKE, "--out", str(tmp_path), "--set", "epochs=2"]) == 1
    assert "another process is running" in said(capsys)
