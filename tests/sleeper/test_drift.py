"""Drift compensation: where the drift is a linear map the sums are those of all examples as they are seen now."""

import copy

import pytest
import torch
from torch import nn
from torch.nn.functional import cross_entropy

from oneiros.core import Batch, Brain, Seeds
from oneiros.data import load
from oneiros.equations.drift import linear_drift, mean_drift
from oneiros.memory.moments import ClassMoments, Moments
from oneiros.memory.waiting import Waiting
from oneiros.nets.moving import MovingFeatures
from oneiros.phases.night.compensate_drift import CompensateDrift
from oneiros.sleeper import DriftCompensated, Sleeper


def drawn(rows: int, seed: int, classes: tuple[int, ...]) -> Batch:
    rng = torch.Generator().manual_seed(seed)
    y = torch.tensor(classes)[torch.arange(rows) % len(classes)]
    return Batch(x=torch.randn(rows, 6, generator=rng) + y[:, None], y=y)


def moved_layer(**phase) -> tuple[Brain, Batch, Batch]:
    """Two classes yesterday, the layer then turned, stretched and shifted, two classes today."""
    with Seeds(0).building("net"):
        net = nn.Sequential(nn.Linear(6, 4), nn.Linear(4, 4))
    features = MovingFeatures(net, "0")
    brain = Brain(net=nn.ModuleDict({"features": features}), memory={"moments": Moments(), "waiting": Waiting()})
    past, today = drawn(60, 1, (0, 1)), drawn(60, 2, (2, 3))
    night = CompensateDrift(**phase)
    brain.memory["waiting"].store(past, Seeds(0).rng("day"))
    night(brain, Seeds(0).rng("night"))
    with torch.no_grad():
        turn = torch.randn(4, 4, generator=torch.Generator().manual_seed(3))
        net[0].weight.copy_(turn @ net[0].weight)
        net[0].bias.copy_(turn @ net[0].bias + 2)
    brain.memory["waiting"].store(today, Seeds(0).rng("day"))
    brain.told = night(brain, Seeds(0).rng("night"))
    return brain, past, today


def test_after_a_linear_drift_sums_are_those_of_all_examples_as_they_are_seen_now():
    brain, past, today = moved_layer(penalty=0.0)
    features = brain.net["features"]
    joint = Moments()
    for each in (past, today):
        joint.store(Batch(x=features(each.x), y=each.targets()), torch.Generator())
    moments = brain.memory["moments"]
    torch.testing.assert_close(moments.means, joint.means, rtol=1e-4, atol=1e-4)
    torch.testing.assert_close(moments.within(), joint.within(), rtol=1e-4, atol=1e-3)
    assert torch.equal(moments.counts, joint.counts)
    assert float(brain.told["explained"]) == pytest.approx(1.0, abs=1e-5)
    assert float(brain.told["drift"]) > 1


def test_the_control_leaves_the_past_where_it_was():
    brain, past, _ = moved_layer(by="nothing")
    with Seeds(0).building("net"):
        as_it_was = nn.Sequential(nn.Linear(6, 4), nn.Linear(4, 4))[0]
    rows = past.x[past.targets() == 1]
    torch.testing.assert_close(brain.memory["moments"].means[1], as_it_was(rows).detach().double().mean(0))
    assert float(brain.told["explained"]) == 0.0


def test_a_shift_that_all_share_is_found_by_the_mean():
    old = torch.randn(40, 3, generator=torch.Generator().manual_seed(0))
    drift = mean_drift(old, old + torch.tensor([1.0, -2.0, 0.5]))
    torch.testing.assert_close(drift.shift, torch.tensor([1.0, -2.0, 0.5], dtype=torch.float64), rtol=1e-5, atol=1e-5)
    assert float(drift.unexplained.abs().max()) < 1e-9


