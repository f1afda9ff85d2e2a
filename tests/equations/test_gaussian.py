"""Draws without a covariance matrix: against numpy's covariance and numpy's sampler, by hand, and by limits."""

import numpy as np
import pytest
import torch

from oneiros.equations.gaussian import (
    block_mean,
    clamped,
    draw_weights,
    gaussian_draw,
    gaussian_draw_half,
    nearest_repeat,
    rectified,
    rectified_parameters,
)


def activations(n: int, d: int, seed: int = 0, dtype=torch.float64) -> torch.Tensor:
    """Correlated, rectified, of unequal scales: like a pooling layer's."""
    rng = torch.Generator().manual_seed(seed)
    factors = torch.randn(n, 8, generator=rng, dtype=dtype) @ torch.randn(8, d, generator=rng, dtype=dtype)
    return (factors + torch.randn(n, d, generator=rng, dtype=dtype)).clamp(min=0) * torch.linspace(
        0.1, 5, d, dtype=dtype
    )


def normal(m: int, n: int, seed: int = 1, dtype=torch.float64) -> torch.Tensor:
    return torch.randn(m, n, generator=torch.Generator().manual_seed(seed), dtype=dtype)


@pytest.mark.parametrize(("n", "d"), [(2, 3), (40, 12), (30, 200)])
def test_mean_and_covariance_are_numpys_exactly(n, d):
    """S is linear in G, so its mean is S at G = 0 and its covariance D'D, with D the responses to each unit of G."""
    x = activations(n, d)
    mean = gaussian_draw(x, torch.zeros(1, n, dtype=torch.float64))[0]
    responses = gaussian_draw(x, torch.eye(n, dtype=torch.float64)) - mean
    covariance = np.cov(x.numpy(), rowvar=False)
    assert np.abs(mean.numpy() - x.numpy().mean(0)).max() <= 1e-12
    assert np.abs((responses.T @ responses).numpy() - covariance).max() <= 1e-10


def test_the_monte_carlo_error_is_numpys():
    """d = 512: the covariance of our draws is as far from the truth as that of numpy's multivariate_normal."""
    n, d, m = 600, 512, 600
    x = activations(n, d)
    mean, truth = x.numpy().mean(0), np.cov(x.numpy(), rowvar=False)
    rng = np.random.default_rng(0)
    ours = [gaussian_draw(x, normal(m, n, seed)).numpy() for seed in range(8)]
    theirs = [rng.multivariate_normal(mean, truth, size=m, method="cholesky") for _ in range(8)]
    errors = [np.mean([distance(s, truth) ** 2 for s in side]) for side in (ours, theirs)]
    # The same law for any exact sampler: E |C - truth|^2 = (|truth|^2 + tr(truth)^2) / (m - 1).
    law = (1 + np.trace(truth) ** 2 / np.linalg.norm(truth) ** 2) / (m - 1)
    assert errors == pytest.approx([law, law], rel=0.1)


def distance(samples: np.ndarray, truth: np.ndarray) -> float:
    return float(np.linalg.norm(np.cov(samples, rowvar=False) - truth) / np.linalg.norm(truth))


def test_every_direction_is_normal():
    """A projection of the draws passes a test against the normal distribution that the covariance says."""
    from scipy.stats import kstest

    x = activations(60, 30)
    direction = torch.linspace(-1, 1, 30, dtype=torch.float64)
    along = (gaussian_draw(x, normal(4000, 60)) @ direction).numpy()
    mean, sd = float((x @ direction).mean()), float((x @ direction).std())
    assert kstest(along, "norm", args=(mean, sd)).pvalue > 0.01


def test_half_precision_is_the_same_draw():
    x, g = activations(50, 40), normal(9, 50)
    whole = gaussian_draw(x, g)
    half = gaussian_draw_half(x.half(), g.float(), columns=16)
    assert half.dtype == torch.float16
    # float16 keeps 11 bits; what goes in and comes out are each rounded once.
    scale = x.abs().max() * g.abs().max()
    assert (half.double() - whole).abs().max() < 3 * 2**-11 * scale


def test_it_says_what_is_wrong():
    with pytest.raises(ValueError, match="at least 2 of each class"):
        gaussian_draw(torch.zeros(1, 3), torch.zeros(2, 1))


def test_weights_sum_to_one_so_that_constants_stay():
    assert torch.allclose(draw_weights(normal(5, 9)).sum(1), torch.ones(5, dtype=torch.float64))


def test_drawing_commutes_with_coarsening_and_refining():
    maps, g = activations(20, 3 * 6 * 6).view(20, 3, 6, 6), normal(4, 20)
    before = gaussian_draw(block_mean(maps, 4).flatten(1), g).view(4, 3, 2, 2)
    after = block_mean(gaussian_draw(maps.flatten(1), g).view(4, 3, 6, 6), 4)
    assert torch.allclose(before, after, atol=1e-12)
    fine_before = gaussian_draw(nearest_repeat(maps, 2, (12, 12)).flatten(1), g).view(4, 3, 12, 12)
    fine_after = nearest_repeat(gaussian_draw(maps.flatten(1), g).view(4, 3, 6, 6), 2, (12, 12))
    assert torch.allclose(fine_before, fine_after, atol=1e-12)


def test_block_mean_and_nearest_repeat_by_hand_where_the_factor_does_not_divide():
    """28 by 3: nine whole blocks and one of a single row; repeated, thirty cut to 28."""
    ramp = torch.arange(28.0).view(1, 1, 28, 1).expand(1, 1, 28, 28)
    coarse = block_mean(ramp, 3)
    assert coarse.shape == (1, 1, 10, 10)
    assert coarse[0, 0, :, 0].tolist() == [1.0, 4.0, 7.0, 10.0, 13.0, 16.0, 19.0, 22.0, 25.0, 27.0]
    fine = nearest_repeat(coarse, 3, (28, 28))
    repeated = [value for value in coarse[0, 0, :9, 0].tolist() for _ in range(3)]
    assert fine[0, 0, :, 5].tolist() == [*repeated, 25.0 + 2.0]


def test_clamping_raises_means_and_rectifying_keeps_mean_and_spread():
    # A draw follows its n own activations, so their moments are known without error.
    x = activations(400, 6, dtype=torch.float32)
    s = gaussian_draw(x, normal(40_000, 400, dtype=torch.float32))
    assert (clamped(s, x).mean(0) > s.mean(0)).all()
    assert (clamped(s, x).std(0) < s.std(0)).all()
    kept = rectified(s, x)
    assert (kept >= 0).all()
    assert torch.allclose(kept.mean(0), x.mean(0), rtol=0.03)
    assert torch.allclose(kept.std(0), x.std(0), rtol=0.03)


def test_rectified_parameters_of_a_unit_far_above_zero_are_its_own_and_constant_units_stay():
    mu, sigma = rectified_parameters(torch.tensor([20.0]), torch.tensor([1.0]))
    assert torch.allclose(torch.cat([mu, sigma]), torch.tensor([20.0, 1.0]), atol=1e-3)
    constant = torch.tensor([[2.0, 0.0]]).repeat(5, 1)
    assert torch.equal(rectified(constant, constant), constant)
