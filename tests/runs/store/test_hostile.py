"""Files that mean harm or are merely broken: refused by name, and nothing outside of the folder is read or written.

`ONEIROS_CASES=10000 pytest tests/runs/store/test_hostile.py` asks the properties so many times.
"""

import dataclasses
import hashlib
import json
import math
import os
import pickle
from pathlib import Path

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from oneiros.core import Brain, Seeds
from oneiros.life import Cursor
from oneiros.runs.store import (
    CheckpointError,
    DamagedError,
    Manifest,
    Row,
    RunFolder,
    read_pictures,
    read_results,
    read_runs,
    run_path,
)
from oneiros.runs.store.checkpoint import WEIGHTS, load_brain, save_brain, save_weights
from oneiros.runs.store.reading import RunInfo
from oneiros.runs.store.row import COLUMNS
from oneiros.runs.store.status import read_status
from oneiros.runs.store.sweep_list import read_sweep_lists, write_sweep_list
from oneiros.runs.store.table import rows_of
from oneiros.runs.store.tensors import read_tensors, write_tensors

CASES = int(os.environ.get("ONEIROS_CASES", "200"))
often = settings(max_examples=CASES, deadline=None)
ADDRESS = {"paper": "p", "experiment": "e", "condition": "c", "seed": 0}


def manifest(**changed) -> Manifest:
    return Manifest(**{**ADDRESS, "scale": "s", "config": {"rate": 0.1}, "device": "cpu", "code": "1+x", **changed})


def row(**changed) -> Row:
    where = {"order": "01", "day": 0, "task": 0, "phase": "end", "metric": "accuracy_seen", "value": 0.5}
    return Row(**{**ADDRESS, **where, **changed})


def finished(out: Path, **changed) -> Path:
    with RunFolder.open(out, manifest(**changed)) as folder:
        folder.rewind(0, 0.0)
        folder.add([row(**changed)])
        folder.seal()
    return folder.path


def reseal(path: Path, content: bytes, **said) -> None:
    (path / "rows.jsonl").write_bytes(content)
    seal = json.loads((path / "done.json").read_text())
    seal |= {"rows": content.count(b"\n"), "sha256": hashlib.sha256(content).hexdigest(), **said}
    (path / "done.json").write_text(json.dumps(seal))


class Payload:
    """What a pickle would run on loading: it makes a folder."""

    def __init__(self, proof: Path) -> None:
        self.proof = proof

    def __reduce__(self):
        return os.mkdir, (str(self.proof),)


def test_rows_with_a_pickle_in_them_are_named_and_not_run(tmp_path):
    reseal(finished(tmp_path / "out"), pickle.dumps(Payload(tmp_path / "proof")) + b"\n")
    (problem,) = read_results(tmp_path / "out").problems
    assert "holds something that is no row" in problem
    assert not (tmp_path / "proof").exists()


@pytest.mark.parametrize("name", ["../../../../escaped", "/escaped", "..", "a/b", "\\\\host\\share", "a\0b", "-rf"])
def test_no_name_leads_out_of_the_output_folder(tmp_path, name):
    path = run_path(manifest(paper=name, experiment=name, condition=name))
    assert path.parts[0] == "runs"
    assert len(path.parts) == 5
    assert not {"..", "."} & set(path.parts)
    finished(tmp_path / "out", condition=name)
    assert [path.name for path in tmp_path.iterdir()] == ["out"]
    assert read_results(tmp_path / "out").problems == ()


def test_a_manifest_that_names_another_place_is_refused(tmp_path):
    path = finished(tmp_path)
    text = (path / "manifest.json").read_text().replace('"condition": "c"', '"condition": "../../../../etc"')
    (path / "manifest.json").write_text(text)
    (run,) = read_runs(tmp_path)
    assert run.state == "damaged"
    assert "it was edited or moved" in run.problem


def test_a_manifest_edited_after_the_seal_is_refused(tmp_path):
    path = finished(tmp_path)
    (path / "manifest.json").write_text((path / "manifest.json").read_text().replace("1+x", "2+y"))
    (run,) = read_runs(tmp_path)
    assert "manifest.json was changed after the run was sealed" in run.problem