def test_the_map_is_that_of_least_squares_and_what_it_leaves_keeps_the_spread():
    """Oracle: torch's least squares with an intercept; what the map leaves keeps the spread as it is."""
    rng = torch.Generator().manual_seed(0)
    old = torch.randn(500, 3, generator=rng).double()
    new = old @ torch.randn(3, 3, generator=rng).double() + 0.3 * torch.randn(500, 3, generator=rng).double()
    drift = linear_drift(old, new, 0.0)
    ones = torch.cat([old, torch.ones(500, 1, dtype=torch.float64)], 1)
    expected = torch.linalg.lstsq(ones, new).solution
    torch.testing.assert_close(torch.cat([drift.weight, drift.shift[None]]), expected, rtol=1e-8, atol=1e-8)
    for kind in (Moments, ClassMoments):
        moments = kind()
        moments.store(Batch(x=old, y=torch.zeros(500, dtype=torch.long)), rng)
        moments.move(drift)
        torch.testing.assert_close(moments.within() / 499, torch.cov(new.T), rtol=1e-6, atol=1e-6)
        torch.testing.assert_close(moments.means[0], new.mean(0))


def test_the_penalty_holds_the_map_to_no_change():
    old = torch.randn(40, 3, generator=torch.Generator().manual_seed(0))
    drift = linear_drift(old, 5 * old, 1e9)
    torch.testing.assert_close(drift.weight, torch.eye(3, dtype=torch.float64), rtol=0, atol=1e-6)


def lived(by: str) -> Sleeper:
    digits = load("digits")
    with Seeds(0).building("net"):
        net = nn.Sequential(nn.Flatten(), nn.Linear(64, 32), nn.ReLU(), nn.Linear(32, 10))
    sleeper = Sleeper(net, DriftCompensated(layer="1", by=by), classes=10)
    parts = [digits.train.of_classes((2 * day, 2 * day + 1)).all() for day in range(5)]
    optimiser = torch.optim.SGD(net.parameters(), lr=0.2)
    for _ in sleeper.live([(part.x, part.y) for part in parts], epochs=3, optimiser=optimiser):
        pass
    return sleeper


def test_digits_are_known_better_where_the_past_is_moved_along():
    test = load("digits").test.all()
    right = {by: float((lived(by).predict(test.x) == test.y).double().mean()) for by in ("linear", "nothing")}
    assert right["linear"] > 0.8
    assert right["nothing"] < 0.3  # the control: sums of features that are no more


def test_no_example_outlives_the_night_and_a_resumed_life_goes_on():
    sleeper = lived("linear")
    assert not sleeper.holds_raw
    part = load("digits").train.of_classes((0, 1)).all()
    sleeper.loss(part.x, part.y)
    assert sleeper.holds_raw
    other = Sleeper(copy.deepcopy(sleeper.net), DriftCompensated(layer="1"), classes=10)
    other.load_state_dict(sleeper.state_dict())
    for each in (sleeper, other):
        each.sleep()
    assert torch.equal(sleeper.scores(part.x), other.scores(part.x))


def test_the_network_learns_as_it_would_without():
    part = load("digits").train.of_classes((0, 1)).all()
    with Seeds(0).building("net"):
        net = nn.Sequential(nn.Flatten(), nn.Linear(64, 10))
    alone = copy.deepcopy(net)
    Sleeper(net, DriftCompensated(layer="1"), classes=10).loss(part.x, part.y).backward()
    cross_entropy(alone(part.x), part.targets()).backward()
    assert torch.equal(net[1].weight.grad, alone[1].weight.grad)


def test_wrong_settings_get_answers():
    with pytest.raises(ValueError, match="a penalty of at least 0"):
        CompensateDrift(penalty=-1.0)
    with pytest.raises(KeyError, match="no module 'hidden'"):
        Sleeper(nn.Linear(4, 2), DriftCompensated(layer="hidden")).loss(torch.zeros(2, 4), torch.tensor([0, 1]))
