"""What a Sleeper says of what it keeps, held against attacks on what is kept."""

import pytest
import torch
from torch import nn

from oneiros.core import Batch, Seeds
from oneiros.memory.exemplars import Exemplars
from oneiros.memory.mean_input import MeanInput
from oneiros.memory.moments import ClassMoments, Moments
from oneiros.nets.cut import cut
from oneiros.phases import Veridical
from oneiros.sleeper import Automatic, GenerativeReplay, LayerReplay, NoSleep, Rehearsal, Sleeper, SpikeReplay
from oneiros.sleeper.audit import lines, of_layer

RNG = torch.Generator()
AUTO = Automatic(filters=4, first=8, share=0.2)
SPIKES = SpikeReplay(
    layers=("1.weight", "3.weight"), steps=5, rate=1.0, gains=(1.2, 60.0), inc=(1e-6, 1e-8), dec=(1e-4, 1e-5)
)


def net(hidden: int = 32, activation: type[nn.Module] = nn.ReLU) -> nn.Sequential:
    with Seeds(0).building("net"):
        return nn.Sequential(nn.Flatten(), nn.Linear(64, hidden), activation(), nn.Linear(hidden, 4))


def lesson(day: int = 0, n: int = 24) -> tuple[torch.Tensor, torch.Tensor]:
    rng = torch.Generator().manual_seed(day)
    return torch.rand(n, 1, 8, 8, generator=rng), torch.arange(n) % 2 + 2 * day


def slept(mechanism, of: nn.Module | None = None, days: int = 1) -> Sleeper:
    sleeper = Sleeper(of or net(), mechanism, classes=4)
    optimiser = torch.optim.SGD(sleeper.net.parameters(), lr=0.01)
    list(sleeper.live([lesson(day) for day in range(days)], optimiser=optimiser, batch_size=8))
    return sleeper


def kept(sleeper: Sleeper, name: str):
    return sleeper.attachments[0].brain.memory[name]


def nearest(guesses: torch.Tensor, examples: torch.Tensor) -> float:
    """Distance of the best guess to the example it is nearest to, relative to that between examples."""
    apart = torch.cdist(examples, examples)
    typical = apart[apart > 0].min()
    return float(torch.cdist(guesses.to(examples), examples).min() / typical)


# layers: an attacker solves for the inputs


def attacked(below: nn.Module, activations: torch.Tensor) -> torch.Tensor:
    """Inputs that give these activations, by gradient descent from grey."""
    x = torch.full((len(activations), 1, 8, 8), 0.5, requires_grad=True)
    optimiser = torch.optim.LBFGS([x], max_iter=300, line_search_fn="strong_wolfe")

    def error():
        optimiser.zero_grad()
        loss = (below(x) - activations).square().sum()
        loss.backward()
        return loss

    optimiser.step(error)
    return x.detach().flatten(1)


LAYERS = {
    "the inputs, flattened": (net(), "0", True),
    "more linear features than inputs": (net(96), "1", True),
    "rectified, twice as many as inputs and half of them silent": (net(256), "2", True),
    "half as many linear features": (net(32), "1", False),
    "half as many, rectified": (net(32), "2", False),
}


@pytest.mark.parametrize(("of", "layer", "readable"), LAYERS.values(), ids=LAYERS.keys())
def test_a_layer_is_called_raw_where_an_attacker_gets_the_inputs_back(of, layer, readable):
    sleeper = slept(LayerReplay(layer=layer, dreams=Veridical(), per_class=20, replayed=20), of)
    activations = torch.cat(list(kept(sleeper, "activations")._whole().values()))
    below = cut(of, layer).below
    found = attacked(below, activations)
    assert (nearest(found, lesson()[0].flatten(1)) < 0.05) is readable
    assert sleeper.holds_raw is readable


def test_a_large_layer_is_taken_for_readable_where_it_has_as_many_numbers():
    wide = nn.Sequential(nn.Conv2d(1, 4, 3, padding=1), nn.Flatten(), nn.Linear(4 * 40 * 40, 2))
    assert of_layer(wide, "0", torch.zeros(1, 1, 40, 40)).raw
    assert "taken for readable" in of_layer(wide, "0", torch.zeros(1, 1, 40, 40)).why


# memories: an attacker takes what is there


def test_a_mean_of_one_is_that_one_and_a_mean_of_many_is_nobody():
    x, _ = lesson()
    memory = MeanInput()
    memory.store(Batch(x=x[:1]), RNG)
    assert memory.holds_raw
    assert nearest(memory.recall(1, RNG).x.flatten(1), x.flatten(1)) < 1e-3
    memory.store(Batch(x=x[1:]), RNG)
    assert not memory.holds_raw
    assert nearest(memory.recall(1, RNG).x.flatten(1), x.flatten(1)) > 0.3


