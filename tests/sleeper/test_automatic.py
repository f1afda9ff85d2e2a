"""The default: sums that equal the joint ones, a choice by evidence, and a plain model that answers."""

import copy
import math

import pytest
import torch
from safetensors.torch import load_file, save_file
from torch import nn
from torch.nn.functional import cross_entropy

from oneiros.core import Batch, Seeds
from oneiros.data import load
from oneiros.memory.evidence import Evidence
from oneiros.memory.held_out import HeldOut
from oneiros.memory.moments import Moments
from oneiros.nets.candidates import ExactHead, last_given, last_layer
from oneiros.phases.bookkeeping.gather import running_fronts
from oneiros.phases.night.exact_heads import Lda, Ridge
from oneiros.sleeper import Automatic, Sleeper

SMALL = Automatic(filters=6, width=50, share=0.2, errors=math.inf)


def mlp(hidden: int = 16, classes: int = 10) -> nn.Sequential:
    with Seeds(0).building("net"):
        return nn.Sequential(nn.Flatten(), nn.Linear(64, hidden), nn.ReLU(), nn.Linear(hidden, classes))


def day(number: int, rows: int = 200) -> Batch:
    digits = load("digits").train.of_classes((2 * number, 2 * number + 1)).all()
    return Batch(x=digits.x[:rows], y=digits.targets()[:rows])


def lived(net: nn.Module, mechanism: Automatic = SMALL, days: int = 3, epochs: int = 2, lr: float = 1e-3) -> Sleeper:
    sleeper = Sleeper(net, mechanism)
    optimiser = torch.optim.Adam(net.parameters(), lr=lr)
    for _ in sleeper.live([(day(n).x, day(n).y) for n in range(days)], epochs=epochs, optimiser=optimiser):
        pass
    return sleeper


def memory(sleeper: Sleeper, name: str):
    return sleeper.attachments[0].brain.memory[name]


def test_digits_class_by_class_without_a_kept_example():
    digits = load("digits")
    net = mlp(64)
    sleeper = lived(net, Automatic(filters=20), days=5, epochs=1)
    test = digits.test.all()
    assert float((sleeper.predict(test.x) == test.y).double().mean()) >= 0.95
    assert float((net(test.x).argmax(1) == test.y).double().mean()) < 0.4  # the network itself forgot
    assert not sleeper.holds_raw
    assert sleeper.choice.startswith("patches: right about")
    assert "network" in sleeper.choice


def test_after_all_days_the_head_is_that_of_all_examples_at_once_however_often_they_came():
    net = mlp()
    as_it_came = copy.deepcopy(net)
    sleeper = lived(net, epochs=3)
    whole = [day(n) for n in range(3)]
    x, y = torch.cat([each.x for each in whole]), torch.cat([each.targets() for each in whole])
    joint = Moments()
    joint.store(Batch(x=last_given(as_it_came, "3", x).sqrt(), y=y), torch.Generator())
    memory(sleeper, "evidence").chosen = "given"
    assert torch.equal(memory(sleeper, "sums.given").counts, joint.counts)
    expected = Lda().solve(joint, 10).parameters
    head = sleeper.model()[3][1]
    torch.testing.assert_close(head.weight, expected["weight"], rtol=1e-4, atol=1e-4)
    torch.testing.assert_close(head.bias, expected["bias"], rtol=1e-4, atol=1e-4)


def test_the_first_day_counts_too_for_features_of_the_network_as_it_was_after_it():
    net = mlp()
    sleeper = Sleeper(net, SMALL)
    optimiser = torch.optim.SGD(net.parameters(), lr=0.1)
    for number in sleeper.live([(day(n).x, day(n).y) for n in range(2)], optimiser=optimiser):
        if number == 0:
            after = copy.deepcopy(net)
    joint = Moments()
    for each in (day(0), day(1)):
        joint.store(Batch(x=last_given(after, "3", each.x).sqrt(), y=each.targets()), torch.Generator())
    torch.testing.assert_close(memory(sleeper, "sums.first-day").means, joint.means)
    torch.testing.assert_close(memory(sleeper, "sums.first-day").within(), joint.within(), rtol=1e-5, atol=1e-5)


def test_nobody_learns_what_is_held_out():
    net, plain = mlp(), mlp()
    sleeper = Sleeper(net, SMALL)
    lesson = day(0, 60)
    sleeper.loss(lesson.x, lesson.y).backward()
    held = memory(sleeper, "today").held(lesson)
    assert 1 <= int(held.sum()) <= 30
    cross_entropy(plain(lesson.x[~held]), lesson.targets()[~held]).backward()
    for ours, theirs in zip(net.parameters(), plain.parameters(), strict=True):
        torch.testing.assert_close(ours.grad, theirs.grad)
    assert len(memory(sleeper, "sums.given")) == 60 - int(held.sum())


def test_examples_are_there_by_day_only():
    sleeper = Sleeper(mlp(), SMALL)
    sleeper.loss(day(0).x, day(0).y)
    assert sleeper.holds_raw
    sleeper.sleep()
    assert not sleeper.holds_raw
    assert len(memory(sleeper, "today")) == len(memory(sleeper, "first-day").today) == 0


