"""What stands in for published weights: learned once, kept under a name that says what it follows from."""

import threading
import time

import pytest
import torch
from safetensors.torch import load_file

from oneiros.core import Seeds
from oneiros.data import load
from oneiros.data.streams import subsample
from oneiros.life import live
from oneiros.nets.blocks import ConvBlocks
from oneiros.runs.schooling import Schooling, made_once, weights_name

SHORT = Schooling(epochs=2, batch_size=20, lr=0.01, degrees=0.0, shift=0.0, zoom=0.0)


def test_a_life_learns_all_classes_and_measures_those_it_is_judged_on():
    digits = load("digits")
    train = subsample(digits.train, limit=400, rng=Seeds(0).rng("thin"))
    images = train.images[:, :1].expand(-1, 3, -1, -1).contiguous()
    train = type(train)(images=images, labels=train.labels, classes=train.classes)
    with Seeds(0).building("net"):
        net = ConvBlocks(10, width=1 / 16, grid=1)
    life = SHORT.life(net, train, train, Seeds(0), order="all", checksums={"file": "1"})
    measured = [row for event in live(life.brain, life.tasks, life.schedule, life.seeds) for row in life.measure(event)]
    right = (net.eval()(train.all().x).argmax(1) == train.labels).double().mean()
    assert [row.metric for row in measured] == ["accuracy_seen"]
    assert measured[0].value == pytest.approx(float(right))
    assert measured[0].value > 0.5
    assert life.checksums == {"file": "1"}


def test_the_name_follows_from_settings_and_data():
    name = weights_name("vgg", {"lr": 0.1, "blocks": (1, 2)}, {"train": "1"})
    assert name.startswith("vgg-")
    assert name.endswith(".safetensors")
    assert name == weights_name("vgg", {"lr": 0.1, "blocks": [1, 2]}, {"train": "1"})
    assert name != weights_name("vgg", {"lr": 0.2, "blocks": (1, 2)}, {"train": "1"})
    assert name != weights_name("vgg", {"lr": 0.1, "blocks": (1, 2)}, {"train": "2"})


def test_of_several_who_ask_at_once_one_makes_it(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    makers, found = [], []

    def make():
        makers.append(threading.get_ident())
        time.sleep(0.2)
        return {"w": torch.arange(6.0).view(2, 3).T}  # not contiguous, as a transposed weight is

    asking = [
        threading.Thread(target=lambda: found.append(made_once("paper", "w.safetensors", make))) for _ in range(3)
    ]
    for thread in asking:
        thread.start()
    for thread in asking:
        thread.join()
    assert len(makers) == 1
    assert found == [tmp_path / "oneiros" / "paper" / "w.safetensors"] * 3
    assert torch.equal(load_file(found[0])["w"], torch.arange(6.0).view(2, 3).T)


def test_what_breaks_off_leaves_nothing_that_looks_whole(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))

    def breaks():
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        made_once("paper", "w.safetensors", breaks)
    assert made_once("paper", "w.safetensors", lambda: {"w": torch.zeros(1)}).is_file()
