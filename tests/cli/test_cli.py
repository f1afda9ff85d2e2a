"""The command line: what comes out, and one clear line and exit code for each wrong request."""

import gzip
import importlib.util
import json
import struct
import subprocess
import sys
import threading
import time

import pandas as pd
import pytest

from oneiros.cli import main
from oneiros.runs import experiment as recipe
from oneiros.runs.store import COLUMNS, Manifest, Row, RunFolder

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


@pytest.mark.slow
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
    found = importlib.util.find_spec
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None if name == "tensorboard" else found(name))
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
    (["run", "kubo2025/digits", "--jobs", "-1"], "--jobs -1: expected at least 0"),
    (["run", "kubo2025/digits", "--data", "no/such/folder"], "--data no/such/folder: no such folder"),
    (["run", "kubo2025/digits", "--set", "epoch=3"], "no setting 'epoch'. Did you mean 'epochs'"),
    (["run", "kubo2025/digits", "--set", "epochs=many"], "expected a whole number, got 'many'"),
    (["run", "kubo2025/digits", "--gpus", "-1"], "--gpus -1.0: expected at least 0"),
    (["status", "no/such/folder"], "holds no results"),
    (["report", "no/such/folder"], "holds no results"),
    (["check", "no/such/folder"], "give the --out folder of a run"),
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
    assert main(arguments) == 2


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


def test_the_second_of_two_commands_waits_for_a_run_that_the_first_is_doing(tmp_path, monkeypatch):
    """The first is a claim that lets go after a while; until then nothing is written but by its owner."""
    assert main([*SMOKE, "--out", str(tmp_path / "alone")]) == 0
    (path,) = (tmp_path / "alone").glob("runs/*/*/*/*/manifest.json")
    manifest = Manifest.from_json(path.read_text(), "")
    seen = []

    def first() -> None:
        with RunFolder.open(tmp_path / "both", manifest) as folder:
            entered.set()
            time.sleep(1.5)
            seen.extend(sorted(file.name.partition("-1-")[0] for file in folder.path.iterdir()))

    entered, owner = threading.Event(), threading.Thread(target=first)
    owner.start()
    assert entered.wait(20)
    assert main([*SMOKE, "--out", str(tmp_path / "both")]) == 0
    owner.join()
    assert seen == [".claim-1.json", ".lock", "attempt", "manifest.json"]
    assert (tmp_path / "both" / "rows.csv").read_bytes() == (tmp_path / "alone" / "rows.csv").read_bytes()


def test_a_run_that_failed_is_named_left_alone_and_tried_again_when_asked(tmp_path, capsys, monkeypatch):
    arguments = [*SMOKE, "--out", str(tmp_path), "--seeds", "2"]
    tried, lived = [], recipe.live_in_folder

    def fails_on_seed_1(recorder):
        tried.append(recorder.address["seed"])
        if recorder.address["seed"] == 1:
            raise ZeroDivisionError("the second seed\nhas no luck")
        lived(recorder)

    monkeypatch.setattr(recipe, "live_in_folder", fails_on_seed_1)
    assert main(arguments) == 1
    assert "failed sequential/seed-1: the second seed" in said(capsys)
    assert main(["status", str(tmp_path)]) == 1
    text = said(capsys)
    assert "2 runs: 1 done, 1 failed" in text
    assert "ZeroDivisionError: the second seed" in text
    assert "has no luck" not in text
    monkeypatch.setattr(recipe, "live_in_folder", lived)
    tried.clear()
    assert main(arguments) == 1
    assert "--retry-failed" in said(capsys)
    assert tried == []
    assert main([*arguments, "--retry-failed"]) == 0
    assert main(["status", str(tmp_path)]) == 0
    assert "2 runs: 2 done" in said(capsys)


def test_status_tells_what_was_asked_for_and_has_not_begun(tmp_path, capsys, monkeypatch):
    def stops(recorder):
        raise KeyboardInterrupt

    monkeypatch.setattr(recipe, "live_in_folder", stops)
    assert main([*SMOKE, "--out", str(tmp_path), "--seeds", "3"]) == 130
    capsys.readouterr()
    assert main(["status", str(tmp_path), "--json"]) == 0
    status = json.loads(capsys.readouterr().out)
    assert [run["state"] for run in status["runs"]] == ["interrupted", "waiting", "waiting"]
    assert status["seconds_left"] is None
    assert main(["status", str(tmp_path)]) == 0
    assert "3 runs: 2 waiting, 1 interrupted, nobody is at work" in said(capsys)


def test_help_and_status_do_without_what_takes_seconds_to_import(tmp_path):
    (tmp_path / "runs").mkdir()
    code = (
        "import sys; from oneiros.cli import main; code = main(['status', sys.argv[1]])\n"
        "heavy = {'torch', 'pandas', 'matplotlib', 'numba', 'pyarrow', 'scipy'} & set(sys.modules)\n"
        "print(code, sorted(heavy))"
    )
    told = subprocess.run([sys.executable, "-c", code, str(tmp_path)], capture_output=True, text=True, check=True)
    assert told.stdout.splitlines()[-1] == "0 []"
