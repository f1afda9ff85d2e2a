"""A Sleeper in a plain loop: what it keeps, what it leaves alone, and what it answers to wrong use."""

import copy
from collections import OrderedDict
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import pytest
import torch
from torch import nn
from torch.utils.data import TensorDataset

from oneiros.core import Batch, Brain, Seeds
from oneiros.data import load
from oneiros.phases import HardTargets
from oneiros.sleeper import (
    Attachment,
    Automatic,
    Combined,
    GenerativeReplay,
    LayerReplay,
    Needs,
    NoSleep,
    Rehearsal,
    SelectedLayerReplay,
    Sleeper,
    SpikeReplay,
    requirements,
)
from oneiros.sleeper.requirements import mechanisms
from tests.sleeper.mechanisms import DREAMS, EXAMPLES, LAYER, SPIKES

every_mechanism = pytest.mark.parametrize("mechanism", EXAMPLES.values(), ids=EXAMPLES.keys())


def mlp(hidden: int = 32) -> nn.Sequential:
    with Seeds(0).building("net"):
        return nn.Sequential(nn.Flatten(), nn.Linear(64, hidden), nn.ReLU(), nn.Linear(hidden, 10))


def lesson(n: int = 12, classes: tuple[int, ...] = (0, 1)) -> tuple[torch.Tensor, torch.Tensor]:
    rng = torch.Generator().manual_seed(1)
    return torch.rand(n, 1, 8, 8, generator=rng), torch.tensor(classes).repeat(n)[:n]


def live(mechanism, days: int = 5, epochs: int = 12, hidden: int = 64, seed: int = 0) -> tuple[float, Sleeper]:
    """Digits, two classes a day; final accuracy on all ten."""
    digits = load("digits")
    net = mlp(hidden)
    sleeper = Sleeper(net, mechanism, classes=10, seed=seed)
    parts = [digits.train.of_classes((2 * day, 2 * day + 1)).all() for day in range(days)]
    optimiser = torch.optim.Adam(net.parameters(), lr=2e-3)
    for _ in sleeper.live([(p.x, p.y) for p in parts], epochs=epochs, batch_size=32, optimiser=optimiser):
        pass
    test = digits.test.all()
    return float((net(test.x).argmax(1) == test.y).double().mean()), sleeper


@pytest.mark.slow
def test_dreams_keep_ten_classes_that_a_plain_loop_forgets():
    plain, _ = live(NoSleep(), epochs=3)
    dreaming, sleeper = live(GenerativeReplay(hidden=(128,), latent=12, lr=2e-3, replayed=64))
    assert plain < 0.21  # it knows the last two classes of ten
    assert dreaming >= 0.85
    assert not sleeper.holds_raw
    assert sleeper.nbytes > 0


def test_control_is_the_plain_loop_to_the_bit():
    x, y = lesson()
    ours, theirs = mlp(), mlp()
    Sleeper(ours, NoSleep(), classes=10).loss(x, y).backward()
    nn.functional.cross_entropy(theirs(x), y).backward()
    for a, b in zip(ours.parameters(), theirs.parameters(), strict=True):
        assert torch.equal(a.grad, b.grad)


@every_mechanism
def test_the_first_day_is_the_plain_loop_since_there_is_no_past(mechanism):
    x, y = lesson()
    if isinstance(mechanism, Automatic):  # but for what is held out
        mechanism = Automatic(share=1e-6)
    net = mlp()
    loss = Sleeper(net, mechanism, classes=10).loss(x, y)
    torch.testing.assert_close(loss, nn.functional.cross_entropy(net(x), y), rtol=1e-5, atol=1e-6)


@every_mechanism
def test_same_seed_same_life_and_global_chance_is_left_alone(mechanism):
    before = torch.get_rng_state()
    nets = []
    for _ in range(2):
        net = mlp()
        sleeper = Sleeper(net, mechanism, classes=10, seed=3)
        optimiser = torch.optim.SGD(net.parameters(), lr=0.1)
        for day in range(2):
            optimiser.zero_grad()
            sleeper.loss(*lesson(classes=(2 * day, 2 * day + 1))).backward()
            optimiser.step()
            sleeper.sleep()
        nets.append(copy.deepcopy(net.state_dict()))
    assert all(torch.equal(nets[0][name], nets[1][name]) for name in nets[0])
    assert torch.equal(torch.get_rng_state(), before)


