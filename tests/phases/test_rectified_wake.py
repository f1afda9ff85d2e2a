"""The published step of FF-BP, worked out without autograd, with the masks that the phase draws."""

import pytest
import torch

from oneiros.core import Batch, Brain, Seeds
from oneiros.nets import DropoutPerceptron
from oneiros.phases import RectifiedWake
from oneiros.phases.wake.rectified_wake import rectified_loss


def test_two_steps_are_error_times_activation_with_momentum_and_thinned_units():
    """d3 = relu(z3) - y; d2 = (d3 W2)[z2 > 0] mask; dW = d' a / n; v = momentum v + rate dW; W -= v."""
    rate, momentum, p = 0.1, 0.5, 0.25
    with Seeds(0).building("init"):
        net = DropoutPerceptron((5, 7, 3), dropout=p, span=0.5)
    w = [net.get_parameter(name).detach().double().clone() for name in ("layers.0.weight", "layers.4.weight")]
    optim = torch.optim.SGD(net.parameters(), lr=rate, momentum=momentum)
    brain = Brain(net=net, optim={"wake": optim})
    velocity = [torch.zeros_like(each) for each in w]
    for step in range(2):
        x, y = torch.rand(6, 5, generator=Seeds(step).rng("x")), torch.arange(6) % 3
        RectifiedWake()(brain, Batch(x=x, y=y), Seeds(step).rng("wake"))
        mask = torch.rand(6, 7, generator=Seeds(step).rng("wake")) >= p
        z = x.double() @ w[0].T
        hidden = z.relu() * mask
        d3 = (hidden @ w[1].T).relu() - torch.eye(3).double()[y]
        d2 = (d3 @ w[1]) * (z > 0) * mask
        for layer, gradient in enumerate((d2.T @ x.double() / 6, d3.T @ hidden / 6)):
            velocity[layer] = momentum * velocity[layer] + rate * gradient
            w[layer] = w[layer] - velocity[layer]
    for parameter, expected in zip(net.parameters(), w, strict=True):
        torch.testing.assert_close(parameter.detach().double(), expected, rtol=0, atol=1e-6)


def test_at_rest_hidden_units_are_scaled_down_by_how_many_stay():
    net = DropoutPerceptron((2, 2, 1), dropout=0.25, span=0.1)
    net.load_state_dict({"layers.0.weight": torch.eye(2), "layers.4.weight": torch.tensor([[1.0, 2.0]])})
    assert net(torch.tensor([[4.0, 8.0]])).item() == pytest.approx(3 + 2 * 6)
    assert net.activity(torch.tensor([[4.0, -8.0]])).tolist() == [[3.0, 0.0]]


def test_the_gradient_of_the_loss_is_the_error_also_where_the_output_is_silent():
    scores = torch.tensor([[2.0, -1.0, -3.0]], requires_grad=True)
    rectified_loss(scores, torch.tensor([1])).sum().backward()
    assert scores.grad is not None
    assert scores.grad.tolist() == [[2.0, -1.0, 0.0]]