def test_a_model_stands_alone_exports_and_can_be_saved(tmp_path):
    sleeper = lived(mlp())
    x = day(0).x[:7]
    for chosen in ("network", "given", "first-day", "patches", "random", "random+ridge"):
        memory(sleeper, "evidence").chosen = chosen
        model = sleeper.model()
        scores = model(x)
        assert scores.shape == (7, 10)
        exported = torch.export.export(model, (x,)).module()
        torch.testing.assert_close(exported(x), scores)
        save_file(model.state_dict(), tmp_path / "model.safetensors")
        other = sleeper.model()
        for value in other.state_dict().values():
            value.zero_()
        other.load_state_dict(load_file(tmp_path / "model.safetensors"))
        assert torch.equal(other(x), scores)
        assert scores.isfinite()[:, :6].all()
        if chosen != "network":
            assert (scores[:, 6:] == -torch.inf).all()  # classes that were never met


def test_predictions_are_of_now():
    net = mlp()
    sleeper = lived(net, days=1)
    memory(sleeper, "evidence").chosen = "network"
    x = day(0).x
    assert torch.equal(sleeper.scores(x), net(x).detach())
    sleeper.loss(day(1).x, day(1).y)
    with torch.no_grad():
        net[3].bias += torch.arange(10.0)
    sleeper.loss(day(1).x, day(1).y)
    assert torch.equal(sleeper.scores(x), net(x).detach())


def test_before_the_first_night_the_network_answers():
    net = mlp()
    sleeper = Sleeper(net)
    assert torch.equal(sleeper.predict(day(0).x), net(day(0).x).argmax(1))
    sleeper.loss(day(0).x, day(0).y)
    assert sleeper.choice == "network: no example was held out yet"


def test_single_examples_and_constant_inputs_are_no_trouble():
    for x in (torch.zeros(4, 1, 8, 8), torch.rand(4, 1, 8, 8, generator=torch.Generator().manual_seed(0))):
        sleeper = Sleeper(mlp(), SMALL)
        sleeper.loss(x, torch.arange(4))
        sleeper.sleep()
        assert sleeper.predict(x).shape == (4,)


class Functional(nn.Module):
    """A head that is no module."""

    def __init__(self):
        super().__init__()
        self.weight = nn.Parameter(torch.zeros(10, 64))

    def forward(self, x):
        return x.flatten(1) @ self.weight.T


def test_a_network_whose_last_layer_cannot_be_found_is_a_candidate_all_the_same():
    assert last_layer(Functional(), torch.rand(2, 64)) is None
    sleeper = lived(Functional(), days=2)
    evidence = memory(sleeper, "evidence")
    assert evidence.names == ("network", "patches", "random", "random+ridge")
    assert evidence.chosen == "patches"


def test_vectors_have_random_features_and_themselves():
    net = nn.Linear(20, 3)
    sleeper = Sleeper(net, Automatic(width=30))
    rng = torch.Generator().manual_seed(0)
    y = torch.arange(120) % 3
    x = torch.randn(120, 20, generator=rng) * torch.logspace(-3, 3, 20)  # in very different units
    x[:, 0] += 0.01 * y  # ten standard deviations apart, in the smallest unit
    sleeper.loss(x, y)
    sleeper.sleep()
    evidence = memory(sleeper, "evidence")
    assert evidence.names == ("network", "random", "inputs", "random+ridge")
    assert evidence.right["inputs"] == evidence.weight > 15
    memory(sleeper, "evidence").chosen = "inputs"
    assert float((sleeper.predict(x) == y).double().mean()) == 1.0


def test_what_is_never_negative_has_its_roots():
    """Log-normal counts: their square roots are nearer to Gaussians of one covariance than they are."""
    rng = torch.Generator().manual_seed(0)
    y = torch.arange(400) % 4
    x = (torch.randn(400, 12, generator=rng) + 2 * torch.eye(4).repeat(1, 3)[y]).exp()
    sleeper = Sleeper(nn.Linear(12, 4), Automatic(width=30, share=0.5, errors=math.inf))
    sleeper.loss(x, y)
    sleeper.sleep()
    evidence = memory(sleeper, "evidence")
    assert evidence.names == ("network", "random", "inputs", "roots", "random+ridge")
    assert evidence.right["roots"] > evidence.right["inputs"]
    rooted = Moments()
    rooted.store(Batch(x=x.sqrt(), y=y), rng)
    torch.testing.assert_close(memory(sleeper, "sums.roots").means, rooted.means)
    torch.testing.assert_close(memory(sleeper, "sums.roots").within(), rooted.within(), rtol=1e-5, atol=1e-4)