@every_mechanism
def test_raw_examples_are_held_after_a_night_only_where_the_table_says_so(mechanism):
    net = mlp()
    sleeper = Sleeper(net, mechanism, classes=10)
    sleeper.loss(*lesson())
    sleeper.sleep()
    assert sleeper.holds_raw is type(mechanism).needs.raw


def test_the_weight_of_the_past_is_eq_1():
    """With hard targets and r = 0 only dreams count, with r = 1 only today does."""
    x, y = lesson(classes=(2, 3))
    for ratio, plain in ((1.0, True), (0.0, False)):
        net = mlp()
        mechanism = GenerativeReplay(hidden=(8,), latent=2, replayed=8, ratio=ratio, targets=HardTargets())
        sleeper = Sleeper(net, mechanism, classes=10)
        sleeper.loss(*lesson())
        sleeper.sleep()
        alone = nn.functional.cross_entropy(net(x), y)
        assert torch.isclose(sleeper.loss(x, y), alone, rtol=1e-5) == plain


def test_a_poor_dream_teaches_the_class_that_was_dreamed_of():
    """The old network takes everything for class 9; by default its dreams of 0 and 1 are taught as 0 and 1."""
    for intended, labels in ((True, {0, 1}), (False, {9})):
        net = mlp()
        sleeper = Sleeper(net, GenerativeReplay(hidden=(8,), latent=2, replayed=8, intended=intended), classes=10)
        sleeper.loss(*lesson())
        with torch.no_grad():
            net[-1].bias[9] = 99.0
        sleeper.sleep()
        recalled = sleeper.attachments[0].brain.memory["scholar"].recall(50, Seeds(0).rng("recall"))
        assert set(recalled.y.tolist()) == labels


def test_the_generator_learns_several_times_from_each_lesson():
    for steps in (1, 3):
        sleeper = Sleeper(mlp(), GenerativeReplay(hidden=(8,), latent=2, replayed=8, steps=steps), classes=10)
        x, y = lesson()
        sleeper.loss(x, y)
        assert int(sleeper.attachments[0].brain.net.generator.seen) == steps * len(x)
    with pytest.raises(ValueError, match="GenerativeReplay.steps is 0"):
        GenerativeReplay(steps=0)


def test_inputs_in_other_bounds_give_the_dreams_of_the_same_inputs_in_units():
    x, y = lesson()

    class Shifted(nn.Module):
        def __init__(self):
            super().__init__()
            self.inner = mlp()

        def forward(self, x):
            return self.inner((x + 1) / 2)

    losses = []
    for net, view, bounds in ((mlp(), x, (0.0, 1.0)), (Shifted(), 2 * x - 1, (-1.0, 1.0))):
        sleeper = Sleeper(net, GenerativeReplay(hidden=(8,), latent=2, replayed=8, bounds=bounds), classes=10)
        sleeper.loss(view, y)
        sleeper.sleep()
        losses.append(sleeper.loss(view, y).detach())
    torch.testing.assert_close(losses[0], losses[1], rtol=1e-4, atol=1e-5)


def test_a_day_may_be_a_dataset_or_a_pair_of_arrays():
    x, y = lesson()
    nets = []
    for days in ([TensorDataset(x, y)], [(x.numpy(), y.numpy())]):
        net = mlp()
        list(Sleeper(net, DREAMS, classes=10).live(days, optimiser=torch.optim.SGD(net.parameters(), lr=0.1)))
        nets.append(net)
    assert all(torch.equal(a, b) for a, b in zip(nets[0].parameters(), nets[1].parameters(), strict=True))


def test_a_row_that_is_left_over_joins_the_batch_before():
    """Batch normalisation refuses to learn from one row."""
    with Seeds(0).building("net"):
        net = nn.Sequential(nn.Flatten(), nn.Linear(64, 8), nn.BatchNorm1d(8), nn.Linear(8, 10))
    sleeper = Sleeper(net, NoSleep(), classes=10)
    list(sleeper.live([lesson(13)], batch_size=6, optimiser=torch.optim.SGD(net.parameters(), lr=0.1)))
    assert int(net[2].num_batches_tracked) == 2


