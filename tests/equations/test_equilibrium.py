"""EP against independent references: autograd for the gradient, the solved 1-unit circuit for the states."""

import pytest
import torch
from torch.nn.functional import one_hot

from oneiros.core import Seeds
from oneiros.equations.compiled.sparse_input import worth_it
from oneiros.equations.equilibrium import euler_step, predictive_rule, predictive_rule_bias
from oneiros.nets.equilibrium import EquilibriumRNN, Euler, FixedPoint, States


def small_net(dtype=torch.float64) -> EquilibriumRNN:
    """A net whose equilibrium lies inside the linear range of the hard sigmoid, where EP is differentiable."""
    with Seeds(3).building("init"):
        net = EquilibriumRNN((6, 9, 4), relaxation=Euler(steps=400, dt=0.3)).to(dtype)
    with torch.no_grad():
        net.output.bias.fill_(0.4)
    return net


@pytest.fixture
def lesson():
    rng = torch.Generator().manual_seed(0)
    return torch.rand(5, 6, generator=rng, dtype=torch.float64), torch.tensor([0, 1, 2, 3, 1])


def test_the_equilibrium_of_one_hidden_and_one_output_unit_is_the_solution_of_two_linear_equations():
    """h = 0.5 + o/4 and o = h/2 + 0.1 have the solution h = 0.6, o = 0.4 (by hand)."""
    h, o = torch.zeros(1, 1), torch.zeros(1, 1)
    w, b, drive = torch.tensor([[0.5]]), torch.tensor([0.1]), torch.tensor([[0.5]])
    for _ in range(200):
        h, o = euler_step(h, o, drive, w, b, gamma=0.5, dt=0.2)
    torch.testing.assert_close((h.item(), o.item()), (0.6, 0.4), rtol=0, atol=1e-6)


def autograd_gradients(net, x, y):
    """Gradient of the batch-mean cost ||y - o*||^2 / 2, straight through the unrolled free phase."""
    net.zero_grad()
    states = net.free(net.circuit(x))
    target = one_hot(y, 4).to(x)
    (0.5 * (target - states.output).square().sum(1).mean()).backward()
    return {name: p.grad.clone() for name, p in net.named_parameters()}


def ep_gradients(net, x, y, beta):
    """The symmetric estimate (mean of +beta and -beta), which removes the first-order bias in beta."""
    total = {}
    for sign in (1, -1):
        with torch.no_grad():
            circuit = net.circuit(x)
            free = net.free(circuit)
            clamped = net.clamped(circuit, free, y, beta=sign * beta, dt=0.3, steps=400)
            parts = {
                "hidden.weight": predictive_rule(clamped.hidden, free.hidden, x, beta=sign * beta),
                "hidden.bias": predictive_rule_bias(clamped.hidden, free.hidden, beta=sign * beta),
                "output.weight": predictive_rule(clamped.output, free.output, clamped.hidden, beta=sign * beta),
                "output.bias": predictive_rule_bias(clamped.output, free.output, beta=sign * beta),
            }
        for name, g in parts.items():
            total[name] = total.get(name, 0) + g / 2
    return total


def test_the_estimate_meets_autograds_gradient_as_beta_goes_to_zero(lesson):
    """The paper's rule, eq. 10, keeps one of the two terms of the EP contrast.

    For the weights below the hidden layer (whose presynaptic activity x is clamped) and for all biases it is
    the whole contrast, so it must meet the gradient. The symmetric estimate's error is of second order in
    beta: a tenth of beta, a hundredth of the error.
    """
    net, (x, y) = small_net(), lesson
    exact = autograd_gradients(net, x, y)
    errors = []
    for beta in (1e-2, 1e-3, 1e-4):
        estimate = ep_gradients(net, x, y, beta)
        errors.append(max((estimate[n] - exact[n]).abs().max().item() for n in ("hidden.weight", "hidden.bias")))
        assert torch.cosine_similarity(estimate["output.bias"], exact["output.bias"], dim=0) > 0.999
    scale = exact["hidden.weight"].abs().max().item()
    assert errors[2] < 1e-7 * scale
    assert errors[0] / errors[1] == pytest.approx(100, rel=0.05)
    assert errors[1] / errors[2] == pytest.approx(100, rel=0.05)


def test_the_full_contrast_of_both_terms_meets_the_gradient_of_the_output_weights_too(lesson):
    """Eq. 9 (both terms) is the exact EP estimate for W2; eq. 10 drops s_post (s_pre_hat - s_pre)."""
    net, (x, y) = small_net(), lesson
    exact = autograd_gradients(net, x, y)["output.weight"]
    beta, estimate = 1e-4, torch.zeros_like(exact)
    for sign in (1, -1):
        with torch.no_grad():
            circuit = net.circuit(x)
            free = net.free(circuit)
            c = net.clamped(circuit, free, y, beta=sign * beta, dt=0.3, steps=400)
            contrast = (free.output.T @ free.hidden - c.output.T @ c.hidden) / (sign * beta * len(x))
            predictive = predictive_rule(c.output, free.output, c.hidden, beta=sign * beta)
            dropped = -free.output.T @ (c.hidden - free.hidden) / (sign * beta * len(x))
            torch.testing.assert_close(predictive + dropped, contrast, rtol=1e-9, atol=1e-9)
            estimate += contrast / 2
    torch.testing.assert_close(estimate, exact, rtol=1e-5, atol=1e-8)


