"""Category replay: what is stored, what is dreamed and what moves, against hand-made and limit cases."""

import copy

import pytest
import torch
import torchvision
from torch import nn
from torch.nn.functional import cross_entropy

from oneiros.core import Batch, Brain, Seeds
from oneiros.equations.gaussian import block_mean, clamped, gaussian_draw
from oneiros.memory import ClassActivations, Exemplars, Images
from oneiros.nets import VGG, Architecture, cut, names_above
from oneiros.phases import (
    Away,
    CategoryReplay,
    Encode,
    EncodeBeside,
    FreezeBelow,
    Imagined,
    Remember,
    Veridical,
    VisualWake,
)
from oneiros.phases.optim import TensorFlowAdam

LESSON = Batch(x=torch.rand(12, 3, 8, 8, generator=torch.Generator().manual_seed(0)), y=torch.arange(12) % 3)


def rng(seed: int = 0) -> torch.Generator:
    return Seeds(seed).rng("test")


def brain_of(net, coarsen: int = 1, lesson: Batch = LESSON) -> Brain:
    today = Images()
    today.store(lesson, rng())
    memory = {"today": today, "activations": ClassActivations(coarsen)}
    return Brain(net=net, memory=memory, optim={"wake": TensorFlowAdam(net.parameters(), lr=0.1)})


def small_vgg(dropout: float = 0.0) -> VGG:
    with Seeds(0).building("init"):
        return VGG(Architecture(blocks=((3,), (4,)), head=(6,), size=8, dropout=dropout), 3)


def replay_from(net, location: str = "features.pool1", **changed) -> CategoryReplay:
    return CategoryReplay(location=location, above=names_above(net, location), **changed)


def test_images_keep_what_a_photograph_has_and_their_cuts():
    memory, photograph = Images(), torch.arange(256).float().view(1, 1, 16, 16) / 255
    memory.store(Batch(x=photograph, y=torch.tensor([2])), rng())
    memory.store(Batch(x=photograph + 0.4 / 255, y=torch.tensor([1])), rng())
    first, second = memory.batches()
    assert torch.equal(first.x, photograph)
    assert torch.equal(second.x, photograph)
    assert [int(batch.targets()) for batch in (first, second)] == [2, 1]


def test_encode_stores_the_activations_that_the_net_of_the_evening_gives():
    net = small_vgg(dropout=0.5)
    brain = brain_of(net)
    with torch.no_grad():
        net.features[0].weight.mul_(-1)  # the day has changed the network since the images were met
    shown = torch.cat([batch.x for batch in brain.memory["today"].batches()])
    Encode(location="features.pool1")(brain, rng())
    expected = net.features[:3](net.normalise(shown)).detach()
    for label in range(3):
        assert torch.equal(brain.memory["activations"].of_class(label), expected[LESSON.y == label])
    assert len(brain.memory["today"]) == 0
    before = {k: v.clone() for k, v in brain.memory["activations"].state_dict().items()}
    Encode(location="features.pool1")(brain, rng())  # a day without images leaves everything as it was
    assert all(torch.equal(v, before[k]) for k, v in brain.memory["activations"].state_dict().items())


def test_coarse_activations_are_block_means_repeated():
    maps = torch.rand(6, 2, 5, 5, generator=rng())
    memory = ClassActivations(coarsen=2)
    memory.store(Batch(x=maps, y=torch.zeros(6, dtype=torch.int64)), rng())
    assert torch.equal(memory.of_class(0), block_mean(maps, 2))
    seen = memory.at(torch.tensor([0]), torch.tensor([4])).x[0, 1]
    assert seen.shape == (5, 5)
    assert torch.equal(seen[:2, :2], block_mean(maps, 2)[4, 1, 0, 0].expand(2, 2))
    assert torch.equal(seen[4, 4], maps[4, 1, 4, 4])
    dream = memory.imagine(torch.zeros(3, dtype=torch.int64), rng(), lambda s, x: s)
    assert torch.equal(dream[:, :, 0::2, 0::2][:, :, :2, :2], dream[:, :, 1::2, 1::2])
    with pytest.raises(ValueError, match="no maps to coarsen"):
        memory.store(Batch(x=torch.zeros(2, 3), y=torch.zeros(2, dtype=torch.int64)), rng())


def test_dreams_are_the_equations_draws_of_each_class():
    memory, x = ClassActivations(), torch.rand(30, 2, 3, 3, generator=rng())
    memory.store(Batch(x=x, y=torch.arange(30) % 2), rng())
    labels = torch.tensor([1, 0, 1, 1])
    dream = memory.imagine(labels, rng(5), lambda s, x: s)
    again = rng(5)
    for label in (0, 1):
        g = torch.randn(int((labels == label).sum()), 15, generator=again)
        expected = gaussian_draw(x[label::2].flatten(1), g).view(-1, 2, 3, 3)
        assert torch.equal(dream[labels == label], expected)