def test_two_heads_stand_on_the_same_sums_which_go_with_the_last_of_them():
    sleeper = lived(mlp(), days=2)
    brain = sleeper.attachments[0].brain
    sums = memory(sleeper, "sums.random")
    evidence = memory(sleeper, "evidence")
    evidence.chosen = "random+ridge"
    expected = Ridge().solve(sums, 10).parameters["weight"]
    torch.testing.assert_close(sleeper.model()[1].weight, expected.double())
    evidence.chosen = "network"
    evidence.give_up("random", "was given up as far behind")
    assert "random" in running_fronts(evidence)
    sleeper.loss(day(2).x, day(2).y)
    sleeper.sleep()
    assert len(brain.memory["sums.random"]) == 600
    evidence.give_up("random+ridge", "was given up as far behind")
    assert "random" not in running_fronts(evidence)
    sleeper.loss(day(3).x, day(3).y)
    sleeper.sleep()
    assert not len(brain.memory["sums.random"])


def test_a_network_that_forgets_nothing_is_not_blamed_for_being_unprepared():
    """Domains in columns of their own: learning one moves no weight of the other, and nobody was prepared for it."""
    net = nn.Linear(128, 10, bias=False)
    digits = load("digits").train.all()
    x, y = digits.x.flatten(1)[:800], digits.targets()[:800]
    empty = torch.zeros_like(x)
    domains = [(torch.cat(pair, 1), y) for pair in ((x, empty), (empty, 2 * x))]
    sleeper = Sleeper(net, Automatic(width=50, share=0.2))
    optimiser = torch.optim.Adam(net.parameters(), lr=0.01)
    for _ in sleeper.live(domains, epochs=5, optimiser=optimiser):
        pass
    evidence = memory(sleeper, "evidence")
    assert sum(evidence.nights) > 0.85 * evidence.weight
    assert evidence.right["network"] > 0.95 * sum(evidence.nights)
    assert evidence.discounts[0] < 0.5  # what its being unprepared would have said


def test_of_what_a_network_has_forgotten_dreams_leave_nothing():
    evidence = memory(lived(mlp(), days=3, epochs=20), "evidence")
    assert evidence.nights[0] > 0.9 * 2 * 36
    assert evidence.right["network"] < evidence.nights[-1] + 0.2 * sum(evidence.nights[:-1])


def test_token_ids_are_not_dreamed_of():
    net = nn.Sequential(nn.Embedding(9, 4), nn.Flatten(), nn.Linear(20, 3))
    sleeper = Sleeper(net, SMALL)
    sleeper.loss(torch.randint(9, (60, 5), generator=torch.Generator().manual_seed(0)), torch.arange(60) % 3)
    sleeper.sleep()
    assert len(memory(sleeper, "dreams")) == 0


def test_signed_features_are_taken_as_they_are():
    net = nn.Sequential(nn.Linear(20, 16), nn.Tanh(), nn.Linear(16, 3))
    x = torch.randn(60, 20, generator=torch.Generator().manual_seed(0))
    sleeper = Sleeper(net, SMALL)
    sleeper.loss(x, torch.arange(60) % 3)
    sleeper.sleep()
    memory(sleeper, "evidence").chosen = "given"
    assert isinstance(sleeper.model()[2], ExactHead)
    plain = Moments()
    plain.store(Batch(x=last_given(net, "2", x), y=torch.arange(60) % 3), torch.Generator())
    torch.testing.assert_close(memory(sleeper, "sums.given").means, plain.means)


def test_coloured_images_have_a_front_that_sees_mirror_images_alike():
    x = torch.rand(40, 3, 12, 12, generator=torch.Generator().manual_seed(0))
    sleeper = Sleeper(nn.Sequential(nn.Flatten(), nn.Linear(432, 2)), SMALL)
    sleeper.loss(x, torch.arange(40) % 2)
    sleeper.sleep()
    fronts = ("given", "first-day", "patches", "mirrored", "random")
    assert memory(sleeper, "evidence").names == ("network", *fronts, "random+ridge")
    memory(sleeper, "evidence").chosen = "mirrored"
    torch.testing.assert_close(sleeper.model()(x.flip(3)), sleeper.model()(x))
    memory(sleeper, "evidence").chosen = "patches"
    assert not torch.allclose(sleeper.model()(x.flip(3)), sleeper.model()(x))


def test_the_last_layer_is_the_one_that_gives_the_scores():
    class Two(nn.Module):
        def __init__(self):
            super().__init__()
            self.head, self.body, self.aside = nn.Linear(4, 3), nn.Linear(5, 4), nn.Linear(4, 3)

        def forward(self, x):
            hidden = self.body(x).relu()
            self.aside(hidden)
            return self.head(hidden)

    assert last_layer(Two(), torch.rand(2, 5)) == "head"
    assert last_layer(nn.Sequential(nn.Linear(5, 3), nn.Softmax(1)), torch.rand(2, 5)) is None


def test_wrong_settings_get_answers():
    with pytest.raises(ValueError, match="expected a share between 0 and 1"):
        Automatic(share=0.0)
    assert isinstance(memory(lived(mlp(), days=1), "today"), HeldOut)
    assert isinstance(memory(lived(mlp(), days=1), "evidence"), Evidence)
