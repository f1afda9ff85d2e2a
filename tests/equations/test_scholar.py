"""Eq. 1 of Shin et al. 2017 and the losses of generators, by hand and by limit."""

import math

import pytest
import torch

from oneiros.equations.generative import gradient_penalty, kl_to_standard_normal, reconstruction
from oneiros.equations.scholar import mixture_weights, rank_within_class, share_of_new, soft_target_loss


def test_one_over_i_gives_every_task_the_same_weight_after_ten():
    """Task j enters with r_j and is thinned by (1 - r_k) at each later task k: all must end at 1/10."""
    weights = []
    for age in range(10):
        r = share_of_new("1/i", age)
        weights = [w * (1 - r) for w in weights] + [r]
    assert weights == pytest.approx([0.1] * 10)


def test_ratio_may_be_a_number_or_a_function_and_nothing_beyond_a_share():
    assert share_of_new(0.3, 7) == 0.3
    assert share_of_new(lambda age: 0.5**age, 2) == 0.25
    with pytest.raises(ValueError, match=r"share of new examples is 2.0 at age 0; expected a number from 0 to 1"):
        share_of_new(2.0, 0)


def test_weights_of_a_mixed_batch_make_its_mean_eq_1():
    losses = torch.tensor([1.0, 3.0, 10.0, 20.0, 30.0])
    by_hand = 0.2 * (1 + 3) / 2 + 0.8 * (10 + 20 + 30) / 3
    assert float((mixture_weights(2, 3, r=0.2) * losses).sum()) == pytest.approx(by_hand)
    assert mixture_weights(0, 4, r=0.2).tolist() == [0.25] * 4


def test_soft_targets_by_hand_and_their_gradient_at_high_temperature():
    """At high T the gradient tends to that of 1/(2 n_classes) |scores - teacher|^2 for centred scores (Hinton, 2.1)."""
    scores, teacher = torch.tensor([[1.0, -1.0]], dtype=torch.float64), torch.tensor([[0.0, 0.0]], dtype=torch.float64)
    p = 1 / (1 + math.exp(-2 / 3))
    by_hand = 9 * (0.5 * math.log(0.5 / p) + 0.5 * math.log(0.5 / (1 - p)))
    assert float(soft_target_loss(scores, teacher, temperature=3.0)) == pytest.approx(by_hand)
    scores.requires_grad_()
    soft_target_loss(scores, teacher, temperature=1e4).sum().backward()
    assert torch.allclose(scores.grad, (scores.detach() - teacher) / 2, rtol=1e-3)


def test_gradient_penalty_of_a_quadratic_critic_by_hand():
    """D(x) = |x|^2 / 2 has gradient x: at the middle of (0, 0) and (6, 8) its norm is 5, the penalty 16."""

    def critic(x):
        return x.square().sum(1) / 2

    real, fake = torch.tensor([[6.0, 8.0]]), torch.zeros(1, 2)
    assert gradient_penalty(critic, real, fake, torch.tensor([0.5])).item() == pytest.approx(16.0)
    assert gradient_penalty(critic, real, fake, torch.tensor([1.0])).item() == pytest.approx(81.0)


def test_gradient_penalty_reaches_the_critics_weights():
    """D(x) = w x: d/dw (|w| - 1)^2 = 2 (|w| - 1) sign(w) = 4 at w = 3."""
    w = torch.tensor(3.0, requires_grad=True)
    gradient_penalty(lambda x: w * x[:, 0], torch.ones(1, 1), torch.zeros(1, 1), torch.tensor([0.3])).sum().backward()
    assert w.grad.item() == pytest.approx(4.0)


def test_kl_and_reconstruction_against_torch_distributions():
    rng = torch.Generator().manual_seed(0)
    mean, log_variance = torch.randn(5, 3, generator=rng), torch.randn(5, 3, generator=rng)
    ours = kl_to_standard_normal(mean, log_variance)
    q = torch.distributions.Normal(mean, (log_variance / 2).exp())
    theirs = torch.distributions.kl_divergence(q, torch.distributions.Normal(0.0, 1.0)).sum(1)
    assert torch.allclose(ours, theirs, atol=1e-5)
    logits, x = torch.randn(5, 2, 2, generator=rng), torch.randint(2, (5, 2, 2), generator=rng).float()
    likelihood = torch.distributions.Bernoulli(logits=logits).log_prob(x).sum((1, 2))
    assert torch.allclose(reconstruction(logits, x), -likelihood, atol=1e-5)


def test_the_first_by_rank_are_as_balanced_as_they_can_be():
    labels = torch.tensor([0] * 8 + [1] * 3 + [2])
    chosen = rank_within_class(labels, 3).argsort(stable=True)[:6]
    assert torch.bincount(labels[chosen]).tolist() == [3, 2, 1]