def test_predictive_rule_of_two_examples_by_hand():
    """Mean over the batch: (-(1 - .5) * 2 + -(0 - 1) * 4) / 2 / beta = (-1 + 4) / 2 / .5 = 3."""
    estimate = predictive_rule(
        torch.tensor([[1.0], [0.0]]), torch.tensor([[0.5], [1.0]]), torch.tensor([[2.0], [4.0]]), beta=0.5
    )
    assert estimate.item() == 3.0


@pytest.mark.parametrize("dtype", [torch.float64, torch.float32])
@pytest.mark.parametrize("gamma", [0.0, 1.0, 3.0])
def test_compiled_dynamics_equal_the_tensor_equations(dtype, gamma):
    with Seeds(1).building("init"):
        net = EquilibriumRNN((20, 33, 7), gamma=gamma).to(dtype)
    x = torch.rand(11, 20, generator=torch.Generator().manual_seed(1), dtype=dtype)
    y = torch.arange(11) % 7
    # In float32 the fixed point stops at changes of 1e-6, sample by sample when compiled; feedback (gamma = 3)
    # passes what is left of the way on to the hidden layer, so states agree to some 1e-6.
    tolerance = {torch.float64: 1e-12, torch.float32: 1e-5}[dtype]
    for relaxation in (Euler(steps=37), FixedPoint(tolerance=1e-13 if dtype == torch.float64 else 1e-6)):
        circuit = net.circuit(x)
        slow = relaxation(circuit)
        slow_clamped = net.clamped(circuit, slow, y, beta=0.7, dt=0.2, steps=9)
        with torch.no_grad():
            circuit = net.circuit(x)
            assert circuit.compiled
            fast = relaxation(circuit)
            fast_clamped = net.clamped(circuit, fast, y, beta=0.7, dt=0.2, steps=9)
        for a, b in zip((*slow, *slow_clamped), (*fast, *fast_clamped), strict=True):
            torch.testing.assert_close(a.detach(), b, rtol=0, atol=tolerance)


@pytest.mark.parametrize("active", [0.0, 0.1, 0.2])
@pytest.mark.parametrize("batch", [1, 5, 300])
def test_skipping_zero_inputs_changes_nothing(active, batch):
    """Forward and update against the dense products; more samples and inputs than fit in one block of the kernel."""
    rng = torch.Generator().manual_seed(4)
    with Seeds(4).building("init"):
        net = EquilibriumRNN((401, 33, 7)).double()
    x = torch.rand(batch, 401, generator=rng, dtype=torch.float64)
    x[torch.rand(batch, 401, generator=rng) >= active] = 0
    hidden = [torch.randn(batch, 33, generator=rng, dtype=torch.float64) for _ in range(2)]
    clamped, free = (States(h, h[:, :7]) for h in hidden)
    with torch.no_grad():
        assert worth_it(x.numpy())
        torch.testing.assert_close(net.circuit(x).drive, net.hidden(x), rtol=0, atol=1e-12)
        update = net.input_rule(clamped, free, x, beta=0.5)
    torch.testing.assert_close(update, predictive_rule(*hidden, x, beta=0.5), rtol=0, atol=1e-12)


def test_the_fixed_point_is_the_equilibrium_that_euler_reaches():
    with Seeds(2).building("init"):
        net = EquilibriumRNN((20, 50, 10)).double()
    x = torch.rand(8, 20, generator=torch.Generator().manual_seed(2), dtype=torch.float64)
    with torch.no_grad():
        net.output.bias.add_(0.3)
        circuit = net.circuit(x)
        far, near = Euler(steps=300)(circuit), FixedPoint(tolerance=1e-13)(circuit)
    assert 0 < far.output.min() < far.output.max() < 1, "an equilibrium outside the linear range would prove little"
    torch.testing.assert_close(far, near, rtol=0, atol=1e-11)


def test_strong_feedback_that_a_fixed_point_pass_cannot_settle_falls_back_to_euler():
    """With gamma = -8 the plain iteration overshoots for ever between two states; Euler's small steps settle."""
    with Seeds(2).building("init"):
        net = EquilibriumRNN((20, 50, 10), gamma=-8.0).double()
    x = torch.rand(4, 20, generator=torch.Generator().manual_seed(2), dtype=torch.float64)
    with torch.no_grad():
        net.output.weight.abs_()
        circuit = net.circuit(x)
        settled = FixedPoint(tolerance=1e-13, passes=30, fallback=Euler(steps=3000, dt=0.01))(circuit)
        exact = Euler(steps=6000, dt=0.01)(circuit)
    torch.testing.assert_close(settled, exact, rtol=0, atol=1e-9)


def test_nan_input_gives_nan_states_and_not_zeros():
    """A rectifier that turns NaN into 0 would hide a broken net."""
    net = EquilibriumRNN((3, 4, 2))
    with torch.no_grad():
        states = net.free(net.circuit(torch.full((1, 3), float("nan"))))
    assert states.hidden.isnan().all()
