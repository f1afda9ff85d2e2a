"""Views of a whole batch against scipy's affine transform, image by image, with Keras's matrices."""

import numpy as np
import pytest
import torch
from scipy.ndimage import affine_transform

from oneiros.equations.augment import random_views, view_maps, warp

SIZE = 12


def pictures(n: int) -> torch.Tensor:
    return torch.rand(n, 3, SIZE, SIZE, generator=torch.Generator().manual_seed(0), dtype=torch.float64)


def slowly(image: np.ndarray, angle: float, shift: tuple, zoom: tuple, flip: float) -> np.ndarray:
    """Keras's ImageDataGenerator: rotation @ shift @ zoom about the centre, bilinear, reflect; then flipped."""
    rotation = np.array([[np.cos(angle), -np.sin(angle), 0], [np.sin(angle), np.cos(angle), 0], [0, 0, 1]])
    moved = np.array([[1, 0, shift[0] * SIZE], [0, 1, shift[1] * SIZE], [0, 0, 1]])
    matrix = rotation @ moved @ np.diag([zoom[0], zoom[1], 1])
    centre = (SIZE - 1) / 2
    to, back = np.eye(3), np.eye(3)
    to[:2, 2], back[:2, 2] = centre, -centre
    matrix = to @ matrix @ back
    channels = [affine_transform(channel, matrix[:2, :2], matrix[:2, 2], order=1, mode="reflect") for channel in image]
    view = np.stack(channels)
    return view[:, :, ::-1] if flip < 0 else view


def test_a_batch_of_views_is_what_the_slow_way_gives():
    n, rng = 8, np.random.default_rng(0)
    angle, flip = rng.uniform(-0.35, 0.35, n), rng.choice([-1.0, 1.0], n)
    shift, zoom = rng.uniform(-0.2, 0.2, (n, 2)), rng.uniform(0.8, 1.2, (n, 2))
    x = pictures(n)
    fast = warp(x, view_maps(*(torch.from_numpy(values) for values in (angle, shift, zoom, flip))))
    for i in range(n):
        slow = slowly(x[i].numpy(), angle[i], tuple(shift[i]), tuple(zoom[i]), flip[i])
        assert np.abs(fast[i].numpy() - slow).max() < 1e-9


def test_without_ranges_only_the_mirror_is_left():
    x = pictures(40)
    views = random_views(x, degrees=0.0, shift=0.0, zoom=0.0, rng=torch.Generator().manual_seed(1))
    same, mirrored = ([torch.allclose(v, w) for v, w in zip(views, y, strict=True)] for y in (x, x.flip(-1)))
    assert all(a != b for a, b in zip(same, mirrored, strict=True))
    assert 8 < sum(same) < 32


def test_ranges_are_as_said_and_draws_are_paired():
    """A range changed leaves the other numbers as they are."""
    ramp = torch.arange(SIZE, dtype=torch.float64).expand(200, 1, SIZE, SIZE).transpose(2, 3).contiguous()
    rng = lambda: torch.Generator().manual_seed(2)  # noqa: E731
    moved = random_views(ramp, degrees=0.0, shift=0.2, zoom=0.0, rng=rng())
    shifts = moved[:, 0, SIZE // 2, 0] - SIZE // 2
    assert shifts.abs().max() <= 0.2 * SIZE + 1e-9
    assert shifts.abs().max() > 0.19 * SIZE
    assert float(shifts.mean()) == pytest.approx(0, abs=0.3)
    zoomed = random_views(ramp, degrees=0.0, shift=0.2, zoom=1e-9, rng=rng())
    assert torch.allclose(moved, zoomed, atol=1e-6)
