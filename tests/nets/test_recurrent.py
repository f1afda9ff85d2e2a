"""The recurrent net by hand, as a feed-forward one at a single step, and its gradient through time."""

import pytest
import torch

from oneiros.core import Seeds
from oneiros.nets import RecurrentNet


def test_three_steps_by_hand():
    """W1 = 1, b1 = 0, U = 1/2, x = 4: h = 4, 4 + 2 = 6, 4 + 3 = 7; scores 7 W2 + b2 = 7 * 2 + 1."""
    net = RecurrentNet((1, 1, 1), steps=3)
    with torch.no_grad():
        for p, value in zip(net.parameters(), (1.0, 0.0, 0.5, 2.0, 1.0), strict=True):
            p.fill_(value)
        assert net.activity(torch.tensor([[4.0]])).item() == 7.0
        assert net(torch.tensor([[4.0]])).item() == 15.0


def test_the_gradient_of_the_recurrent_weight_counts_every_use_of_it():
    """h3 = x (1 + u + u^2) with u > 0, so d h3 / d u = x (1 + 2 u) = 4 * 2 = 8, times W2 = 2."""
    net = RecurrentNet((1, 1, 1), steps=3)
    with torch.no_grad():
        for p, value in zip(net.parameters(), (1.0, 0.0, 0.5, 2.0, 1.0), strict=True):
            p.fill_(value)
    net(torch.tensor([[4.0]])).sum().backward()
    grad = net.recurrent.weight.grad
    assert grad is not None
    assert grad.item() == 16.0


def test_a_single_step_is_a_feed_forward_net():
    with Seeds(0).building("init"):
        net = RecurrentNet((6, 8, 3), steps=1)
    x = torch.rand(5, 2, 3, generator=torch.Generator().manual_seed(0))
    expected = net.output(torch.relu(net.hidden(x.flatten(1))))
    torch.testing.assert_close(net(x), expected)


def test_no_step_is_refused():
    with pytest.raises(ValueError, match="RecurrentNet.steps is 0; expected at least 1"):
        RecurrentNet((6, 8, 3), steps=0)
