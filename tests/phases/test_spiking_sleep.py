"""The phase around Algorithm 1: what it recalls, how long it lasts, and what it refuses."""

import pytest
import torch

from oneiros.core import Batch, Brain, Seeds
from oneiros.equations.spiking import Membranes, Plasticity, dense_sleep
from oneiros.memory import MeanInput
from oneiros.nets import EquilibriumRNN
from oneiros.phases import SpikingSleep

LAYERS = ("hidden.weight", "output.weight")
NIGHT = SpikingSleep(
    layers=LAYERS, steps=40, rate=0.8, gains=(2.0, 3.0), feedback=(1.0,), inc=(0.01, 0.02), dec=(0.005, 0.01)
)


def slept_on(x: torch.Tensor) -> Brain:
    with Seeds(0).building("init"):
        net = EquilibriumRNN((6, 8, 3))
    mean = MeanInput()
    mean.store(Batch(x=x), Seeds(0).rng("store"))
    return Brain(net=net, memory={"mean": mean})


def some_input() -> torch.Tensor:
    return torch.rand(10, 6, generator=torch.Generator().manual_seed(0))


@pytest.mark.parametrize(("age", "growth", "steps"), [(0, 0.5, 40), (3, 0.5, 100), (3, 0.0, 40)])
def test_a_night_is_the_equation_on_bernoulli_noise_as_long_as_age_says(age, growth, steps):
    """40 steps growing by half per task lived: 40, 60, 80, 100."""
    brain = slept_on(some_input())
    brain.age = age
    before = [p.detach().clone() for name, p in brain.net.named_parameters() if name in LAYERS]
    p = (0.8 * brain.memory["mean"].recall(1, Seeds(0).rng("any")).x[0]).clamp(0, 1)
    noise = torch.rand(steps, 6, generator=Seeds(1).rng("night")) < p
    expected, _ = dense_sleep(before, noise, Membranes((2.0, 3.0), (1.0,)), Plasticity((0.01, 0.02), (0.005, 0.01)))
    night = SpikingSleep(**{**vars(NIGHT), "growth": growth})
    night(brain, Seeds(1).rng("night"))
    for name, wanted in zip(LAYERS, expected, strict=True):
        torch.testing.assert_close(dict(brain.net.named_parameters())[name].detach(), wanted, rtol=0, atol=1e-5)


def test_a_dark_day_is_followed_by_a_silent_night_that_changes_nothing():
    brain = slept_on(torch.zeros(4, 6))
    before = {name: p.detach().clone() for name, p in brain.net.named_parameters()}
    rates = NIGHT(brain, Seeds(0).rng("night"))
    assert all(rate == 0 for rate in rates.values())
    assert all(torch.equal(before[name], p) for name, p in brain.net.named_parameters())


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"gains": (1.0,)}, "2 layers, so gains, inc and dec need 2 numbers each"),
        ({"feedback": (1.0, 1.0)}, r"feedback needs one gain per hidden layer \(1\)"),
        ({"loops": ("recurrent.weight",), "loop_gains": (1.0,)}, "and 1 loops, so inc and dec need 3"),
        ({"loop_gains": (1.0,)}, r"loops and loop_gains need one entry per hidden layer \(1\)"),
        ({"leak": 1.5}, "0 <= leak <= 1"),
        ({"steps": -1}, "expected steps, growth, rate and patch >= 0"),
        ({"patch": -1}, "expected steps, growth, rate and patch >= 0"),
    ],
)
def test_impossible_nights_are_refused(changed, message):
    with pytest.raises(ValueError, match=message):
        SpikingSleep(**{**vars(NIGHT), **changed})


def test_a_layer_that_does_not_exist_is_answered_with_those_there_are():
    night = SpikingSleep(**{**vars(NIGHT), "layers": ("hidden.weight", "out.weight")})
    with pytest.raises(KeyError, match=r"names \['out.weight'\]; EquilibriumRNN has .*'output.weight'"):
        night(slept_on(some_input()), Seeds(0).rng("night"))


def test_layers_that_are_no_chain_are_refused_with_their_shapes():
    night = SpikingSleep(**{**vars(NIGHT), "layers": ("output.weight", "hidden.weight")})
    with pytest.raises(ValueError, match=r"chain of matrices: output.weight is \(3, 8\), hidden.weight is \(8, 6\)"):
        night(slept_on(some_input()), Seeds(0).rng("night"))


