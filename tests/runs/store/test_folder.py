"""Run folders on a disk that fills up, with processes that die, and people who edit files."""

import dataclasses
import errno
import json
import os
import subprocess
import sys
from pathlib import Path

import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pyarrow import parquet

from oneiros.runs.store import (
    COLUMNS,
    BusyError,
    DamagedError,
    ForeignOutputError,
    Manifest,
    Row,
    RunFolder,
    StorageError,
    config_hash,
    mixed_code,
    problems,
    read_rows,
    read_runs,
    require_same_configuration,
    write_tables,
)
from oneiros.runs.store.folder import safe_name


def manifest(**changed) -> Manifest:
    settings = dict(paper="p", experiment="e", condition="c", seed=0, scale="smoke", config={"lr": 0.1}, device="cpu")
    return Manifest(**(settings | changed))


def row(day: int, **changed) -> Row:
    address = dict(paper="p", experiment="e", condition="c", seed=0, order="01", task=0, phase="end", metric="accuracy")
    return Row(**(address | changed), day=day, value=day / 10)


def finished(out: Path, **changed) -> Path:
    with RunFolder.open(out, manifest(**changed)) as folder:
        folder.rewind(0, 0.0)
        folder.add([row(day, condition=changed.get("condition", "c"), seed=changed.get("seed", 0)) for day in range(3)])
        folder.seal()
    return folder.path


def test_rows_come_back_as_they_went_in(tmp_path):
    finished(tmp_path)
    rows = read_rows(tmp_path)
    assert tuple(rows.columns) == COLUMNS
    assert rows.to_dict("records") == [dataclasses.asdict(row(day)) for day in range(3)]


def test_tables_are_the_same_bytes_for_the_same_rows_in_whatever_order_they_were_run(tmp_path):
    for out, seeds in ((tmp_path / "a", (0, 1, 2)), (tmp_path / "b", (2, 0, 1))):
        for seed in seeds:
            finished(out, seed=seed)
        write_tables(out, read_rows(out))
    assert (tmp_path / "a/rows.csv").read_bytes() == (tmp_path / "b/rows.csv").read_bytes()


@pytest.mark.parametrize("sign", ["=", "+", "-", "@"])
def test_names_that_a_spreadsheet_takes_for_formulas_have_an_apostrophe_in_the_csv_alone(tmp_path, sign):
    finished(tmp_path, condition=f"{sign}1+1")
    write_tables(tmp_path, read_rows(tmp_path))
    assert set(pd.read_csv(tmp_path / "rows.csv")["condition"]) == {f"'{sign}1+1"}
    assert set(pd.read_parquet(tmp_path / "rows.parquet")["condition"]) == {f"{sign}1+1"}


def test_a_finished_run_is_known_as_such(tmp_path):
    finished(tmp_path)
    with RunFolder.open(tmp_path, manifest()) as folder:
        assert folder.finished
    (run,) = read_runs(tmp_path)
    assert (run.state, run.problem) == ("finished", "")


def test_an_edited_row_is_noticed_left_out_and_named(tmp_path):
    path = finished(tmp_path)
    (path / "rows.jsonl").write_text((path / "rows.jsonl").read_text().replace("0.1", "0.9"))
    (run,) = read_runs(tmp_path)
    assert run.state == "damaged"
    assert read_rows(tmp_path).empty
    assert any("changed after the run was sealed" in problem for problem in problems(tmp_path))
    with pytest.raises(DamagedError, match="delete the folder and run it again"), RunFolder.open(tmp_path, manifest()):
        pass


def test_rows_behind_the_vouched_length_are_cut(tmp_path):
    with RunFolder.open(tmp_path, manifest()) as folder:
        folder.rewind(0, 0.0)
        folder.add([row(0)])
        vouched = folder.flush()
        folder.add([row(1)])
        folder.flush()
        with folder.rows.open("a") as file:
            file.write('{"paper": "torn')
        folder.rewind(**vouched)
        folder.add([row(2)])
        folder.seal()
    assert read_rows(tmp_path)["day"].tolist() == [0, 2]