def test_a_seal_cannot_make_the_report_read_other_files(tmp_path):
    secret = tmp_path / "secret.png"
    secret.write_bytes(b"private")
    path = finished(tmp_path / "out")
    digest = hashlib.sha256(b"private").hexdigest()
    for name in ("../../../../../../secret.png", str(secret)):
        reseal(path, (path / "rows.jsonl").read_bytes(), pictures={name: digest})
        (run,) = read_runs(tmp_path / "out")
        assert run.state == "damaged"
        assert "is sealed but has no secret.png" in run.problem
        with pytest.raises(DamagedError, match="is missing or was changed"):
            read_pictures(dataclasses.replace(run, pictures={name: digest}))


@pytest.mark.parametrize("name", ["../../secret", "/etc/passwd", "runs/a/b/c", "runs/a/../b/c/d", "runs/./b/c/d", 7])
def test_a_plan_that_leads_out_of_the_folder_is_refused_and_told_by_status(tmp_path, name):
    write_sweep_list(tmp_path, [manifest()])
    (listed,) = (tmp_path / "sweeps").iterdir()
    listed.write_text(json.dumps({"runs": [name]}))
    with pytest.raises(DamagedError, match="is no list of runs"):
        read_sweep_lists(tmp_path)
    assert "is no list of runs" in read_status(tmp_path).problems[0]


def test_rows_of_another_run_are_refused(tmp_path):
    path = finished(tmp_path)
    reseal(path, json.dumps(dataclasses.asdict(row(condition="best"))).encode() + b"\n")
    (problem,) = read_results(tmp_path).problems
    assert "not what its manifest says" in problem


def test_a_condition_named_in_html_is_text_on_the_page(tmp_path):
    from oneiros.report import read_findings, write_page

    name = '<script>alert("x")</script><img src=x onerror=alert(1)>'
    finished(tmp_path, condition=name)
    page = write_page(tmp_path, read_findings(tmp_path), {}).read_text()
    assert "alert" in page
    assert name not in page
    assert "<script>alert" not in page
    assert "<img src=x" not in page


def small_net() -> torch.nn.Module:
    with Seeds(0).building("init"):
        return torch.nn.Linear(3, 2)


def test_every_flipped_bit_of_kept_weights_is_noticed(tmp_path):
    save_weights(tmp_path / "w", small_net())
    whole = (tmp_path / "w").read_bytes()
    before = {k: v.clone() for k, v in small_net().state_dict().items()}
    unnoticed = []
    for place in range(len(whole)):
        damaged = bytearray(whole)
        damaged[place] ^= 1 << place % 8
        (tmp_path / "w").write_bytes(damaged)
        net = small_net()
        try:
            net.load_state_dict(read_tensors(tmp_path / "w", WEIGHTS)[0])
        except CheckpointError:
            assert all(torch.equal(before[k], v) for k, v in net.state_dict().items())
        else:
            unnoticed.append(place)
    assert unnoticed == []
    assert len(whole) > 200


def learned(lr) -> Brain:
    net = small_net()
    optimiser = torch.optim.Adam(net.parameters(), lr=lr, foreach=False)
    for step in range(3):
        optimiser.zero_grad()
        net(torch.full((1, 3), 1.0 + step)).sum().backward()
        optimiser.step()
    return Brain(net=net, optim={"wake": optimiser})


def test_a_flipped_bit_in_a_checkpoints_tensors_is_noticed(tmp_path):
    save_brain(tmp_path / "c", learned(0.1), Cursor(1), {"length": 1})
    damaged = bytearray((tmp_path / "c").read_bytes())
    damaged[-9] ^= 4
    (tmp_path / "c").write_bytes(damaged)
    with pytest.raises(CheckpointError, match="its checksum does not fit its contents"):
        load_brain(tmp_path / "c", learned(0.1))


def test_hyperparameters_that_are_tensors_come_back(tmp_path):
    original, restored = learned(torch.tensor(0.25)), learned(torch.tensor(0.1))
    save_brain(tmp_path / "c", original, Cursor(), {})
    load_brain(tmp_path / "c", restored)
    (group,) = restored.optim["wake"].param_groups
    assert isinstance(group["lr"], torch.Tensor)
    assert group["lr"].item() == 0.25
    assert group["betas"] == (0.9, 0.999)
    assert isinstance(group["betas"], tuple)


