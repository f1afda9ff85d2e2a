"""Elastic weights against what can be computed by hand, and in the limits in which they are exact."""

import pytest
import torch
from torch import nn

from oneiros.core import Batch, Brain, Seeds
from oneiros.equations.elastic import elastic_energy, fisher_diagonal
from oneiros.memory import Anchor, Exemplars
from oneiros.phases import AnchorWeights, BackpropWake, CrossEntropy, ElasticPenalty

ANY = torch.Generator()


def inputs(n: int = 40, d: int = 4) -> torch.Tensor:
    return torch.randn(n, d, generator=torch.Generator().manual_seed(0), dtype=torch.float64)


def linear(d: int = 4, classes: int = 3) -> nn.Linear:
    with Seeds(0).building("init"):
        return nn.Linear(d, classes).double()


def deep() -> nn.Sequential:
    with Seeds(0).building("init"):
        return nn.Sequential(nn.Linear(4, 6), nn.Tanh(), nn.Linear(6, 3)).double()


def test_the_fisher_of_a_logistic_model_is_p_times_one_minus_p_times_x_squared():
    net, x = linear(), inputs()
    found = fisher_diagonal(net, x, parameters=dict(net.named_parameters()))
    p = net(x).softmax(1).detach()
    spread = p * (1 - p)
    torch.testing.assert_close(found["weight"], spread.T @ x.square() / len(x))
    torch.testing.assert_close(found["bias"], spread.mean(0))


def test_energy_is_how_far_answers_moved_to_second_order():
    """KL(before || after) of one weight moved by a little, for every kind of weight of a deep network."""
    net, x, step = deep(), inputs(), 1e-3
    importance = fisher_diagonal(net, x, parameters=dict(net.named_parameters()))
    before = {name: p.detach().clone() for name, p in net.named_parameters()}
    told = net(x).log_softmax(1).detach()
    for name, index in (("0.weight", (2, 1)), ("0.bias", (3,)), ("2.weight", (0, 5)), ("2.bias", (1,))):
        with torch.no_grad():
            net.get_parameter(name)[index] += step
            energy = elastic_energy(dict(net.named_parameters()), before, importance)
            after = net(x).log_softmax(1)
            moved = nn.functional.kl_div(after, told, log_target=True, reduction="batchmean")
            net.get_parameter(name)[index] -= step
        torch.testing.assert_close(energy, moved, rtol=5e-3, atol=0)


def anchored(net: nn.Module, importance: float, shift: float = 0.0) -> Brain:
    anchor = Anchor()
    named = dict(net.named_parameters())
    weights = {name: p.detach() + shift for name, p in named.items()}
    anchor.take(weights, {name: torch.full_like(p, importance) for name, p in named.items()}, decay=1.0)
    return Brain(net=net, memory={"anchor": anchor}, optim={"wake": torch.optim.SGD(net.parameters(), lr=0.05)})


def to_two(brain: Brain, batch: Batch, rng: torch.Generator) -> torch.Tensor:
    """A day whose loss is 3/2 (theta - 2)^2, for every weight."""
    return sum((1.5 * (p - 2.0).square().sum() for p in brain.net.parameters()), torch.zeros(()))


def test_a_quadratic_day_ends_at_the_mean_weighted_by_precision():
    """3/2 (theta - 2)^2 + lambda F / 2 (theta - 1)^2 is least at (3 x 2 + lambda F x 1) / (3 + lambda F)."""
    net = linear()
    with torch.no_grad():
        for p in net.parameters():
            p.fill_(1.0)
    brain = anchored(net, importance=0.5)
    wake = BackpropWake(losses=(to_two, ElasticPenalty(weight=8.0)))
    for _ in range(200):
        wake(brain, Batch(x=inputs()), ANY)
    for p in net.parameters():
        torch.testing.assert_close(p.detach(), torch.full_like(p, (6.0 + 4.0) / (3.0 + 4.0)))


def test_weights_that_did_not_matter_learn_as_without_and_there_is_no_cost_before_the_first_night():
    lesson = Batch(x=inputs(9), y=torch.arange(9) % 3)
    plain, free, new = (anchored(linear(), importance=0.0, shift=0.3) for _ in range(3))
    new.memory["anchor"] = Anchor()
    BackpropWake()(plain, lesson, ANY)
    for brain in (free, new):
        BackpropWake(losses=(CrossEntropy(), ElasticPenalty(weight=1e6)))(brain, lesson, ANY)
        assert all(torch.equal(a, b) for a, b in zip(plain.net.parameters(), brain.net.parameters(), strict=True))


def night(brain: Brain, x: torch.Tensor, **settings) -> dict[str, torch.Tensor]:
    sample = Exemplars(per_class=100)
    sample.store(Batch(x=x, y=torch.zeros(len(x), dtype=torch.int64)), ANY)
    brain.memory["today"] = sample
    return AnchorWeights(**settings)(brain, ANY)


def test_nights_add_up_as_the_online_form_says_and_the_anchor_is_the_last_one():
    """decay x first + second; in chunks as all at once; the sample is forgotten."""
    net, x = deep(), inputs(40)
    named = dict(net.named_parameters())
    brain = Brain(net=net, memory={"anchor": Anchor()})
    first = fisher_diagonal(net, x[:15], parameters=named)
    told = night(brain, x[:15], chunk=4)
    torch.testing.assert_close(told["importance"], sum(value.sum() for value in first.values()))
    with torch.no_grad():
        net[0].weight += 0.5
    second = fisher_diagonal(net, x[15:], parameters=named)
    night(brain, x[15:], decay=0.25, chunk=4)
    anchor = brain.remembers("anchor", Anchor)
    for name in named:
        torch.testing.assert_close(anchor.importance[name], 0.25 * first[name] + second[name])
        assert torch.equal(anchor.weights[name], named[name])
    assert anchor.days == 2
    assert anchor.nbytes == 2 * sum(p.nbytes for p in net.parameters())
    assert not brain.remembers("today", Exemplars).today


def test_parameters_that_learn_no_more_are_not_held():
    net = deep()
    net[0].requires_grad_(False)
    brain = Brain(net=net, memory={"anchor": Anchor()})
    night(brain, inputs(5))
    assert set(brain.remembers("anchor", Anchor).weights) == {"2.weight", "2.bias"}


def test_wrong_use_gets_answers():
    with pytest.raises(ValueError, match="weight is 0.0; expected more than 0"):
        ElasticPenalty(weight=0.0)
    with pytest.raises(ValueError, match="expected a decay from 0 to 1"):
        AnchorWeights(decay=2.0)
    with pytest.raises(RuntimeError, match="nothing of today is in 'today': run Remember by day"):
        AnchorWeights()(Brain(net=deep(), memory={"anchor": Anchor(), "today": Exemplars(1)}), ANY)
