"""The equations of Deperrois et al. 2022, by hand, by limit and by counting."""

import math

import pytest
import torch

from oneiros.equations.dreaming import (
    divergence,
    mixture,
    occlusion,
    reconstruction,
    reverse_gradient,
    taken_for_external,
    taken_for_internal,
)


def rng(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def test_divergence_of_two_latents_by_hand():
    """First latent: -1, 1, 3 has mean 1 and variance 4 (dividing by 2); second: 0, 3, 6 has mean 3 and variance 9."""
    z = torch.tensor([[-1.0, 0.0], [1.0, 3.0], [3.0, 6.0]], dtype=torch.float64)
    first = (1 + 4 - 1 - math.log(4)) / 2
    second = (9 + 9 - 1 - math.log(9)) / 2
    assert divergence(z).item() == pytest.approx((first + second) / 2, rel=1e-12)


def test_divergence_is_zero_at_the_prior_and_positive_elsewhere():
    z = torch.randn(64, 32, generator=rng(), dtype=torch.float64)
    z = (z - z.mean(0)) / z.std(0)
    assert divergence(z).item() == pytest.approx(0, abs=1e-12)
    assert divergence(2 * z) > 0
    assert divergence(z + 1).item() == pytest.approx(0.5, rel=1e-9)


def test_divergence_of_one_latent_says_why_it_cannot_be():
    with pytest.raises(ValueError, match="expected a batch of at least 2"):
        divergence(torch.zeros(1, 3))


def test_losses_are_means_over_all_elements():
    assert reconstruction(torch.ones(2, 3, 4, 4), torch.zeros(2, 3, 4, 4)) == 1


@pytest.mark.parametrize("target", [1.0, 0.0])
def test_adversarial_losses_are_the_binary_cross_entropy_of_d(target):
    score = torch.tensor([-3.0, 0.2, 5.0], dtype=torch.float64)
    d = torch.sigmoid(score)
    wanted = torch.nn.functional.binary_cross_entropy(d, torch.full_like(d, target))
    loss = taken_for_external(score) if target else taken_for_internal(score)
    assert loss.item() == pytest.approx(wanted.item(), rel=1e-12)
    assert (taken_for_external if target else taken_for_internal)(torch.tensor([-500.0, 500.0])).isfinite()


def test_reversed_gradients_pass_the_value_exactly():
    x = torch.randn(1000, generator=rng(), requires_grad=True)
    assert torch.equal(reverse_gradient(x), x)
    reverse_gradient(x).square().sum().backward()
    assert torch.equal(x.grad, -2 * x.detach())


def test_shares_of_a_mixture_by_hand():
    z, old, noise = (torch.full((1, 2), value) for value in (1.0, 10.0, 100.0))
    assert mixture(z, old, noise, memories=0.5, newest=0.5)[0, 0] == 0.25 + 2.5 + 50
    assert torch.equal(mixture(z, old, noise, memories=1.0, newest=1.0), z)
    assert torch.equal(mixture(z, old, noise, memories=0.0, newest=0.5), noise)


@pytest.mark.parametrize("size", range(1, 9))
def test_squares_have_exactly_their_size_and_are_truncated_at_the_far_edges(size):
    squares = -(-32 // size)
    for row, column in [(0, 0), (1, squares - 1), (squares - 1, squares - 1)]:
        tiles = torch.ones(1, 32, 32)
        tiles[0, row, column] = 0.0
        hidden = ~occlusion(tiles, 0.5, size, (32, 32))[0, 0]
        wanted = torch.zeros(32, 32, dtype=torch.bool)
        wanted[row * size : (row + 1) * size, column * size : (column + 1) * size] = True
        assert torch.equal(hidden, wanted)
        height, width = (min(size, 32 - place * size) for place in (row, column))
        assert hidden.sum() == height * width


@pytest.mark.parametrize("p", [0.0, 0.1, 0.5, 0.9, 1.0])
def test_the_covered_share_is_p_and_squares_are_independent(p):
    n = 400
    hidden = ~occlusion(torch.rand(n, 8, 8, generator=rng()), p, 4, (32, 32))[:, 0]
    # Every square is covered whole or not at all.
    squares = hidden.unflatten(1, (8, 4)).unflatten(3, (8, 4)).transpose(2, 3).flatten(3)
    assert torch.equal(squares.all(3), squares.any(3))
    error = 4 * math.sqrt(p * (1 - p) / (n * 64))  # four standard errors of a binomial share
    assert abs(hidden.float().mean().item() - p) <= error
    per_image = squares.any(3).flatten(1).float().sum(1)
    assert per_image.var().item() == pytest.approx(64 * p * (1 - p), rel=0.3, abs=1e-9)


def test_probability_and_size_may_be_tensors():
    tiles = torch.rand(3, 32, 32, generator=rng())
    mask = occlusion(tiles, torch.tensor(0.3), torch.tensor(5), (32, 32))
    assert torch.equal(mask, occlusion(tiles, 0.3, 5, (32, 32)))
    assert mask.shape == (3, 1, 32, 32)