def test_a_state_of_lists_of_tensors_comes_back(tmp_path):
    def brain() -> Brain:
        net = small_net()
        return Brain(net=net, optim={"wake": torch.optim.LBFGS(net.parameters(), max_iter=3)})

    def step(brain: Brain) -> None:
        def loss():
            brain.optim["wake"].zero_grad()
            value = (brain.net(torch.ones(1, 3)) - 1).square().sum()
            value.backward()
            return value

        brain.optim["wake"].step(loss)

    original, restored = brain(), brain()
    step(original)
    save_brain(tmp_path / "c", original, Cursor(), {})
    load_brain(tmp_path / "c", restored)
    for each in (original, restored):
        step(each)
    assert torch.equal(original.net.state_dict()["weight"], restored.net.state_dict()["weight"])


def test_tensors_lie_in_memory_as_they_did(tmp_path):
    """A fused optimiser goes through weights and moments side by side in memory, whatever their shapes say."""
    image = torch.arange(24.0).reshape(1, 2, 3, 4)
    kept = {
        "plain": image,
        "channels last": image.to(memory_format=torch.channels_last),
        "turned": image[0, 0].T,
        "every second": image[..., ::2],
    }
    write_tensors(tmp_path / "t", "kind", kept, {})
    came, _ = read_tensors(tmp_path / "t", "kind")
    assert {name: torch.equal(kept[name], value) for name, value in came.items()} == dict.fromkeys(kept, True)
    assert {name: came[name].stride() for name in ("plain", "channels last", "turned")} == {
        name: kept[name].stride() for name in ("plain", "channels last", "turned")
    }


def test_a_hyperparameter_that_no_file_can_hold_is_named(tmp_path):
    brain = learned(0.1)
    brain.optim["wake"].param_groups[0]["rule"] = small_net
    with pytest.raises(
        CheckpointError, match="optim/wake/groups/0/rule is .* of type function, which no state can keep"
    ):
        save_brain(tmp_path / "c", brain, Cursor(), {})


anything = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=8,
)
FIELDS = [f.name for f in dataclasses.fields(Manifest)]
WHOLE = json.loads(manifest().to_json())
RUN = RunInfo(path=Path("run"), manifest=manifest(), state="finished")


def or_refusal(read, *arguments):
    """What `read` gives, or the words in which it refuses."""
    try:
        return read(*arguments)
    except DamagedError as error:
        return str(error)


@often
@given(
    st.dictionaries(st.sampled_from([*FIELDS, "extra"]), anything, max_size=3),
    st.sets(st.sampled_from(FIELDS), max_size=2),
)
def test_any_manifest_is_read_as_it_was_written_or_refused(changed, missing):
    entries = {k: v for k, v in {**WHOLE, **changed}.items() if k not in missing}
    came = or_refusal(Manifest.from_json, json.dumps(entries), "here")
    if isinstance(came, str):
        assert came.startswith("here is not a manifest")
        assert changed or missing
        return
    assert Manifest.from_json(came.to_json(), "again") == came
    assert len(run_path(came).parts) == 5
    assert len(came.hash) == 12


@often
@given(st.binary(max_size=60) | st.text(max_size=60).map(str.encode))
def test_bytes_that_are_no_manifest_are_refused(content):
    with pytest.raises(DamagedError):
        Manifest.from_json(content.decode("utf-8", errors="replace"), "here")


@often
@given(st.lists(st.dictionaries(st.sampled_from([*COLUMNS, "extra"]), anything, max_size=3), min_size=1, max_size=3))
def test_any_rows_are_read_as_they_were_written_or_refused(changes):
    lines = [{**dataclasses.asdict(row()), **changed} for changed in changes]
    content = "".join(json.dumps(line) + "\n" for line in lines).encode()
    came = or_refusal(rows_of, RUN, content)
    if isinstance(came, str):
        assert "delete" in came
        assert any(changes)
        return
    assert [set(line) for line in lines] == [set(COLUMNS)] * len(lines)
    assert came.to_pylist() == lines
    assert all(math.isfinite(line["value"]) for line in came.to_pylist())


@often
@given(st.binary(min_size=1, max_size=80))
def test_bytes_that_are_no_rows_are_refused(content):
    came = or_refusal(rows_of, RUN, content)
    assert isinstance(came, str) or (came.num_rows == 0 and not content.strip())