def test_rows_shorter_than_their_checkpoint_says_are_damage(tmp_path):
    with (
        RunFolder.open(tmp_path, manifest()) as folder,
        pytest.raises(DamagedError, match="shorter than its checkpoint"),
    ):
        folder.rewind(1000, 0.0)


def test_an_unfinished_run_of_another_code_starts_afresh(tmp_path):
    with RunFolder.open(tmp_path, manifest(code="0.0.1+old")) as folder:
        folder.checkpoint.write_bytes(b"old")
    with RunFolder.open(tmp_path, manifest()) as folder:
        assert "another version of the code (0.0.1+old)" in folder.restarted_because
        assert not folder.checkpoint.exists()
        folder.seal()
    assert Manifest.from_json((folder.path / "manifest.json").read_text(), "").code == manifest().code


def test_an_unfinished_run_of_another_torch_starts_afresh(tmp_path):
    with RunFolder.open(tmp_path, manifest(versions={**manifest().versions, "torch": "1.0"})) as folder:
        folder.checkpoint.write_bytes(b"old")
    with RunFolder.open(tmp_path, manifest()) as folder:
        assert folder.restarted_because == "it was begun by torch 1.0"
        assert not folder.checkpoint.exists()


def test_half_a_file_of_a_killed_process_is_swept_away(tmp_path):
    with RunFolder.open(tmp_path, manifest()) as folder:
        (folder.path / ".checkpoint.safetensors.1.tmp").write_bytes(b"half")
    with RunFolder.open(tmp_path, manifest()) as folder:
        named = {path.name for path in folder.path.iterdir() if not path.name.startswith("attempt-")}
        assert named == {"manifest.json", ".lock", ".claim-2.json"}


def test_an_edited_manifest_is_not_gone_on_with(tmp_path):
    with RunFolder.open(tmp_path, manifest()) as folder:
        edited = folder.path / "manifest.json"
    edited.write_text(edited.read_text().replace("0.1", "0.2"))
    with pytest.raises(DamagedError, match="was edited"), RunFolder.open(tmp_path, manifest()):
        pass


def test_a_seal_without_a_manifest_is_damage(tmp_path):
    (finished(tmp_path) / "manifest.json").unlink()
    with pytest.raises(DamagedError, match=r"sealed but has no manifest\.json"), RunFolder.open(tmp_path, manifest()):
        pass


def test_one_run_under_two_configurations_is_pointed_out(tmp_path):
    finished(tmp_path)
    finished(tmp_path, config={"lr": 0.2})
    assert any("are the same run under two configurations" in problem for problem in problems(tmp_path))


def test_columns_have_their_types_even_without_rows(tmp_path):
    finished(tmp_path / "some")
    (tmp_path / "none").mkdir()
    types = []
    for out in (tmp_path / "some", tmp_path / "none"):
        write_tables(out, read_rows(out))
        types.append([str(column.type) for column in parquet.read_schema(out / "rows.parquet")])
    string, int64 = "string", "int64"
    expected = [string, string, string, int64, string, int64, int64, string, string, "double"]
    assert types == [expected, expected]


def test_finished_runs_of_two_codes_are_pointed_out(tmp_path):
    finished(tmp_path, seed=0)
    finished(tmp_path, seed=1, code="0.0.1+old")
    assert any("2 versions of the code" in problem for problem in problems(tmp_path))
    assert mixed_code(read_runs(tmp_path)) == {"0.0.1+old", manifest().code}


