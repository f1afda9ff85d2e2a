"""The gradient at the equilibrium against autograd through every step, its bound, and what the phase refuses."""

import pytest
import torch
from torch.nn.functional import cross_entropy

from oneiros.core import Batch, Brain, Seeds
from oneiros.equations.equilibrium import equilibrium_credit, euler_step
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
def test_the_gradient_at_the_equilibrium_is_that_of_going_back_through_every_step(gamma):
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
    implicit = steps_of(born(gamma, FixedPoint(tolerance=1e-14, passes=300)), ConvergentWake(steps=1500))
    for a, b in zip(exact, implicit, strict=True):
        torch.testing.assert_close(a, b, rtol=0, atol=1e-11)
    assert all(step.abs().max() > 1e-4 for step in exact)


def hardly_forgetting(mode: float) -> EquilibriumRNN:
    """One hidden unit in a loop of eigenvalue `mode` < 1 with the first output, which settles at 1/2; all on slopes."""
    net = EquilibriumRNN((1, 1, 2), relaxation=FixedPoint(tolerance=1e-15, passes=10**6)).double()
    with torch.no_grad():
        net.hidden.weight.fill_(1.0)
        net.hidden.bias.fill_(0.0)
        net.output.weight.copy_(torch.tensor([[mode**0.5], [0.0]]))
        # For x = 1: h = x + w o and o = w h + b are 1/2 in o for this b.
        net.output.bias.copy_(torch.tensor([(1 - mode) / 2 - mode**0.5, 0.3]))
    return net


def back_from(net: EquilibriumRNN, x: torch.Tensor, y: torch.Tensor, steps: int, dt: float) -> list[torch.Tensor]:
    """Autograd's gradient through `steps` Euler steps that begin at the equilibrium."""
    with torch.no_grad():
        hidden, output = net.free(net.circuit(x))
    drive = net.hidden(x)
    for _ in range(steps):
        hidden, output = euler_step(hidden, output, drive, net.output.weight, net.output.bias, gamma=net.gamma, dt=dt)
    return list(torch.autograd.grad(cross_entropy(net.output(hidden), y), list(net.parameters())))


@pytest.mark.parametrize("mode", [0.5, 0.99, 0.99999])
@pytest.mark.parametrize(("steps", "dt"), [(100, 0.2), (7, 0.5), (1, 1.0)])
def test_where_a_loop_hardly_forgets_the_gradient_goes_back_as_many_steps_as_said(mode, steps, dt):
    x, y = torch.ones(1, 1, dtype=torch.float64), torch.tensor([0])
    net = hardly_forgetting(mode)
    expected = back_from(net, x, y, steps, dt)
    before = [p.detach().clone() for p in net.parameters()]
    brain = Brain(net=net, optim={"wake": torch.optim.SGD(net.parameters(), lr=1.0)})
    ConvergentWake(steps=steps, dt=dt)(brain, Batch(x=x, y=y), Seeds(0).rng("wake"))
    for now, then, gradient in zip(net.parameters(), before, expected, strict=True):
        torch.testing.assert_close(then - now, gradient, rtol=1e-7, atol=1e-9)


def test_a_network_on_the_way_to_its_equilibrium_goes_back_through_the_same_steps_from_there():
    """Many modes at once, of units on and beyond their slopes, and a horizon that leaves most of the way undone."""
    net = born(1.0, FixedPoint(tolerance=1e-14, passes=300))
    expected = back_from(net, lesson().x, lesson().targets(), 6, 0.2)
    moved = steps_of(net, ConvergentWake(steps=6, dt=0.2))
    settled = steps_of(born(1.0, FixedPoint(tolerance=1e-14, passes=300)), ConvergentWake(steps=1500))
    for step, gradient, other in zip(moved, expected, settled, strict=True):
        torch.testing.assert_close(-step, gradient, rtol=0, atol=1e-11)
        assert (step - other).abs().max() > 1e-3  # the horizon matters


@pytest.mark.parametrize("mode", [0.999999, 1.0, 1.1, 4.0])
def test_no_loop_amplifies_a_gradient_by_more_than_the_steps_can(mode):
    """A hundred steps of 0.2 at a mode of 1 add up to (20 + 1/2) / 2; the linear system alone has no bound there."""
    one = torch.ones(1, 1)
    w_out = torch.tensor([[mode**0.5]])
    credit = equilibrium_credit(one, one, one / 2, w_out, gamma=1.0, dt=0.2, steps=100)
    assert credit.hidden.item() == pytest.approx(10.25 * mode**0.5, rel=1e-3)
    assert credit.output.item() == pytest.approx(10.75, rel=1e-3)


def test_many_steps_meet_the_implicit_function_theorem():
    """(1 - P)^-1 by a solver: the limit that the equation's text names, where every mode is below 1."""
    net = born(1.0, FixedPoint(tolerance=1e-14, passes=300))
    with torch.no_grad():
        hidden = net.free(net.circuit(lesson().x)).hidden
        scores, w = net.output(hidden), net.output.weight
        given = torch.linspace(-1, 1, 300, dtype=torch.float64).view(30, 10)
        on_h, on_o = (hidden > 0).double(), ((scores > 0) & (scores < 1)).double()
        loops = torch.stack([(o[:, None] * w) @ (h[:, None] * w.T) for h, o in zip(on_h, on_o, strict=True)])
        assert 0.05 < torch.linalg.eigvals(loops).abs().max() < 0.95
        expected = torch.linalg.solve(torch.eye(10).double() - loops, given)
        credit = equilibrium_credit(given, hidden, scores, w, gamma=1.0, dt=0.2, steps=10_000)
    torch.testing.assert_close(credit.output, expected, rtol=0, atol=1e-10)
    torch.testing.assert_close(credit.hidden, on_h * (expected @ w), rtol=0, atol=1e-10)


def test_feedback_matters_to_the_gradient():
    """The loop's part is not lost in the tolerance above: cutting it in the equation gives another gradient."""
    net = born(1.0, FixedPoint(tolerance=1e-14))
    x = lesson().x
    with torch.no_grad():
        hidden = net.free(net.circuit(x)).hidden
        scores = net.output(hidden)
        given = torch.ones_like(scores)
        with_loop = equilibrium_credit(given, hidden, scores, net.output.weight, gamma=1.0, dt=0.2, steps=100)
        without = equilibrium_credit(given, hidden, scores, net.output.weight, gamma=0.0, dt=0.2, steps=100)
    torch.testing.assert_close(without.output, given, rtol=0, atol=1e-9)  # 0.8 ** 100 has still to go back
    assert (with_loop.output - given).abs().max() > 0.1


def test_a_mostly_zero_input_takes_the_other_path_to_the_same_gradient():
    x = torch.zeros(30, 20, dtype=torch.float64)
    x[:, :3] = lesson().x[:, :3]
    sparse = Batch(x=x, y=lesson().y)
    moved = []
    for net, phase in (
        (born(1.0, Euler(steps=1500)), BackpropWake()),
        (born(1.0, FixedPoint(tolerance=1e-14)), ConvergentWake(steps=1500)),
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
    with pytest.raises(
        TypeError, match="the net is a .*; expected an EquilibriumRNN: give such a one, or use another phase"
    ):
        ConvergentWake()(brain, lesson(), Seeds(0).rng("wake"))
