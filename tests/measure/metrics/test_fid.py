"""The Frechet distance against cases with a formula of their own."""

import numpy as np
import pytest
import scipy.linalg

from oneiros.measure.metrics.fid import Moments, frechet_distance, moments


def random_covariance(d: int, seed: int) -> np.ndarray:
    a = np.random.default_rng(seed).normal(size=(d, 2 * d))
    return a @ a.T / (2 * d)


def test_gaussians_with_diagonal_covariances_have_a_formula():
    """Sum over axes of (mu_1 - mu_2)^2 + (sd_1 - sd_2)^2."""
    first = Moments(np.array([1.0, 0.0, -2.0]), np.diag([1.0, 4.0, 9.0]))
    second = Moments(np.array([0.0, 0.0, 1.0]), np.diag([4.0, 4.0, 0.25]))
    assert frechet_distance(first, second) == pytest.approx(1 + 9 + 1 + 0 + 2.5**2, rel=1e-12)


def test_it_is_zero_for_equal_moments_and_symmetric():
    a, b = (Moments(np.full(8, float(seed)), random_covariance(8, seed)) for seed in (1, 2))
    assert frechet_distance(a, a) == pytest.approx(0, abs=1e-9)
    assert frechet_distance(a, b) == pytest.approx(frechet_distance(b, a), rel=1e-9)


def test_it_equals_the_definition_with_a_matrix_root():
    a, b = (Moments(np.full(8, float(seed)), random_covariance(8, seed)) for seed in (1, 2))
    root = scipy.linalg.sqrtm(a.covariance @ b.covariance)
    wanted = 8.0 + np.trace(a.covariance + b.covariance - 2 * root.real)
    assert frechet_distance(a, b) == pytest.approx(wanted, rel=1e-9)


def test_samples_of_two_gaussians_come_near_the_analytic_distance():
    rng = np.random.default_rng(0)
    first, second = rng.normal(0, 1, (40_000, 3)), rng.normal(2, 3, (40_000, 3))
    assert frechet_distance(moments(first), moments(second)) == pytest.approx(3 * (4 + 4), rel=0.03)


def test_a_singular_covariance_is_no_obstacle():
    flat = Moments(np.zeros(2), np.array([[1.0, 1.0], [1.0, 1.0]]))
    assert frechet_distance(flat, flat) == pytest.approx(0, abs=1e-7)
    with pytest.raises(ValueError, match="at least 2"):
        moments(np.zeros((1, 3)))
