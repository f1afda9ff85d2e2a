"""A slow scientific check of Barry 2022's replica on real data: `pytest -m slow`."""

import os
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from oneiros.runs.catalogue import experiment
from oneiros.runs.experiment import Run, execute
from oneiros.runs.store import read_rows

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def root() -> Path:
    beside = Path(__file__).parents[2] / "shared" / "data"
    root = Path(os.environ.get("ONEIROS_DATA", beside))
    if not (root / "tiny_imagenet_100").is_dir():
        pytest.skip(f"Tiny ImageNet not found in {root}: set ONEIROS_DATA")
    return root


def test_dreams_teach_what_one_day_has_begun(tmp_path, root):
    """Continuous replay: after one day of images, accuracy on new images rises by dreams alone (paper: 32 to 83 %)."""
    torch.set_num_threads(1)
    chosen = experiment("barry2022/month")
    config = replace(chosen.scales["quick"], month=4, evaluate_on="validation")
    for seed in range(3):
        run = Run(
            experiment="barry2022/month", scale="quick", config=config, condition="continuous",
            seed=seed, out=tmp_path, data=root, device="cpu",
        )  # fmt: skip
        execute(run, chosen, lambda fraction, text: None)
    rows = read_rows(tmp_path)
    by_day = rows[rows["metric"] == "day_accuracy"].groupby("day")["value"].mean()
    assert by_day[0] > 0.1
    assert by_day[3] > by_day[0]


def test_with_few_images_nights_of_dreams_help(tmp_path, root):
    """Fig. 1D at its left end: with 20 images of each class, replay ends above no replay, on average over models."""
    torch.set_num_threads(1)
    chosen = experiment("barry2022/exemplars")
    config = replace(chosen.scales["quick"], evaluate_on="validation")
    for condition in ("baseline_20", "generative_20"):
        for seed in range(3):
            run = Run(
                experiment="barry2022/exemplars", scale="quick", config=config, condition=condition,
                seed=seed, out=tmp_path, data=root, device="cpu",
            )  # fmt: skip
            execute(run, chosen, lambda fraction, text: None)
    rows = read_rows(tmp_path)
    last = rows[(rows["metric"] == "day_accuracy") & (rows["day"] == rows["day"].max())]
    means = last.groupby("condition")["value"].mean()
    assert means["generative_20"] > means["baseline_20"] > 0.15
