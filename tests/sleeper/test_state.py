"""A Sleeper that is saved, made anew and restored goes on as if nothing had happened, bit for bit."""

import copy
from collections import OrderedDict

import pytest
import torch
from safetensors.torch import load_file, save_file
from torch import nn

from oneiros.core import Seeds
from oneiros.nets import VGG, Architecture
from oneiros.sleeper import (
    Combined,
    GenerativeReplay,
    LayerReplay,
    NoSleep,
    Sleeper,
)
from tests.sleeper.mechanisms import DREAMS, EXAMPLES, LAYER, SPIKES

BESIDE = {
    "elastic dreams": Combined((EXAMPLES["elastic"], DREAMS)),
    "dreams beside raw examples": Combined((DREAMS, EXAMPLES["rehearsal"])),
    "together": Combined((EXAMPLES["rehearsal"], SPIKES)),
}
every_mechanism = pytest.mark.parametrize("mechanism", [*EXAMPLES.values(), *BESIDE.values()], ids=[*EXAMPLES, *BESIDE])


def normalised() -> nn.Module:
    """With batch normalisation, whose statistics change without a gradient and rest below a replayed layer."""
    with Seeds(0).building("net"):
        layers = {"0": nn.Flatten(), "1": nn.Linear(64, 12, bias=False), "norm": nn.BatchNorm1d(12), "2": nn.ReLU()}
        return nn.Sequential(OrderedDict(layers | {"3": nn.Linear(12, 10, bias=False)}))


def vgg() -> nn.Module:
    """Its weights do not lie in memory in the order of their dimensions."""
    with Seeds(0).building("net"):
        anatomy = Architecture(blocks=((4, 4),), head=(6,), size=8, dropout=0.0, mean=(0.5,), std=(0.5,))
        return VGG(anatomy, 10)


def lesson(day: int, step: int) -> tuple[torch.Tensor, torch.Tensor]:
    rng = torch.Generator().manual_seed(100 * day + step)
    return torch.rand(8, 1, 8, 8, generator=rng), torch.tensor([2 * day, 2 * day + 1]).repeat(4)


class Loop:
    """Anybody's loop: three days of three lessons, a night after each."""

    def __init__(self, mechanism, build=normalised, seed: int = 0):
        self.net = build()
        self.optimiser = torch.optim.Adam(self.net.parameters(), lr=0.01)
        self.sleeper = Sleeper(self.net, mechanism, classes=10, seed=seed)

    def live(self, moments: range) -> None:
        for moment in moments:
            day, step = divmod(moment, 4)
            if step == 3:
                self.sleeper.sleep()
                continue
            self.optimiser.zero_grad()
            self.sleeper.loss(*lesson(day, step)).backward()
            self.optimiser.step()


def same(a: dict[str, torch.Tensor], b: dict[str, torch.Tensor]) -> bool:
    return a.keys() == b.keys() and all(a[name].dtype == b[name].dtype and torch.equal(a[name], b[name]) for name in a)


def interrupted(mechanism, stop: int, path, build=normalised) -> Loop:
    """Lives until `stop`, is written to a file, and goes on in another loop made anew."""
    first = Loop(mechanism, build)
    first.live(range(stop))
    save_file(first.sleeper.state_dict(), path)
    optimiser = copy.deepcopy(first.optimiser.state_dict())
    first.live(range(stop, 12))  # what goes on in the old process changes nothing in what was kept
    second = Loop(mechanism, build)
    with torch.no_grad():
        for parameter in second.net.parameters():
            parameter.fill_(0.5)  # whatever it was before
    second.sleeper.load_state_dict(load_file(path))
    second.optimiser.load_state_dict(optimiser)
    second.live(range(stop, 12))
    return second


@every_mechanism
@pytest.mark.parametrize("stop", [0, 2, 3, 4, 6, 8], ids=lambda stop: f"after {stop}")
def test_resumed_anywhere_the_life_is_the_uninterrupted_one(mechanism, stop, tmp_path):
    """Before any lesson, by day, at dusk, after a night, on the second day, after its night."""
    whole = Loop(mechanism)
    whole.live(range(12))
    resumed = interrupted(mechanism, stop, tmp_path / "sleeper.safetensors")
    assert same(resumed.sleeper.state_dict(), whole.sleeper.state_dict())
    assert [p.requires_grad for p in resumed.net.parameters()] == [p.requires_grad for p in whole.net.parameters()]
    assert (resumed.sleeper.nights, resumed.sleeper.nbytes) == (3, whole.sleeper.nbytes)


