"""From pictures to features to an experiment: the command, the file, the run."""

import pytest
import torch

from oneiros.cli import main
from oneiros.data import load
from oneiros.data.features import features_provenance
from oneiros.runs.catalogue import experiment
from oneiros.runs.experiment import Run, execute
from oneiros.runs.settings import override
from oneiros.runs.store import read_results, read_rows

from .small_pictures import write_pictures


@pytest.fixture(autouse=True)
def own_cache(tmp_path, monkeypatch):
    """Blocks schooled here go where nobody else looks for any."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))


def said(capsys) -> str:
    captured = capsys.readouterr()
    return " ".join((captured.out + captured.err).split())


def test_pictures_become_features_that_an_experiment_learns(tmp_path, capsys):
    pictures, file = write_pictures(tmp_path / "pictures", train=30), tmp_path / "blocks.safetensors"
    assert main(["features", pictures, "--scale", "smoke", "--out", str(file)]) == 0
    assert f"use it as data set features:{file}" in said(capsys)
    data = load(f"features:{file}")
    assert (len(data.train), len(data.test)) == (300, 60)
    assert torch.equal(data.train.labels, load(pictures).train.labels)
    made = features_provenance(file)
    assert made["features"] == data.train.images.shape[1] == 512 // 16
    assert 0 <= made["test_accuracy"] <= 1

    again = tmp_path / "again.safetensors"
    assert main(["features", pictures, "--scale", "smoke", "--out", str(again)]) == 0
    assert [*load(f"features:{again}").checksums.values()] == [*data.checksums.values()]  # the blocks were kept

    chosen = experiment("kubo2025/digits")
    config = override(chosen.scales["smoke"], (f"data=features:{file}",))
    run = Run(
        experiment="kubo2025/digits", scale="smoke", config=config, condition="src", seed=0, out=tmp_path, data=None,
        device="cpu",
    )  # fmt: skip
    execute(run, chosen, lambda fraction, text: None)
    rows = read_rows(tmp_path)
    assert (rows["metric"] == "accuracy_seen").sum() == 2 * 5
    (lived,) = read_results(tmp_path).runs
    assert lived.manifest is not None
    assert lived.manifest.note.startswith(f"own features: {pictures} through blocks schooled by this project")


def test_features_of_a_torchvision_network_and_errors(tmp_path, capsys):
    pictures = write_pictures(tmp_path / "pictures", train=2, test=1)
    asked = ["features", pictures, "--backbone", "resnet18", "--weights", "random", "--size", "32"]
    assert main([*asked, "--out", str(tmp_path / "r.safetensors")]) == 0
    assert load(f"features:{tmp_path / 'r.safetensors'}").train.images.shape == (20, 512)
    capsys.readouterr()
    assert main([*asked, "--layer", "nowhere"]) == 2
    assert "resnet18 has no layer 'nowhere'" in said(capsys)
    assert main(["features", "digits"]) == 2
    assert "a backbone needs colour images" in said(capsys)