@pytest.mark.parametrize("ahead", [1, 3, 100])
def test_a_night_shows_every_class_equally_often_in_whole_batches(ahead):
    net = small_vgg()
    brain = brain_of(net)
    Encode(location="features.pool1")(brain, rng())
    phase = replay_from(net, batch_size=5, per_class=9, dreams=Imagined(ahead=ahead))
    labels = phase.night(brain, rng())
    batches = list(phase.dream(brain, labels, rng()))
    assert [len(batch) for batch in batches] == [5, 5, 5, 5, 5, 2]
    assert torch.equal(torch.cat([batch.targets() for batch in batches]), labels)
    assert torch.bincount(labels).tolist() == [9, 9, 9]
    assert labels.tolist() != sorted(labels.tolist())
    assert torch.bincount(replay_from(net).night(brain, rng())).tolist() == [4, 4, 4]  # as many as remembered


def test_veridical_replay_shows_every_activation_once():
    net = small_vgg()
    brain = brain_of(net)
    Encode(location="features.pool1")(brain, rng())
    phase = replay_from(net, batch_size=5, dreams=Veridical())
    shown = torch.cat([batch.x for batch in phase.dream(brain, phase.night(brain, rng()), rng())])
    kept = torch.cat([brain.memory["activations"].of_class(c) for c in range(3)])
    assert sorted(shown.sum((1, 2, 3)).tolist()) == pytest.approx(sorted(kept.sum((1, 2, 3)).tolist()))
    twice = list(phase.dream(brain, torch.zeros(8, dtype=torch.int64), rng()))
    assert len({tuple(row.flatten().tolist()) for row in torch.cat([b.x for b in twice])}) == 4


def test_one_batch_moves_the_upper_layers_by_one_optimiser_step_on_their_own_gradient():
    net = small_vgg()
    brain = brain_of(net)
    Encode(location="features.pool1")(brain, rng())
    twin = copy.deepcopy(net)
    phase = replay_from(net, batch_size=12, dreams=Veridical())
    labels = phase.night(brain, rng(3))
    dream = next(phase.dream(brain, labels, rng(4)))
    phase.learn(brain, cut(net, "features.pool1"), dream, rng())
    scores = twin.classifier(twin.features[3:](dream.x).flatten(1))
    names = names_above(twin, "features.pool1")
    before, after = dict(twin.named_parameters()), dict(net.named_parameters())
    gradients = torch.autograd.grad(cross_entropy(scores, dream.targets()), [before[name] for name in names])
    for name, g in zip(names, gradients, strict=True):
        m, v = 0.1 * g, 0.001 * g.square()
        expected = before[name] - 0.1 * (0.001**0.5 / 0.1) * m / (v.sqrt() + 1)
        assert torch.allclose(after[name], expected, atol=1e-7)


def test_the_days_optimiser_goes_on_at_night():
    """Below the location weights and moments rest, and the shared step count advances."""
    net = small_vgg()
    brain = brain_of(net)
    VisualWake()(brain, LESSON, rng())
    optimiser, lowest = brain.optim["wake"], net.features[0].weight
    moments = optimiser.state[lowest]["m"].clone()
    Encode(location="features.pool1")(brain, rng())
    replay_from(net, batch_size=4)(brain, rng())
    assert torch.equal(optimiser.state[lowest]["m"], moments)
    assert optimiser.param_groups[0]["t"] == 1 + 3


def test_ablations_change_the_dreams_and_nothing_else():
    net = small_vgg()
    brain = brain_of(net)
    Encode(location="features.pool1")(brain, rng())
    labels = torch.tensor([0, 1, 2, 0])
    plain, cut = (
        next(replay_from(net, dreams=Imagined(shape=shape)).dream(brain, labels, rng(1))).x
        for shape in (lambda s, x: s, clamped)
    )
    assert (plain < 0).any()
    assert torch.equal(cut, plain.clamp(min=0))


