"""TensorFlow's Adam by hand, against torch's with the epsilon that makes them equal, and across day and night."""

import copy

import pytest
import torch

from oneiros.phases.optim import TensorFlowAdam


def test_two_steps_by_hand():
    """lr .1, b1 .9, b2 .999, epsilon 1, gradients 2 and then -1."""
    w = torch.nn.Parameter(torch.tensor([1.0], dtype=torch.float64))
    optimiser = TensorFlowAdam([w], lr=0.1, epsilon=1.0)
    w.grad = torch.tensor([2.0], dtype=torch.float64)
    optimiser.step()
    m, v = 0.1 * 2, 0.001 * 4
    first = 1 - 0.1 * (0.001**0.5 / 0.1) * m / (v**0.5 + 1)
    assert w.item() == pytest.approx(first, rel=1e-14)
    assert first == pytest.approx(0.9940516, abs=1e-7)
    w.grad = torch.tensor([-1.0], dtype=torch.float64)
    optimiser.step()
    m, v = 0.9 * m - 0.1, 0.999 * v + 0.001
    second = first - 0.1 * ((1 - 0.999**2) ** 0.5 / (1 - 0.9**2)) * m / (v**0.5 + 1)
    assert w.item() == pytest.approx(second, rel=1e-14)


def test_torchs_adam_is_the_same_with_the_epsilon_of_each_step():
    """Not with the same epsilon: with 1 its first step is 1 / sqrt(1 - b2) = 32 times what is left of ours."""
    start = torch.randn(7, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    mine, theirs, naive = (torch.nn.Parameter(start.clone()) for _ in range(3))
    ours = TensorFlowAdam([mine], lr=0.01, epsilon=1.0)
    torchs, same = torch.optim.Adam([theirs], lr=0.01), torch.optim.Adam([naive], lr=0.01, eps=1.0)
    for t in range(1, 20):
        torchs.param_groups[0]["eps"] = 1 / (1 - 0.999**t) ** 0.5
        for w in (mine, theirs, naive):
            w.grad = torch.sin(torch.arange(7, dtype=torch.float64) * t)
        for optimiser in (ours, torchs, same):
            optimiser.step()
        assert torch.allclose(mine, theirs, rtol=0, atol=1e-15)
        if t == 1:
            ratio = ((naive - start)[1:] / (mine - start)[1:]).abs()
            assert (ratio > 15).all()


def test_what_has_no_gradient_rests_while_the_count_goes_on():
    below, above = (torch.nn.Parameter(torch.ones(2)) for _ in range(2))
    optimiser = TensorFlowAdam([below, above], lr=0.1, epsilon=1.0)
    below.grad, above.grad = torch.ones(2), torch.ones(2)
    optimiser.step()
    resting, moments = below.detach().clone(), optimiser.state[below]["m"].clone()
    below.grad = None
    for _ in range(3):
        above.grad = torch.ones(2)
        optimiser.step()
    assert torch.equal(below, resting)
    assert torch.equal(optimiser.state[below]["m"], moments)
    assert optimiser.param_groups[0]["t"] == 4


def test_a_restored_optimiser_goes_on_as_the_original():
    def lived(steps: int, optimiser, w):
        for t in range(steps):
            w.grad = torch.full((3,), 1.0 + t)
            optimiser.step()

    w = torch.nn.Parameter(torch.zeros(3))
    optimiser = TensorFlowAdam([w], lr=0.1)
    lived(3, optimiser, w)
    twin = torch.nn.Parameter(w.detach().clone())
    again = TensorFlowAdam([twin], lr=0.5)
    again.load_state_dict(copy.deepcopy(optimiser.state_dict()))
    lived(2, optimiser, w)
    lived(2, again, twin)
    assert torch.equal(w, twin)


def test_it_refuses_what_makes_no_sense():
    with pytest.raises(ValueError, match="epsilon > 0"):
        TensorFlowAdam([torch.nn.Parameter(torch.zeros(1))], epsilon=0.0)


def test_parameters_of_two_precisions_step_as_each_would_alone():
    both = [torch.nn.Parameter(torch.ones(5, dtype=dtype)) for dtype in (torch.float32, torch.float64)]
    alone = [torch.nn.Parameter(p.detach().clone()) for p in both]
    optimisers = [TensorFlowAdam(both, lr=0.1), *(TensorFlowAdam([p], lr=0.1) for p in alone)]
    for t in range(3):
        for p in (*both, *alone):
            p.grad = torch.cos(torch.arange(5, dtype=p.dtype) + t)
        for optimiser in optimisers:
            optimiser.step()
    assert all(torch.equal(one, other) for one, other in zip(both, alone, strict=True))
