"""Strided convolutions against the layers that they are."""

import pytest
import torch
from torch import Tensor, nn

from oneiros.core import Seeds
from oneiros.nets.strided import strided


def layers() -> dict[str, nn.Module]:
    """Few and many channels on the image's side, with and without padding, down and up."""
    with Seeds(0).building("init"):
        made = {
            "down from few": nn.Conv2d(3, 5, 4, 2, 1),
            "down from many": nn.Conv2d(6, 7, 4, 2, 1),
            "up to few": nn.ConvTranspose2d(5, 3, 4, 2, 1),
            "up to many": nn.ConvTranspose2d(7, 6, 4, 2, 1),
            "down, other geometry": nn.Conv2d(2, 5, 3, 3, 0),
            "up, other geometry": nn.ConvTranspose2d(5, 2, 5, 3, 2),
        }
    return {name: layer.double() for name, layer in made.items()}


def given(layer: nn.Module, size: tuple[int, int]) -> Tensor:
    channels = layer.in_channels
    assert isinstance(channels, int)
    return torch.randn(3, channels, *size, dtype=torch.float64, generator=Seeds(0).rng("x")).requires_grad_()


@pytest.mark.parametrize("size", [(8, 8), (8, 14), (5, 5)])
@pytest.mark.parametrize("name", layers())
def test_results_and_gradients_are_the_layer_s(name, size):
    """With 5 pixels and stride 2 (or 8 and 3) the last row and column reach no patch, or not all of it."""
    layer = layers()[name]
    x = given(layer, size)
    before, wanted = x.detach().clone(), layer(x)
    found = strided(layer, x)
    torch.testing.assert_close(found, wanted, rtol=1e-12, atol=1e-14)
    pull = torch.randn(wanted.shape, dtype=wanted.dtype, generator=Seeds(0).rng("pull"))
    leaves = [x, *layer.parameters()]
    for mine, theirs in zip(
        torch.autograd.grad(found, leaves, pull), torch.autograd.grad(wanted, leaves, pull), strict=True
    ):
        torch.testing.assert_close(mine, theirs, rtol=1e-12, atol=1e-13)
    assert torch.equal(x, before)


@pytest.mark.parametrize("name", layers())
def test_gradients_of_weights_lie_as_the_weights_do(name):
    """Whoever gives them to torch's fused Adam by hand would otherwise move the wrong weights, and hear nothing."""
    layer = layers()[name]
    (gradient,) = torch.autograd.grad(strided(layer, given(layer, (8, 8))).sum(), [layer.weight])
    assert gradient.stride() == layer.weight.stride()


def test_what_needs_no_gradient_gets_none():
    layer = layers()["down from few"]
    x = given(layer, (8, 8)).detach()
    layer.bias.requires_grad_(False)
    strided(layer, x).sum().backward()
    assert x.grad is None
    assert layer.bias.grad is None
    assert layer.weight.grad is not None