@pytest.mark.parametrize("mechanism", [DREAMS, LayerReplay(layer="features.pool1", per_class=6, replayed=12)])
def test_resumed_where_weights_lie_in_another_order(mechanism, tmp_path):
    whole = Loop(mechanism, vgg)
    whole.live(range(12))
    resumed = interrupted(mechanism, 6, tmp_path / "sleeper.safetensors", vgg)
    assert same(resumed.sleeper.state_dict(), whole.sleeper.state_dict())
    assert not resumed.net.features.conv1_2.weight.is_contiguous()


def test_the_loop_of_those_who_have_none_goes_on_where_it_stopped():
    """One class a day: the last day alone shows one class, the life does not."""
    days = [(lesson(0, day)[0], torch.full((8,), day)) for day in range(3)]
    nets = []
    for parts in ((3,), (2, 3)):
        kept = None
        for stop in parts:
            net = normalised()
            optimiser = torch.optim.SGD(net.parameters(), lr=0.1)
            sleeper = Sleeper(net, DREAMS, classes=10)
            if kept is not None:
                sleeper.load_state_dict(kept)
            lived = list(sleeper.live(days[sleeper.nights : stop], epochs=2, batch_size=3, optimiser=optimiser))
            kept = sleeper.state_dict()
        nets.append(kept)
    assert lived == [2]
    assert same(*nets)


def test_a_restored_life_without_replay_keeps_nothing_of_the_one_before():
    """Into a Sleeper that has lived, back to before its first lesson."""
    loop = Loop(DREAMS)
    born = loop.sleeper.state_dict()
    loop.live(range(6))
    loop.sleeper.load_state_dict(born)
    assert same(loop.sleeper.state_dict(), born)
    with pytest.raises(RuntimeError, match="before the first night"):
        loop.sleeper.sleep()
    loop.optimiser.state.clear()
    loop.live(range(12))
    whole = Loop(DREAMS)
    whole.live(range(12))
    assert same(loop.sleeper.state_dict(), whole.sleeper.state_dict())


def test_no_example_is_in_the_state_where_the_memory_holds_none():
    loop = Loop(DREAMS)
    loop.live(range(4))
    shown = torch.cat([lesson(0, step)[0].flatten(1) for step in range(3)])
    kept = [value.flatten() for value in loop.sleeper.state_dict().values() if value.numel() == 64]
    assert kept  # the blank input is one of them
    assert not any(torch.allclose(row, value.float()) for row in shown for value in kept)


def test_a_night_leaves_no_gradient_behind():
    """A loop that clears gradients after its steps would add them to the first ones of the next day."""
    loop = Loop(LAYER)
    loop.live(range(4))
    assert all(parameter.grad is None for parameter in loop.net.parameters())


WRONG_STATES = {
    "another seed": (lambda: Loop(DREAMS, seed=1), "seed=0.*this one has seed=1: make it with the same arguments"),
    "without a mechanism's parts": (lambda: Loop(SPIKES), "in part 0, its net 'generator.* expected none"),
    "another number of mechanisms": (lambda: Loop(Combined((DREAMS, SPIKES))), "of 1 attached parts, expected 2"),
    "another network": (lambda: Loop(DREAMS, vgg), "does not fit VGG: .*expected none"),
    "another mechanism": (
        lambda: Loop(NoSleep()),
        "does not fit this Sleeper's mechanism: in part 0, its net 'generator.* expected none",
    ),
    "another size": (
        lambda: Loop(GenerativeReplay(hidden=(9,), latent=2)),
        r"in part 0, its net 'generator.* is \(.*32.*\) torch.float32, expected \(.*9",
    ),
}


@pytest.mark.parametrize(("make", "says"), WRONG_STATES.values(), ids=WRONG_STATES.keys())
def test_a_state_of_another_life_is_refused_and_changes_nothing(make, says):
    lived = Loop(DREAMS)
    lived.live(range(5))
    other = make()
    before = other.sleeper.state_dict()
    with pytest.raises(ValueError, match=says):
        other.sleeper.load_state_dict(lived.sleeper.state_dict())
    assert same(other.sleeper.state_dict(), before)


def test_a_state_of_an_older_version_is_refused_as_such():
    older = {"counts": torch.tensor([10, 0, 0, 0]), "met": torch.zeros(10), "rests": torch.zeros(1)}
    with pytest.raises(ValueError, match="of an older oneiros: let that version finish the life"):
        Loop(DREAMS).sleeper.load_state_dict(older)


def test_something_else_is_refused():
    with pytest.raises(ValueError, match="no state of a Sleeper: it holds 1.weight; norm.weight"):
        Loop(DREAMS).sleeper.load_state_dict(normalised().state_dict())
    with pytest.raises(ValueError, match="classes=10.*this one has classes=12"):
        Sleeper(normalised(), DREAMS, classes=12).load_state_dict(Loop(DREAMS).sleeper.state_dict())
