"""Checkpoints: bit-exact there and back, and nothing but our own files is ever taken in."""

import errno
import json
import os
import pickle
import struct
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file

from oneiros.core import Batch, Brain, Seeds
from oneiros.life import Cursor
from oneiros.memory.exemplars import Exemplars
from oneiros.memory.mean_input import MeanInput
from oneiros.runs.store import CheckpointError, Manifest, Row, RunFolder, StorageError
from oneiros.runs.store.checkpoint import FORMAT, load_brain, restore, save_brain
from oneiros.runs.store.tensors import read_tensors, write_tensors

OPTIMISERS = {
    "sgd with momentum": lambda p: torch.optim.SGD(p, lr=0.1, momentum=0.9),
    "adam": lambda p: torch.optim.Adam(p, lr=0.1),
    "adagrad": lambda p: torch.optim.Adagrad(p, lr=0.1),
}


def build_brain(optimiser="adam", hidden=4) -> Brain:
    with Seeds(0).building("init"):
        net = torch.nn.Sequential(torch.nn.Linear(3, hidden), torch.nn.Tanh(), torch.nn.Linear(hidden, 2))
    memory = {"mean": MeanInput(), "exemplars": Exemplars(per_class=2)}
    return Brain(net=net, memory=memory, optim={"wake": OPTIMISERS[optimiser](net.parameters())})


def learn(brain: Brain, steps: range) -> None:
    for step in steps:
        rng = Seeds(1).rng("lesson", step)
        batch = Batch(x=torch.rand(5, 3, generator=rng), y=torch.randint(2, (5,), generator=rng))
        for memory in brain.memory.values():
            memory.store(batch, rng)
        brain.optim["wake"].zero_grad()
        torch.nn.functional.cross_entropy(brain.net(batch.x), batch.targets()).backward()
        brain.optim["wake"].step()


def everything(brain: Brain) -> dict[str, torch.Tensor]:
    kept = {f"{m}.{k}": v for m, memory in brain.memory.items() for k, v in memory.state_dict().items()}
    return dict(brain.net.state_dict()) | kept


@pytest.mark.parametrize("optimiser", OPTIMISERS)
def test_a_restored_brain_goes_on_bit_for_bit_as_the_original(tmp_path, optimiser):
    original, restored = build_brain(optimiser), build_brain(optimiser)
    learn(original, range(3))
    save_brain(tmp_path / "c", original, Cursor(1, 2, 3), {"length": 7})
    assert load_brain(tmp_path / "c", restored) == (Cursor(1, 2, 3), {"length": 7})
    for brain in (original, restored):
        learn(brain, range(3, 6))
    first, second = everything(original), everything(restored)
    assert first.keys() == second.keys()
    assert all(torch.equal(first[k], second[k]) for k in first)


def normalised() -> Brain:
    with Seeds(0).building("init"):
        return Brain(net=torch.nn.Sequential(torch.nn.Linear(3, 4), torch.nn.BatchNorm1d(4), torch.nn.Linear(4, 2)))


def test_what_learns_no_more_learns_no_more_when_it_is_loaded(tmp_path):
    original, restored = normalised(), normalised()
    original.net[0].requires_grad_(False)
    original.net[1].momentum = 0.0
    save_brain(tmp_path / "c", original, Cursor(), {})
    load_brain(tmp_path / "c", restored)
    assert [p.requires_grad for p in restored.net.parameters()] == [False] * 2 + [True] * 4
    assert restored.net[1].momentum == 0.0


def test_a_checkpoint_of_before_this_was_kept_leaves_it_as_the_net_was_built(tmp_path):
    original, restored = normalised(), normalised()
    with torch.no_grad():
        original.net[0].weight.fill_(0.5)
    save_brain(tmp_path / "c", original, Cursor(), {})
    tensors, texts = read_tensors(tmp_path / "c", FORMAT)
    write_tensors(tmp_path / "c", FORMAT, tensors, {name: text for name, text in texts.items() if name != "net"})
    restored.net[0].requires_grad_(False)
    load_brain(tmp_path / "c", restored)
    assert (restored.net[0].weight == 0.5).all()
    assert not restored.net[0].weight.requires_grad


class Payload:
    """What a pickle would run on loading: it makes a file."""

    def __init__(self, proof) -> None:
        self.proof = proof

    def __reduce__(self):
        return os.mkdir, (str(self.proof),)


def header(entries: dict) -> bytes:
    text = json.dumps(entries).encode()
    return struct.pack("<Q", len(text)) + text


def foreign_files(tmp_path) -> dict[str, bytes]:
    whole = tmp_path / "whole"
    save_brain(whole, build_brain(), Cursor(), {})
    untagged = tmp_path / "untagged"
    save_file({"net/0.weight": torch.zeros(4, 3)}, untagged)
    zipped = tmp_path / "zipped"
    torch.save({"x": Payload(tmp_path / "proof")}, zipped)
    huge = {"x": {"dtype": "F32", "shape": [2_500_000_000], "data_offsets": [0, 10_000_000_000]}}
    return {
        "empty": b"",
        "random bytes": bytes(range(256)) * 4,
        "a pickle": pickle.dumps(Payload(tmp_path / "proof")),
        "torch.save": zipped.read_bytes(),
        "safetensors of someone else": untagged.read_bytes(),
        "truncated": whole.read_bytes()[:-40],
        "10 GB declared in 1 kB": header(huge) + bytes(1000),
    }


