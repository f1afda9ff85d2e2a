"""The compiled front against its equation, and k-means against what it should find."""

import pytest
import torch
from torch.nn.functional import normalize

from oneiros.equations.compiled import patches as compiled
from oneiros.equations.patches import Patching, normalised, pooled_answers, spherical_round, whitening


@pytest.mark.parametrize("grid", [1, 2, 3])
@pytest.mark.parametrize(("side", "stride"), [(3, 1), (6, 2), (5, 3)])
def test_the_kernel_is_the_equation(grid, side, stride):
    rng = torch.Generator().manual_seed(0)
    x = torch.rand(40, 2, 13, 11, generator=rng)
    filters, bias = torch.randn(7, 2 * side * side, generator=rng), torch.randn(7, generator=rng)
    how = Patching(side, stride, damping=1e-3, threshold=0.25, grid=grid)
    found = compiled.pooled_answers(x, filters, bias, how)
    torch.testing.assert_close(found, pooled_answers(x, filters, bias, how), rtol=1e-4, atol=1e-5)


def test_whitened_patches_have_a_round_covariance():
    rng = torch.Generator().manual_seed(0)
    x = torch.randn(500, 4, generator=rng, dtype=torch.float64) @ torch.randn(4, 4, generator=rng, dtype=torch.float64)
    torch.testing.assert_close((x @ whitening(x, 0.0)).T.cov(), torch.eye(4, dtype=torch.float64))


def test_normalised_patches_know_neither_brightness_nor_contrast():
    rng = torch.Generator().manual_seed(0)
    x = torch.rand(20, 9, generator=rng)
    torch.testing.assert_close(normalised(5 * x + 3, 0.0), normalised(x, 0.0), rtol=1e-4, atol=1e-4)


def test_spherical_k_means_finds_directions_whatever_their_sign():
    rng = torch.Generator().manual_seed(0)
    axes = torch.eye(3)[torch.randint(0, 3, (600,), generator=rng)]
    signs = torch.randint(0, 2, (600, 1), generator=rng) * 2 - 1
    x = normalize(axes * signs + 0.05 * torch.randn(600, 3, generator=rng))
    found = normalize(torch.tensor([[1.0, 0.4, 0.3], [0.2, 1.0, 0.4], [0.3, 0.1, -1.0]]))
    for _ in range(5):
        found = spherical_round(x, found)
    torch.testing.assert_close(found.abs(), torch.eye(3), atol=0.02, rtol=0)
