"""Fronts of every kind see the first day's images and no label, and are fixed."""

from dataclasses import replace

import pytest
import torch

from bench import fronts
from oneiros.data import Examples


def images(labels: int = 0) -> Examples:
    x = torch.rand(130, 3, 32, 32, generator=torch.Generator().manual_seed(0)).mul(255).byte()
    return Examples(images=x, labels=torch.full((130,), labels), classes=("a", "b"))


@pytest.fixture(autouse=True)
def _small(monkeypatch):
    monkeypatch.setattr(fronts, "CIFAR10", replace(fronts.CIFAR10, channels=2, latents=4))
    monkeypatch.setattr(fronts, "FILTERS", 5)


@pytest.mark.parametrize("kind", ["k-means", "chance", "pixels", *fronts.CONDITIONS])
def test_no_front_depends_on_labels_and_all_do_on_nothing_but_images_and_seed(kind):
    x = images().all().x[:3]
    found = {}
    for labels in (0, 1):
        for name, front in fronts.fronts(images(labels), 0, 1)[kind]().items():
            with torch.no_grad():
                features = front(x)
            assert features.shape[0] == 3
            assert features.isfinite().all()
            assert torch.equal(found.setdefault(name, features), features)


def test_sleep_moves_the_encoder_and_the_untrained_one_stays():
    moved = fronts.asleep(images(), "pad", 0, 1).trunk[0].weight
    untouched = fronts.asleep(images(), "untrained", 0, 1).trunk[0].weight
    assert not torch.equal(moved, untouched)


def test_chance_and_k_means_differ_in_their_filters_only():
    chance, learned = (fronts.patches(images(), 0, chance=chance) for chance in (True, False))
    assert torch.equal(chance.damping, learned.damping)
    assert chance.features == learned.features
    assert (chance.weight.norm(dim=1) - 1).abs().max() < 1e-6
