"""A night that went badly says so; one that went well does not."""

import logging
import math

import pytest
import torch
from torch import nn

from oneiros.core import Seeds
from oneiros.data import load
from oneiros.sleeper import GenerativeReplay, NoSleep, Sleeper
from oneiros.sleeper.health import still_known


def digits(day: int) -> tuple[torch.Tensor, torch.Tensor]:
    found = load("digits").train.of_classes((2 * day, 2 * day + 1)).all()
    return found.x, found.targets()


def sleeper(mechanism) -> Sleeper:
    with Seeds(0).building("net"):
        return Sleeper(nn.Sequential(nn.Flatten(), nn.Linear(64, 32), nn.ReLU(), nn.Linear(32, 10)), mechanism)


def lived(mechanism, epochs: int, days: int = 2) -> Sleeper:
    found = sleeper(mechanism)
    optimiser = torch.optim.Adam(found.net.parameters(), lr=2e-3)
    list(found.live([digits(day) for day in range(days)], epochs=epochs, batch_size=32, optimiser=optimiser))
    return found


SMALL = GenerativeReplay(hidden=(64,), latent=8, lr=2e-3, replayed=32)


def test_days_too_short_for_a_generator_are_told(caplog):
    with caplog.at_level(logging.WARNING, "oneiros.sleeper"):
        found = lived(SMALL, epochs=1)
    assert found.health.steps == 9
    assert found.health.warnings[0].startswith("the day had 9 lessons, too few for a generator")
    assert "night 1: the day had" in caplog.text


def test_a_night_without_dreams_has_nothing_to_tell(caplog):
    found = lived(NoSleep(), epochs=1)
    assert found.health.warnings == ()
    assert math.isnan(found.health.recognised)
    assert caplog.text == ""


def test_long_days_are_told_nothing_and_the_numbers_are_what_they_say():
    found = lived(SMALL, epochs=14)
    assert found.health.steps >= 100
    assert found.health.recognised > 0.8
    assert found.health.known > 0.8
    assert found.health.warnings == ()


def test_what_is_still_known_falls_to_nothing_with_a_network_that_answers_one_class():
    found = lived(SMALL, epochs=2, days=1)
    assert still_known(found.attachments, Seeds(0), 1) == pytest.approx(1.0)
    with torch.no_grad():
        found.net[3].bias[7] = 1e6
    assert still_known(found.attachments, Seeds(0), 1) == 0.0
    found.loss(*digits(1))
    found.sleep()
    assert found.health.known == 0.0
    assert any("of what was recognised of the old classes" in each for each in found.health.warnings)