def test_a_second_process_is_told_who_is_there(tmp_path):
    code = (
        "import sys; from pathlib import Path; from oneiros.runs.store import *\n"
        "address = dict(paper='p', experiment='e', condition='c', seed=0, scale='smoke')\n"
        "with RunFolder.open(Path(sys.argv[1]), Manifest(**address, config={'lr': 0.1}, device='cpu')):\n"
        "    print('in', flush=True); sys.stdin.read()"
    )
    with subprocess.Popen(
        [sys.executable, "-c", code, str(tmp_path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as other:
        assert other.stdout is not None
        assert other.stdout.readline() == "in\n"
        with pytest.raises(BusyError, match="another process is running"), RunFolder.open(tmp_path, manifest()):
            pass
        other.kill()
    with RunFolder.open(tmp_path, manifest()) as folder:  # the system dropped the lock with the process
        assert not folder.finished


@pytest.mark.parametrize(
    ("code", "message"), [(errno.ENOSPC, "the disk is full; free some space"), (errno.EROFS, "choose another --out")]
)
def test_a_disk_that_refuses_gets_one_clear_error_and_keeps_what_was_there(tmp_path, monkeypatch, code, message):
    before = finished(tmp_path)
    content = (before / "rows.jsonl").read_bytes()
    with RunFolder.open(tmp_path, manifest(seed=1)) as folder:
        folder.rewind(0, 0.0)
        folder.add([row(0)])

        def refuse(descriptor: int) -> None:
            raise OSError(code, os.strerror(code))

        monkeypatch.setattr(os, "fsync", refuse)
        with pytest.raises(StorageError, match=message):
            folder.flush()
    assert (before / "rows.jsonl").read_bytes() == content
    assert len(read_rows(tmp_path)) == 3


def test_rows_that_were_half_written_when_the_disk_filled_up_are_not_doubled(tmp_path, monkeypatch):
    with RunFolder.open(tmp_path, manifest()) as folder:
        folder.add([row(0)])
        with monkeypatch.context() as full:
            full.setattr(os, "fsync", lambda descriptor: os.write(-1, b""))  # an OSError, rows already in the file
            with pytest.raises(StorageError):
                folder.flush()
        assert folder.rows.stat().st_size > 0
        folder.seal()
    assert read_rows(tmp_path)["day"].tolist() == [0]


def test_another_configuration_in_the_same_place_is_refused_by_name(tmp_path):
    finished(tmp_path)
    require_same_configuration(tmp_path, manifest())
    require_same_configuration(tmp_path, manifest(condition="other", config={"lr": 0.2}))
    with pytest.raises(ForeignOutputError, match=r"lr is 0\.1 there and 0\.2 here\. Choose another --out"):
        require_same_configuration(tmp_path, manifest(config={"lr": 0.2}))


def test_a_value_that_is_no_number_is_refused_by_name():
    with pytest.raises(ValueError, match="accuracy of c, seed 0, day 3 is nan"):
        Row(**{**dataclasses.asdict(row(3)), "value": float("nan")})


@pytest.mark.parametrize("text", ["", "[]", "{", '{"paper": 1, "what": 2}', "null", '{"paper": "p"}', "\x00"])
def test_a_damaged_manifest_is_named(tmp_path, text):
    path = finished(tmp_path)
    (path / "manifest.json").write_text(text)
    (run,) = read_runs(tmp_path)
    assert run.state == "damaged"
    assert "is not a manifest" in run.problem


names = st.text(max_size=80)


@settings(max_examples=300, deadline=None)
@given(names, names)
def test_any_name_is_one_component_of_a_path_and_two_names_are_two(first, second):
    for name in (first, second):
        safe = safe_name(name)
        assert safe not in ("", ".", "..")
        assert len(Path("out", safe).parts) == 2
        assert "\\" not in safe
    if first.lower() != second.lower():
        assert safe_name(first) != safe_name(second)


@settings(max_examples=200, deadline=None)
@given(st.dictionaries(names, st.one_of(st.integers(), st.booleans(), names, st.none(), st.lists(st.integers()))))
def test_a_manifest_survives_its_json_and_the_hash_does_not_depend_on_order(config):
    one = manifest(config=config)
    assert Manifest.from_json(one.to_json(), "") == one
    turned = dict(reversed(list(config.items())))
    assert config_hash(turned) == config_hash(config)
    assert config_hash({**config, "one more": 1}) != config_hash({**config, "one more": 2})


@settings(max_examples=200, deadline=None)
@given(names, st.integers(-(2**40), 2**40), st.floats(allow_nan=False, allow_infinity=False))
def test_a_row_survives_its_json(text, number, value):
    one = dataclasses.replace(row(0), condition=text, metric=text, day=number, value=value)
    assert Row(**json.loads(json.dumps(dataclasses.asdict(one)))) == one