def test_layers_below_rest_after_the_first_night_of_layer_replay():
    net = mlp()
    sleeper = Sleeper(net, LAYER, classes=10)
    sleeper.loss(*lesson())
    told = sleeper.sleep()
    assert [name for name, p in net.named_parameters() if p.requires_grad] == ["3.weight", "3.bias"]
    assert told["loss"].isfinite()
    kept = sleeper.attachments[0].brain.memory["activations"]
    assert kept.classes == (0, 1)
    sleeper.loss(*lesson(classes=(2, 3)))
    sleeper.sleep()
    assert kept.classes == (0, 1, 2, 3)


def test_a_selector_chooses_among_the_classes_met_and_is_rewarded_by_what_it_does_not_replay():
    net = mlp()
    sleeper = Sleeper(net, SelectedLayerReplay(replay=LAYER, rewarded=2), classes=10)
    for classes in ((0, 1), (2, 3)):
        sleeper.loss(*lesson(classes=classes))
        told = sleeper.sleep()
    memory = sleeper.attachments[0].brain.memory
    assert memory["held"].classes == memory["activations"].classes == (0, 1, 2, 3)
    assert [memory["held"].count(c) for c in range(4)] == [2] * 4
    assert [memory["activations"].count(c) for c in range(4)] == [4] * 4  # of six shown
    counts = [int(told[f"replayed:{label}"]) for label in range(10)]
    assert sum(counts) == 4 * LAYER.replayed / LAYER.batch_size
    assert sum(counts[4:]) == 0


def test_nights_of_two_mechanisms_follow_one_another():
    net = mlp()
    sleeper = Sleeper(net, Combined((DREAMS, SPIKES)), classes=10)
    sleeper.loss(*lesson())
    before = net[1].weight.detach().clone()
    told = sleeper.sleep()
    assert any(name.startswith("rate/") for name in told)
    assert not torch.equal(net[1].weight, before)
    # What dreams are answered by is the network as it was when its part of the night came: before the spikes.
    frozen = sleeper.attachments[0].brain.memory["scholar"].answer(lesson()[0])
    assert frozen.shape == (12, 10)


def test_dreams_and_rehearsal_share_one_step_and_today_counts_once():
    """By hand, from the same recalled batches: the mean of both mechanisms' Eqs. 1."""
    calls: list[int] = []

    class Counted(nn.Module):
        def __init__(self):
            super().__init__()
            self.inner = mlp()

        def forward(self, x):
            calls.append(len(x))
            return self.inner(x)

    net, (x, y) = Counted(), lesson(classes=(2, 3))
    dreams = GenerativeReplay(hidden=(8,), latent=2, replayed=8, ratio=0.25, targets=HardTargets())
    sleeper = Sleeper(net, Combined((dreams, Rehearsal(per_class=5, replayed=6, ratio=0.75))), classes=10, seed=3)
    sleeper.loss(*lesson())
    sleeper.sleep()
    memories = [each.brain.memory for each in sleeper.attachments]
    dreamt = memories[0]["scholar"].recall(8, Seeds(3).rng("loss", 1, 0))
    raw = memories[1]["exemplars"].recall(6, Seeds(3).rng("loss", 1, 0, 1))
    today, first, second = (
        nn.functional.cross_entropy(net.inner(a), b) for a, b in ((x, y), (dreamt.x, dreamt.y), (raw.x, raw.y))
    )
    calls.clear()
    loss = sleeper.loss(x, y)
    assert calls == [8, 12 + 8 + 6]  # the frozen copy answers its dreams; then one pass
    torch.testing.assert_close(loss, (0.25 * today + 0.75 * first + 0.75 * today + 0.25 * second) / 2)


@dataclass(frozen=True)
class Pull:
    """A term that wants the last bias to be 1; half squared distance, so that its gradient is the distance."""

    weight: float

    def __call__(self, brain: Brain, batch: Batch, rng: torch.Generator) -> torch.Tensor:
        return self.weight * 0.5 * (brain.net[3].bias - 1).square().sum()


@dataclass(frozen=True)
class Pulling:
    weight: float
    needs: ClassVar[Needs] = Needs(paper="-", net="any", inputs="any", keeps="nothing", raw=False)

    def attach(self, net, like, classes, seeds):
        return (Attachment(brain=Brain(net=net), losses=(Pull(self.weight),)),)