@pytest.mark.parametrize(("kind", "each", "raw"), [
    (Moments, 1, True), (Moments, 6, False), (ClassMoments, 1, True), (ClassMoments, 2, True), (ClassMoments, 6, False),
])  # fmt: skip
def test_sums_are_raw_where_a_class_is_too_small_to_hide_in(kind, each, raw):
    """Of one example the mean is it; of two, mean and scatter give both: m + and - the root of half the scatter."""
    x = lesson()[0].flatten(1).double()[: 2 * each]
    memory = kind()
    memory.store(Batch(x=x, y=torch.arange(2 * each) % 2), RNG)
    guesses = [memory.means]
    for label in memory.classes:
        scatter = memory.scatter(label) if kind is ClassMoments else memory.within()
        values, vectors = torch.linalg.eigh(scatter)
        main = vectors[:, -1] * (values[-1].clamp(min=0) / 2).sqrt()
        guesses += [torch.stack([memory.means[label] + main, memory.means[label] - main])]
    assert (nearest(torch.cat(guesses), lesson()[0].flatten(1).double()) < 0.05) is raw
    assert memory.holds_raw is raw


def test_raw_or_not_of_every_mechanism_by_day_and_after_a_night():
    for mechanism, by_day, after in (
        (NoSleep(), False, False),
        (AUTO, True, False),
        (GenerativeReplay(hidden=(8,), latent=2, replayed=8), False, False),
        (LayerReplay(layer="2", per_class=6, replayed=12, batch_size=6), True, False),
        (SPIKES, False, False),
        (Rehearsal(per_class=3), True, True),
    ):
        sleeper = Sleeper(net(), mechanism, classes=4)
        sleeper.loss(*lesson())
        assert sleeper.holds_raw is by_day, mechanism
        sleeper.sleep()
        assert sleeper.holds_raw is after, mechanism


# bytes


def test_bytes_are_those_of_everything_that_exists():
    """By hand: generator, Adam's two moments and its step, and after a night the frozen copies."""
    sleeper = Sleeper(net(), GenerativeReplay(hidden=(8,), latent=2, replayed=8), classes=4)
    sleeper.loss(*lesson())
    brain = sleeper.attachments[0].brain
    generator = [each.nbytes for each in brain.net.generator.parameters()]
    buffers = sum(each.nbytes for each in brain.net.generator.buffers())
    assert sleeper.nbytes == 3 * sum(generator) + buffers + 4 * len(generator)
    network = sum(each.nbytes for each in sleeper.net.parameters())
    sleeper.sleep()
    scholar = kept(sleeper, "scholar").nbytes
    assert scholar == sum(generator) + buffers + network
    assert sleeper.nbytes >= scholar + sum(generator) + buffers
    sleeper.loss(*lesson(1))
    assert sleeper.nbytes == scholar + 3 * sum(generator) + buffers + 4 * len(generator)


def test_grey_values_are_kept_as_bytes_and_recalled_bit_for_bit():
    grey = torch.arange(256).repeat(2).view(8, 64).float() / 255
    y = torch.zeros(8, dtype=torch.int64)
    plain, compact = Exemplars(8), Exemplars(8, compact=True)
    for memory in (plain, compact):
        memory.store(Batch(x=grey, y=y), RNG)
        memory.seal()
    assert plain.nbytes == 4 * compact.nbytes == 4 * 8 * 64
    first, second = (each.recall(20, torch.Generator().manual_seed(0)).x for each in (plain, compact))
    assert torch.equal(first, second)
    mixed = Exemplars(8, compact=True)
    mixed.store(Batch(x=torch.cat([grey[:4], grey[:4] + 1e-4]), y=y), RNG)
    mixed.seal()
    assert torch.equal(mixed.kept[0], torch.cat([grey[:4], grey[:4] + 1e-4]))


def test_an_account_adds_up_and_says_of_whom():
    sleeper = slept(Rehearsal(per_class=3))
    (line,) = sleeper.account()
    assert line.what == "exemplars"
    assert line.classes == {0: 3, 1: 3}
    assert line.raw
    automatic = slept(AUTO, days=2)
    assert sum(each.nbytes for each in automatic.account()) == automatic.nbytes
    table = lines(automatic.account())
    assert "| sums.patches |" in table
    assert "| 0: 12, 1: 12, 2: 12, 3: 12 | no | sums over several examples each |" in table


# forgetting


def test_a_class_is_forgotten_and_what_of_it_is_left_is_said():
    automatic = slept(Automatic(filters=4, first=8, share=0.2, errors=1e9), days=2)
    kept(automatic, "evidence").chosen = "given"
    x, _ = lesson()
    assert 1 in automatic.predict(x).tolist()
    told = {each.what: each for each in automatic.forget([1])}
    assert not told["sums.given"].memory  # its share of the scatter that all share stays
    assert 1 not in automatic.predict(x).tolist()
    assert (automatic.scores(x)[:, 1] == -torch.inf).all()
    rehearsing = slept(Rehearsal(per_class=3), days=2)
    (told,) = rehearsing.forget([0])
    assert told.memory
    assert not told.weights  # the network has learned from them
    assert kept(rehearsing, "exemplars").classes == (1, 2, 3)
    assert slept(GenerativeReplay(hidden=(8,), latent=2, replayed=8)).forget([0]) == []
