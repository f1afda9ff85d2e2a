"""The recursion against its closed form, and what a projector does to inputs it has heard."""

import pytest
import torch

from oneiros.equations.projection import shrink


def inputs(m: int = 4, n: int = 9) -> torch.Tensor:
    return torch.randn(m, n, generator=torch.Generator().manual_seed(0), dtype=torch.float64)


def after(heard: torch.Tensor, damping: float) -> torch.Tensor:
    projector = torch.eye(heard.shape[1], dtype=heard.dtype)
    for one in heard:
        projector = shrink(projector, one, damping=damping)
    return projector


@pytest.mark.parametrize("damping", [1e-6, 0.1, 3.0])
def test_input_by_input_equals_the_closed_form(damping):
    a = inputs().T
    inverse = torch.linalg.inv(a.T @ a + damping * torch.eye(4, dtype=a.dtype))
    expected = torch.eye(9, dtype=a.dtype) - a @ inverse @ a.T
    torch.testing.assert_close(after(inputs(), damping), expected, rtol=0, atol=1e-9)


def test_old_inputs_are_annihilated_and_orthogonal_ones_left_alone():
    heard = inputs()
    projector = after(heard, 1e-9)
    torch.testing.assert_close(projector @ heard.T, torch.zeros(9, 4, dtype=heard.dtype), rtol=0, atol=1e-8)
    free = torch.linalg.qr(heard.T, mode="complete").Q[:, 4:]
    torch.testing.assert_close(projector @ free, free, rtol=0, atol=1e-9)


def test_strong_damping_protects_nothing():
    torch.testing.assert_close(after(inputs(), 1e12), torch.eye(9, dtype=torch.float64), rtol=0, atol=1e-9)