@every_mechanism
def test_a_mechanisms_terms_are_added_once_whatever_stands_beside_them(mechanism):
    losses, gradients, nets = [], [], []
    for each in (mechanism, Combined((mechanism, Pulling(2.0), Pulling(0.5)))):
        net = mlp()
        sleeper = Sleeper(net, each, classes=10)
        for day in range(2):
            net.zero_grad()
            loss = sleeper.loss(*lesson(classes=(2 * day, 2 * day + 1)))
            loss.backward()
            if not day:
                sleeper.sleep()
        losses.append(loss.detach())
        gradients.append(net[3].bias.grad)
        nets.append(net)
    distance = nets[1][3].bias.detach() - 1
    torch.testing.assert_close(losses[1] - losses[0], 2.5 * 0.5 * distance.square().sum(), rtol=1e-4, atol=1e-5)
    torch.testing.assert_close(gradients[1] - gradients[0], 2.5 * distance, rtol=1e-4, atol=1e-5)


WRONG_LESSONS = {
    "float labels": (lambda x, y: (x, y.float()), TypeError, r"labels are torch.float32; .* from 0: y.long\(\)"),
    "one-hot labels": (lambda x, y: (x, nn.functional.one_hot(y, 10)), ValueError, "not one-hot"),
    "label too large": (lambda x, y: (x, y + 9), ValueError, "label 10 in row 1 is outside classes 0 to 9"),
    "label below 0": (lambda x, y: (x, y - 1), ValueError, "label -1 in row 0 is outside classes 0 to 9"),
    "NaN": (lambda x, y: (x.index_fill(0, torch.tensor([2]), np.nan), y), ValueError, "1 of 12 .* first is row 2"),
    "grey values": (lambda x, y: ((x * 255).byte(), y), TypeError, "inputs are torch.uint8; .*255"),
    "lengths": (lambda x, y: (x, y[:5]), ValueError, r"\(12, 1, 8, 8\) with labels \(5,\)"),
    "another device": (lambda x, y: (x.to("meta"), y), ValueError, "1.weight is on cpu, the inputs are on meta"),
    "beyond bounds": (lambda x, y: (3 * x, y), ValueError, r"bounds is \(0.0, 1.0\): give the smallest"),
}


@pytest.mark.parametrize(("spoil", "kind", "says"), WRONG_LESSONS.values(), ids=WRONG_LESSONS.keys())
def test_wrong_lessons_get_answers(spoil, kind, says):
    sleeper = Sleeper(mlp(), DREAMS, classes=10)
    with pytest.raises(kind, match=says):
        sleeper.loss(*spoil(*lesson()))


def test_a_model_on_another_device_gets_an_answer():
    net = nn.Sequential(nn.Flatten(), nn.Linear(64, 10, device="meta"))
    with pytest.raises(ValueError, match=r"1.weight is on meta, the inputs are on cpu: x.to\('meta'\)"):
        Sleeper(net, DREAMS, classes=10).loss(*lesson())


def test_a_night_before_any_day_gets_an_answer():
    sleeper = Sleeper(mlp(), DREAMS, classes=10)
    with pytest.raises(RuntimeError, match=r"before the first night: call loss\(x, y\)"):
        sleeper.sleep()
    sleeper.loss(*lesson())
    sleeper.sleep()
    with pytest.raises(RuntimeError, match="no lesson after the last night"):
        sleeper.sleep()


def test_one_class_gets_an_answer():
    with pytest.raises(ValueError, match="classes is 1; expected at least 2"):
        Sleeper(mlp(), DREAMS, classes=1)
    x, y = lesson(classes=(4,))
    net = mlp()
    days = Sleeper(net, DREAMS, classes=10).live([(x, y)], optimiser=torch.optim.SGD(net.parameters(), lr=0.1))
    with pytest.raises(ValueError, match=r"show class \[4\] and no other"):
        list(days)


WRONG_MECHANISMS = {
    "layer": (LayerReplay(layer="3"), "no parameters above '3'", ValueError),
    "no such layer": (LayerReplay(layer="layers.2"), "no module 'layers.2'", KeyError),
    "no such weight": (
        SpikeReplay(layers=("1.weigth",), steps=1, rate=1.0, gains=(1.0,), inc=(0.0,), dec=(0.0,)),
        "no parameter '1.weigth'; did you mean '1.weight'",
        KeyError,
    ),
    "no chain": (
        SpikeReplay(layers=("3.weight",), steps=1, rate=1.0, gains=(1.0,), inc=(0.0,), dec=(0.0,)),
        r"from the 64 inputs to the 10 scores; got 3.weight \(10, 32\)",
        ValueError,
    ),
    "no such layer, selected": (
        SelectedLayerReplay(replay=LayerReplay(layer="layers.2")),
        "no module 'layers.2'",
        KeyError,
    ),
}


