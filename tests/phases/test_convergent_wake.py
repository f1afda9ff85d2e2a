"""The implicit gradient against autograd through every step, by hand in one dimension, and what the phase refuses."""

import pytest
import torch
from torch.nn.functional import cross_entropy

from oneiros.core import Batch, Brain, Seeds
from oneiros.equations.equilibrium import implicit_credit
from oneiros.nets import EquilibriumRNN, Euler, FixedPoint, Perceptron, RecurrentNet
from oneiros.phases import BackpropWake, ConvergentWake


def born(gamma: float, relaxation) -> EquilibriumRNN:
    with Seeds(3).building("init"):
        net = EquilibriumRNN((20, 50, 10), gamma=gamma, relaxation=relaxation).double()
    with torch.no_grad():
        net.output.weight.mul_(1.3)  # much more, and a loop that excites itself has several equilibria
        net.output.bias.copy_(torch.linspace(-0.6, 1.4, 10))
    return net


def lesson() -> Batch:
    x = torch.rand(30, 20, generator=torch.Generator().manual_seed(2), dtype=torch.float64)
    return Batch(x=x, y=torch.arange(30) % 10)


def steps_of(net: EquilibriumRNN, phase) -> list[torch.Tensor]:
    """By how much one lesson at learning rate 1 moves each parameter: minus the gradient."""
    before = [p.detach().clone() for p in net.parameters()]
    brain = Brain(net=net, optim={"wake": torch.optim.SGD(net.parameters(), lr=1.0)})
    phase(brain, lesson(), Seeds(0).rng("wake"))
    return [p.detach() - b for p, b in zip(net.parameters(), before, strict=True)]


@pytest.mark.parametrize("gamma", [0.0, 0.5, 1.0])
def test_the_implicit_gradient_is_that_of_going_back_through_every_step(gamma):
    unrolled = born(gamma, Euler(steps=1500, dt=0.2))
    with torch.no_grad():
        scores, hidden = unrolled(lesson().x), unrolled.free(unrolled.circuit(lesson().x)).hidden
        settled = born(gamma, FixedPoint(tolerance=1e-14, passes=300))(lesson().x)
    torch.testing.assert_close(scores, settled, rtol=0, atol=1e-11)  # or the two would speak of different states
    # Units on the slope and beyond both its ends: without any of them the test would prove less.
    assert (scores < 0).any()
    assert (scores > 1).any()
    assert ((scores > 0) & (scores < 1)).any()
    assert (hidden == 0).any()
    exact = steps_of(unrolled, BackpropWake())
    implicit = steps_of(born(gamma, FixedPoint(tolerance=1e-14, passes=300)), ConvergentWake())
    for a, b in zip(exact, implicit, strict=True):
        torch.testing.assert_close(a, b, rtol=0, atol=1e-11)
    assert all(step.abs().max() > 1e-4 for step in exact)


def test_feedback_matters_to_the_gradient():
    """The loop's part is not lost in the tolerance above: cutting it in the equation gives another gradient."""
    net = born(1.0, FixedPoint(tolerance=1e-14))
    x = lesson().x
    with torch.no_grad():
        hidden = net.free(net.circuit(x)).hidden
        scores = net.output(hidden)
        given = torch.ones_like(scores)
        with_loop = implicit_credit(given, hidden, scores, net.output.weight, gamma=1.0)
        without = implicit_credit(given, hidden, scores, net.output.weight, gamma=0.0)
    assert torch.equal(without.output, given)
    assert (with_loop.output - given).abs().max() > 0.1


def test_a_mostly_zero_input_takes_the_other_path_to_the_same_gradient():
    x = torch.zeros(30, 20, dtype=torch.float64)
    x[:, :3] = lesson().x[:, :3]
    sparse = Batch(x=x, y=lesson().y)
    moved = []
    for net, phase in (
        (born(1.0, Euler(steps=1500)), BackpropWake()),
        (born(1.0, FixedPoint(tolerance=1e-14)), ConvergentWake()),
    ):
        brain = Brain(net=net, optim={"wake": torch.optim.SGD(net.parameters(), lr=1.0)})
        phase(brain, sparse, Seeds(0).rng("wake"))
        moved.append(net.hidden.weight.detach())
    torch.testing.assert_close(moved[0], moved[1], rtol=0, atol=1e-11)


def test_the_loss_it_tells_is_that_before_the_step():
    net = born(1.0, FixedPoint(tolerance=1e-14))
    expected = cross_entropy(net(lesson().x), lesson().targets()).detach()
    brain = Brain(net=net, optim={"wake": torch.optim.SGD(net.parameters(), lr=0.1)})
    told = ConvergentWake()(brain, lesson(), Seeds(0).rng("wake"))["loss"]
    torch.testing.assert_close(told, expected, rtol=0, atol=1e-12)


@pytest.mark.parametrize("net", [Perceptron((20, 5, 10)), RecurrentNet((20, 5, 10))])
def test_another_kind_of_net_is_refused_with_what_to_do(net):
    brain = Brain(net=net, optim={"wake": torch.optim.SGD(net.parameters(), lr=0.1)})
    with pytest.raises(TypeError, match="ConvergentWake needs an EquilibriumRNN, got .*: use BackpropWake"):
        ConvergentWake()(brain, lesson(), Seeds(0).rng("wake"))
