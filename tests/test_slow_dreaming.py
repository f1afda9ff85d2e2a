"""Slow scientific checks of perturbed and adversarial dreaming on CIFAR-10: `pytest -m slow`, a quarter of an hour."""

import os
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file

from oneiros.core import Seeds
from oneiros.life import live
from oneiros.nets.extractors import INCEPTION_FILE, inception_v3
from oneiros.runs.catalogue import experiment
from oneiros.runs.experiment import BuildRequest

pytestmark = pytest.mark.slow

CHOSEN = experiment("deperrois2022/cifar10")
SCALE = "quick"


@pytest.fixture(scope="module")
def found() -> dict[str, dict[str, float]]:
    """What is measured at the end of one life at quick scale, by condition."""
    beside = Path(__file__).parents[2] / "shared" / "data"
    root = Path(os.environ.get("ONEIROS_DATA", beside))
    if not (root / "cifar10").is_dir():
        pytest.skip(f"CIFAR-10 not found in {root}: set ONEIROS_DATA")
    ends = {}
    for condition in ("pad", "without_rem", "without_nrem"):
        build = BuildRequest(config=CHOSEN.scales[SCALE], condition=condition, seed=0, data=root, device="cpu")
        life = CHOSEN.build(build)
        rows = [row for e in live(life.brain, life.tasks, life.schedule, life.seeds) for row in life.measure(e)]
        ends[condition] = {row.metric: row.value for row in rows if row.phase == "end"}
    return ends


def test_rem_makes_latents_separable(found):
    assert found["pad"]["separability_ridge"] > found["without_rem"]["separability_ridge"]


def test_nrem_makes_that_robust(found):
    assert found["pad"]["ridge_at_occlusion_60"] > found["without_nrem"]["ridge_at_occlusion_60"]
    assert found["pad"]["clean_covered_over_inter"] < found["without_nrem"]["clean_covered_over_inter"]


def test_inception_gives_its_2048_pool3_features(tmp_path):
    """With weights of no meaning, but through the file and up to the layer that the paper names."""
    torchvision = pytest.importorskip("torchvision")
    with Seeds(0).building("init"):
        net = torchvision.models.inception_v3(weights=None, init_weights=False).eval()
    save_file(net.state_dict(), tmp_path / INCEPTION_FILE)
    pooled: list[torch.Tensor] = []
    net.avgpool.register_forward_hook(lambda module, given, out: pooled.append(out.flatten(1)))
    images = torch.rand(2, 3, 32, 32, generator=Seeds(0).rng("images")) * 2 - 1
    with torch.no_grad():
        features = inception_v3(tmp_path)(images)
        large = torch.nn.functional.interpolate((images + 1) / 2, size=(299, 299), mode="bilinear", antialias=True)
        mean, sd = torch.tensor([0.485, 0.456, 0.406]), torch.tensor([0.229, 0.224, 0.225])
        net((large - mean[:, None, None]) / sd[:, None, None])
    assert features.shape == (2, 2048)
    torch.testing.assert_close(features, pooled[0])
