"""Exact nights around anybody's network: order, epochs, what they are worth on digits, and what answers."""

import pytest
import torch
from torch import nn

from oneiros.core import Seeds
from oneiros.data import load
from oneiros.sleeper import (
    AtLayer,
    ExactNights,
    FeCam,
    Front,
    Inputs,
    NearestClassMean,
    NoSleep,
    RandomRelu,
    RanPac,
    RecursiveRidge,
    Root,
    Sleeper,
    StreamingLda,
)

FRONT = Front(filters=40, side=4, stride=1, padding=1, grid=2, enough=100)
EVERY = {
    "front": ExactNights(features=FRONT),
    "layer": ExactNights(features=Root(AtLayer("2"))),
    "random": ExactNights(features=RandomRelu(200)),
    "means": NearestClassMean(),
    "slda": StreamingLda(),
    "ridge": RecursiveRidge(features=RandomRelu(200)),
    "ranpac": RanPac(width=200),
    "fecam": FeCam(),
}
every = pytest.mark.parametrize("mechanism", EVERY.values(), ids=EVERY.keys())


def mlp() -> nn.Sequential:
    with Seeds(0).building("net"):
        return nn.Sequential(nn.Flatten(), nn.Linear(64, 32), nn.ReLU(), nn.Linear(32, 10))


def live(mechanism, order=((0, 1), (2, 3), (4, 5), (6, 7), (8, 9)), epochs: int = 1) -> Sleeper:
    digits, net = load("digits"), mlp()
    sleeper = Sleeper(net, mechanism, classes=10)
    parts = [digits.train.of_classes(classes).all() for classes in order]
    days = [(part.x, part.y) for part in parts]
    for _ in sleeper.live(days, epochs=epochs, optimiser=torch.optim.SGD(net.parameters(), lr=0.05)):
        pass
    return sleeper


def accuracy(model: nn.Module) -> float:
    test = load("digits").test.all()
    with torch.no_grad():
        return float((model(test.x).argmax(1) == test.targets()).double().mean())


@every
def test_it_keeps_ten_classes_that_the_network_beside_it_forgets(mechanism):
    sleeper = live(mechanism)
    kept = accuracy(sleeper.model())
    assert kept > (0.85 if mechanism in (EVERY["means"], EVERY["layer"]) else 0.93)
    assert accuracy(sleeper.net) < 0.4
    assert not sleeper.holds_raw
    assert sleeper.nbytes > 0


def test_a_learned_front_reads_digits_better_than_pixels():
    assert accuracy(live(ExactNights(features=FRONT)).model()) > 0.97


@every
def test_epochs_count_each_example_once(mechanism):
    if mechanism is EVERY["layer"]:
        pytest.skip("its upper layers learn in between, but its features rest: covered by the others")
    once, often = live(mechanism), live(mechanism, epochs=2)
    moments = [next(m for m in each.memories if hasattr(m, "within")) for each in (once, often)]
    assert len(moments[0]) == len(moments[1]) == len(load("digits").train)
    if mechanism is not EVERY["front"]:  # its front learns from the first images, whose order differs
        x = load("digits").test.all().x
        torch.testing.assert_close(often.model()(x), once.model()(x), rtol=1e-3, atol=1e-3)


@pytest.mark.parametrize("name", ["random", "slda", "fecam"])
def test_the_order_of_the_days_does_not_matter(name):
    x = load("digits").test.all().x
    first, other = live(EVERY[name]), live(EVERY[name], order=((7, 3, 5), (9, 0), (8,), (1, 2, 4, 6)))
    torch.testing.assert_close(first.model()(x), other.model()(x), rtol=1e-3, atol=1e-3)


def test_the_network_learns_as_it_would_without():
    beside, alone = live(EVERY["random"]), live(NoSleep())
    for mine, theirs in zip(beside.net.parameters(), alone.net.parameters(), strict=True):
        assert torch.equal(mine, theirs)


def test_layers_below_a_named_one_rest_and_those_above_learn():
    sleeper, fresh = live(ExactNights(features=AtLayer("2"))), mlp()
    assert torch.equal(sleeper.net[1].weight, fresh[1].weight)
    assert not torch.equal(sleeper.net[3].weight, fresh[3].weight)


def test_a_short_first_day_learns_its_front_at_nightfall_and_a_resumed_life_goes_on():
    digits = load("digits")
    part, other = (digits.train.of_classes(classes).all() for classes in ((0, 1), (2, 3)))
    mechanism = ExactNights(features=Front(filters=20, side=4, stride=1, grid=2, enough=10_000))
    sleeper = Sleeper(mlp(), mechanism, classes=10)
    sleeper.loss(part.x[:150], part.y[:150])
    assert sleeper.holds_raw, "until the front has learned, the first images wait"
    resumed = Sleeper(mlp(), mechanism, classes=10)
    resumed.load_state_dict(sleeper.state_dict())
    answers = []
    for each in (sleeper, resumed):
        each.loss(part.x[150:], part.y[150:])
        each.sleep()
        assert not each.holds_raw
        each.loss(other.x, other.y)
        each.sleep()
        answers.append(each.model()(digits.test.all().x))
    assert torch.equal(*answers)
    assert float((answers[0].argmax(1) < 4).double().mean()) == 1, "classes that never came are never answered"


def test_the_model_is_a_plain_module_that_exports():
    x = load("digits").test.all().x[:5]
    model = live(ExactNights(features=FRONT)).model()
    torch.testing.assert_close(torch.export.export(model, (x,)).module()(x), model(x), rtol=1e-3, atol=1e-3)


def test_a_layer_that_is_not_there_and_a_front_over_vectors_are_said():
    with pytest.raises(KeyError, match="no module 'relu'"):
        live(ExactNights(features=AtLayer("relu")))
    net = nn.Linear(4, 2)
    with pytest.raises(ValueError, match=r"inputs are \(4,\) each; Front\(\) needs images .*RandomRelu"):
        Sleeper(net, ExactNights(), classes=2).loss(torch.rand(3, 4), torch.tensor([0, 1, 0]))


def test_random_features_of_features_are_as_wide_as_asked():
    module = RandomRelu(7, Inputs()).build(mlp(), torch.rand(2, 1, 8, 8), Seeds(0))
    assert module(torch.rand(3, 1, 8, 8)).shape == (3, 7)
    assert (module(torch.rand(3, 1, 8, 8)) >= 0).all()