@pytest.mark.parametrize(("mechanism", "says", "kind"), WRONG_MECHANISMS.values(), ids=WRONG_MECHANISMS.keys())
def test_what_a_mechanism_needs_and_lacks_is_said(mechanism, says, kind):
    with pytest.raises(kind, match=says):
        Sleeper(mlp(), mechanism, classes=10).loss(*lesson())


def test_a_layer_that_does_not_exist_is_answered_with_the_nearest_names():
    net = nn.Sequential(OrderedDict(flat=nn.Flatten(), hidden=nn.Linear(64, 8), scores=nn.Linear(8, 10)))
    for mechanism in (LayerReplay(layer="hiden"), SelectedLayerReplay(replay=LayerReplay(layer="hiden"))):
        with pytest.raises(KeyError, match="Sequential has no module 'hiden'; did you mean 'hidden'"):
            Sleeper(net, mechanism, classes=10).loss(*lesson())


def test_a_selector_refuses_batch_normalisation_above_its_layer_and_takes_it_below():
    """Its batches are of one class each."""
    with Seeds(0).building("net"):
        net = nn.Sequential(
            nn.Flatten(), nn.Linear(64, 8), nn.BatchNorm1d(8), nn.ReLU(), nn.Linear(8, 8), nn.BatchNorm1d(8),
            nn.Linear(8, 10),
        )  # fmt: skip
    below, above = (SelectedLayerReplay(replay=LayerReplay(layer=layer)) for layer in ("3", "5"))
    with pytest.raises(ValueError, match="there is BatchNorm1d above '3': a selector's batches are of one class each"):
        Sleeper(net, below, classes=10).loss(*lesson())
    Sleeper(net, above, classes=10).loss(*lesson())


def test_a_day_without_examples_gets_an_answer():
    net = mlp()
    x, y = lesson()
    for empty in (TensorDataset(x[:0], y[:0]), (x[:0], y[:0])):
        days = Sleeper(net, NoSleep(), classes=10).live([empty], optimiser=torch.optim.SGD(net.parameters(), lr=0.1))
        with pytest.raises(ValueError, match="a day holds no example: leave it out"):
            list(days)


def test_other_wrong_use_gets_answers():
    with pytest.raises(TypeError, match="an object, not a class"):
        Sleeper(mlp(), GenerativeReplay, classes=10)
    with pytest.raises(ValueError, match=r"rewarded is 20; .* fewer than the 6 that LayerReplay\(per_class=...\)"):
        SelectedLayerReplay(replay=LAYER)
    with pytest.raises(TypeError, match="expected a torch.nn.Module"):
        Sleeper(lambda x: x, DREAMS, classes=10)
    with pytest.raises(ValueError, match=r"gives \(1, 10\) for 1 inputs; expected scores \(1, 12\)"):
        Sleeper(mlp(), DREAMS, classes=12).loss(*lesson())
    with pytest.raises(ValueError, match="cannot fire less than never"):
        Sleeper(mlp(), SPIKES, classes=10).loss(lesson()[0] - 1, lesson()[1])
    sleeper = Sleeper(mlp(), DREAMS, classes=10)
    sleeper.loss(*lesson())
    with pytest.raises(ValueError, match=r"inputs are \(64,\) each on cpu; the first lesson's were \(1, 8, 8\)"):
        sleeper.loss(lesson()[0].flatten(1), lesson()[1])


def test_the_table_has_a_row_for_every_mechanism():
    rows = requirements().splitlines()
    assert [row.split("`")[1] for row in rows[2:]] == [kind.__name__ for kind in mechanisms()]
    assert len(rows) >= 2 + 14


def test_every_mechanism_has_an_example():
    missing = {kind.__name__ for kind in mechanisms()} - {type(each).__name__ for each in EXAMPLES.values()}
    assert not missing, f"add a line to EXAMPLES in tests/sleeper/mechanisms.py for {sorted(missing)}"