@pytest.mark.parametrize("kind", [
    "empty", "random bytes", "a pickle", "torch.save", "safetensors of someone else", "truncated",
    "10 GB declared in 1 kB",
])  # fmt: skip
def test_foreign_files_are_refused_and_change_nothing(tmp_path, kind):
    path, brain = tmp_path / "c", build_brain()
    path.write_bytes(foreign_files(tmp_path)[kind])
    before = {k: v.clone() for k, v in everything(brain).items()}
    with pytest.raises(CheckpointError, match="is no checkpoint of this run: .* Delete it to start the run afresh"):
        load_brain(path, brain)
    assert all(torch.equal(before[k], v) for k, v in everything(brain).items())
    assert not (tmp_path / "proof").exists(), "a payload was executed"


def test_the_payload_of_these_tests_would_show_if_it_were_run(tmp_path):
    call, arguments = Payload(tmp_path / "proof").__reduce__()  # what unpickling does
    call(*arguments)
    assert (tmp_path / "proof").exists()


def test_another_networks_checkpoint_is_refused_by_its_shapes(tmp_path):
    save_brain(tmp_path / "c", build_brain(hidden=5), Cursor(), {})
    with pytest.raises(CheckpointError, match=r"net '0.weight' is \(5, 3\) torch.float32, expected \(4, 3\) torch"):
        load_brain(tmp_path / "c", build_brain())


def other_optimiser() -> Brain:
    return build_brain("adagrad")


def other_memory() -> Brain:
    brain = build_brain()
    brain.memory["mean"] = Exemplars(per_class=1)
    return brain


def memory_missing() -> Brain:
    brain = build_brain()
    del brain.memory["mean"]
    return brain


def other_precision() -> Brain:
    brain = build_brain()
    brain.net.double()
    return brain


@pytest.mark.parametrize(
    ("other", "said"),
    [
        (other_optimiser, r"optim 'wake' is Adam of parameters \[\[0, 1, 2, 3\]\], expected Adagrad"),
        (other_memory, "memory 'mean' is MeanInput, expected Exemplars"),
        (memory_missing, "memory 'mean' is MeanInput, expected none"),
        (other_precision, r"net '0.bias' is \(4,\) torch.float32, expected \(4,\) torch.float64"),
    ],
)
def test_a_checkpoint_of_a_brain_of_other_parts_is_refused_and_changes_nothing(tmp_path, other, said):
    save_brain(tmp_path / "c", build_brain(), Cursor(), {})
    brain = other()
    before = {k: v.clone() for k, v in everything(brain).items()}
    with pytest.raises(CheckpointError, match=said):
        load_brain(tmp_path / "c", brain)
    assert all(torch.equal(before[k], v) for k, v in everything(brain).items())


def test_a_learning_rate_that_changed_in_the_course_of_life_comes_back(tmp_path):
    original, restored = build_brain(), build_brain()
    original.optim["wake"].param_groups[0]["lr"] = 0.05
    save_brain(tmp_path / "c", original, Cursor(), {})
    load_brain(tmp_path / "c", restored)
    assert restored.optim["wake"].state_dict() == original.optim["wake"].state_dict()


def test_tied_and_transposed_weights_come_back(tmp_path):
    def tied() -> Brain:
        net = torch.nn.ModuleList([torch.nn.Linear(3, 3, bias=False), torch.nn.Linear(3, 3, bias=False)])
        net[1].weight = net[0].weight
        net.register_buffer("turned", torch.arange(6.0).reshape(2, 3).T)
        return Brain(net=net)

    original, restored = tied(), tied()
    save_brain(tmp_path / "c", original, Cursor(), {})
    load_brain(tmp_path / "c", restored)
    assert all(torch.equal(v, restored.net.state_dict()[k]) for k, v in original.net.state_dict().items())


def test_a_disk_that_fills_up_leaves_the_last_checkpoint_and_says_so(tmp_path, monkeypatch):
    save_brain(tmp_path / "c", build_brain(), Cursor(1), {})

    def refuse(path: Path, data: bytes) -> None:
        path.touch()
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(Path, "write_bytes", refuse)
    with pytest.raises(StorageError, match="the disk is full; free some space"):
        save_brain(tmp_path / "c", build_brain(), Cursor(2), {})
    assert load_brain(tmp_path / "c", build_brain()) == (Cursor(1), {})
    assert [path.name for path in tmp_path.iterdir()] == ["c"]


def test_without_a_checkpoint_life_begins_with_no_rows(tmp_path):
    """Rows that no checkpoint vouches for would be there twice once they are measured again."""
    address = {"paper": "p", "experiment": "e", "condition": "c", "seed": 0}
    manifest = Manifest(**address, scale="s", config={}, device="cpu")
    with RunFolder.open(tmp_path, manifest) as folder:
        where = {"order": "01", "day": 0, "task": 0, "phase": "end", "metric": "accuracy"}
        folder.add([Row(**address, **where, value=0.5)])
        folder.flush()
        assert folder.rows.stat().st_size > 0
        assert restore(folder, build_brain()) is None
        assert folder.rows.stat().st_size == 0


def test_what_measurements_have_added_up_comes_back(tmp_path):
    """Tallies of a life that is gone on with are those that it had; others there are none."""
    brain, summed = build_brain(), {"right": torch.tensor([1.5, 2.0]), "n": torch.tensor(7)}
    save_brain(tmp_path / "c", brain, Cursor(), {}, summed)
    found = {}
    load_brain(tmp_path / "c", build_brain(), found)
    assert found.keys() == summed.keys()
    assert all(torch.equal(found[name], summed[name]) for name in summed)