def test_a_loop_that_is_not_square_is_refused_with_its_shape():
    loops = {"loops": ("output.weight",), "loop_gains": (1.0,), "inc": (0.1,) * 3, "dec": (0.1,) * 3}
    night = SpikingSleep(**{**vars(NIGHT), **loops})
    with pytest.raises(ValueError, match=r"needs a square loop on hidden.weight: output.weight is \(3, 8\)"):
        night(slept_on(some_input()), Seeds(0).rng("night"))


def test_a_mean_input_of_another_size_is_refused():
    with pytest.raises(ValueError, match="hidden.weight has 6 inputs, but the mean input has 5"):
        NIGHT(slept_on(torch.rand(3, 5)), Seeds(0).rng("night"))


def test_a_night_before_any_day_is_refused():
    brain = slept_on(some_input())
    brain.memory["mean"] = MeanInput()
    with pytest.raises(RuntimeError, match="recall from an empty MeanInput: store a batch"):
        NIGHT(brain, Seeds(0).rng("night"))


def seeing_brain(shape: tuple[int, ...] = (1, 2, 3)) -> Brain:
    return slept_on(torch.ones(1, *shape))


@pytest.fixture
def heard(monkeypatch) -> list[torch.Tensor]:
    """The input's spikes of every night."""
    nights: list[torch.Tensor] = []

    def sleep(self, weights: list[torch.Tensor], spikes: torch.Tensor) -> tuple[list[torch.Tensor], list]:
        nights.append(spikes)
        return weights, []

    monkeypatch.setattr(SpikingSleep, "_sleep", sleep)
    monkeypatch.setattr(SpikingSleep, "returns", ())
    return nights


def test_in_patches_only_a_square_fires_and_lies_everywhere_equally_often(heard):
    """An input that always fires, 2 x 3 pixels, patch 2: it lies left or right, so the middle column always fires."""
    for patch in (2, 0):
        night = SpikingSleep(**{**vars(NIGHT), "rate": 1.0, "steps": 2000, "patch": patch})
        night(seeing_brain(), Seeds(0).rng("night"))
    left, right = torch.tensor([1, 1, 0, 1, 1, 0]).bool(), torch.tensor([0, 1, 1, 0, 1, 1]).bool()
    lies_left, lies_right = ((heard[0] == place).all(1) for place in (left, right))
    assert (lies_left ^ lies_right).all()
    assert abs(lies_left.float().mean().item() - 0.5) < 0.05
    assert heard[1].all()


def test_what_lies_in_the_patch_fires_as_it_would_without_one(heard):
    for patch in (0, 2):
        SpikingSleep(**{**vars(NIGHT), "patch": patch, "rate": 0.5})(seeing_brain(), Seeds(0).rng("night"))
    whole, part = heard
    assert (part <= whole).all()
    assert torch.equal(part[:, [1, 4]], whole[:, [1, 4]]), "the middle column lies in every patch"
    assert not torch.equal(part, whole)


@pytest.mark.parametrize(("shape", "patch"), [((6,), 1), ((1, 2, 3), 3), ((2, 1, 3), 1)])
def test_a_patch_of_what_is_no_single_image_or_too_small_is_refused(shape, patch):
    night = SpikingSleep(**{**vars(NIGHT), "patch": patch})
    with pytest.raises(ValueError, match=f"patch is {patch}, but the mean input has shape .*; expected one image"):
        night(seeing_brain(shape), Seeds(0).rng("night"))


def test_a_night_that_is_recorded_is_the_night_that_is_lived_and_leaves_the_brain_alone():
    """The compiled night fires as often and moves the weights as far as the recorded one, step by step."""
    brain = slept_on(some_input())
    before = {name: p.detach().clone() for name, p in brain.net.named_parameters()}
    spikes, new = NIGHT.record(brain, Seeds(1).rng("night"))
    assert all(torch.equal(before[name], p) for name, p in brain.net.named_parameters())
    assert [tuple(s.shape) for s in spikes] == [(40, 6), (40, 8), (40, 3)]
    rates = NIGHT(brain, Seeds(1).rng("night"))
    for name, fired, weights in zip(LAYERS, spikes[1:], new, strict=True):
        assert rates[f"rate/{name}"] == pytest.approx(float(fired.float().mean()), abs=1e-6)
        assert fired.any()
        torch.testing.assert_close(dict(brain.net.named_parameters())[name].detach(), weights, rtol=0, atol=1e-5)