def test_the_same_replay_works_in_a_resnet():
    with Seeds(0).building("init"):
        net = torchvision.models.resnet18(num_classes=3)
    lesson = Batch(x=torch.rand(6, 3, 32, 32, generator=rng()), y=torch.arange(6) % 3)
    brain = brain_of(net, lesson=lesson)
    before = {name: p.detach().clone() for name, p in net.named_parameters()}
    Encode(location="layer3")(brain, rng())
    replay_from(net, "layer3", batch_size=6)(brain, rng())
    moved = {name for name, p in net.named_parameters() if not torch.equal(p, before[name])}
    assert moved <= set(names_above(net, "layer3"))
    assert "layer4.0.conv1.weight" in moved
    assert {name.split(".")[0] for name in moved} == {"layer4", "fc"}


def test_away_learns_from_examples_and_dreams_without():
    net = small_vgg()
    brain = brain_of(net)
    Encode(location="features.pool1")(brain, rng())
    phase = Away(inner=VisualWake(), dream=replay_from(net))
    lowest = net.features[0].weight.detach().clone()
    phase(brain, Batch(x=LESSON.x[:0], y=LESSON.y[:0]), rng())
    assert torch.equal(net.features[0].weight, lowest)
    phase(brain, LESSON, rng())
    assert not torch.equal(net.features[0].weight, lowest)
    with pytest.raises(ValueError, match="expected the same"):
        Away(inner=Remember(memory="today"), dream=replay_from(net))


def test_it_says_what_is_missing():
    net = small_vgg()
    brain = brain_of(net)
    with pytest.raises(RuntimeError, match="run the night phase Encode"):
        replay_from(net)(brain, rng())
    brain.memory["activations"] = Images()
    with pytest.raises(TypeError, match="memory 'activations' is an Images; expected a ClassActivations"):
        replay_from(net)(brain, rng())
    with pytest.raises(TypeError, match="memory 'activations' is an Images; expected a ClassActivations"):
        Encode(location="features.pool1")(brain, rng())


def test_encoding_beside_keeps_earlier_classes_and_replaces_those_shown_again():
    """By hand: the layer below doubles its input, so what is kept can be told from what was met."""
    net = nn.Sequential(nn.Linear(1, 1, bias=False), nn.Linear(1, 2))
    with torch.no_grad():
        net[0].weight.fill_(2.0)
    sample, activations = Exemplars(per_class=3), ClassActivations()
    brain, rng = Brain(net=net, memory={"today": sample, "activations": activations}), torch.Generator()
    for value, label in ((1.0, 0), (3.0, 1), (5.0, 0)):
        sample.store(Batch(x=torch.full((2, 1), value), y=torch.full((2,), label)), rng)
        EncodeBeside(location="0")(brain, rng)
        assert not len(sample.today)
    assert activations.classes == (0, 1)
    assert activations.of_class(0).tolist() == [[10.0], [10.0]]
    assert activations.of_class(1).tolist() == [[6.0], [6.0]]


def test_what_is_held_out_is_not_replayed_however_often_it_came_up():
    """Ten inputs, offered in three epochs: the reservoir holds repeats, and those of held ones are left out."""
    net = nn.Sequential(nn.Linear(1, 1, bias=False), nn.Linear(1, 2))
    with torch.no_grad():
        net[0].weight.fill_(2.0)
    sample, activations, held = Exemplars(per_class=30), ClassActivations(), ClassActivations()
    brain, rng = Brain(net=net, memory={"today": sample, "activations": activations, "held": held}), torch.Generator()
    for _ in range(3):
        sample.store(Batch(x=torch.arange(10.0)[:, None], y=torch.zeros(10, dtype=torch.int64)), rng)
    EncodeBeside(location="0", aside=4)(brain, rng)
    assert held.of_class(0).flatten().tolist() == [0, 2, 4, 6]
    assert activations.of_class(0).flatten().tolist() == [8, 10, 12, 14, 16, 18] * 3
    sample.store(Batch(x=torch.ones(9, 1), y=torch.ones(9, dtype=torch.int64)), rng)
    with pytest.raises(ValueError, match="of class 1 there were too few different examples to hold 4 of them out"):
        EncodeBeside(location="0", aside=4)(brain, rng)
    brain.memory["held"] = Images()
    with pytest.raises(TypeError, match="memory 'held' is an Images; expected a ClassActivations"):
        EncodeBeside(location="0", aside=4)(brain, rng)


def test_layers_that_rest_learn_no_more_and_keep_their_statistics():
    net = nn.Sequential(nn.Linear(2, 2), nn.BatchNorm1d(2), nn.Linear(2, 2))
    FreezeBelow(location="1")(Brain(net=net), torch.Generator())
    before = net[1].running_mean.clone()
    net(torch.rand(8, 2, generator=torch.Generator().manual_seed(0)) + 5)
    assert torch.equal(net[1].running_mean, before)
    assert [p.requires_grad for p in net.parameters()] == [False] * 4 + [True] * 2
