"""What the benchmark counts and compares; it is not timed here."""

import torch
from torch import nn

from oneiros.benches.pad import CYCLE_FLOP, PASS_FLOP, Chance, newborn_net, square_by_square


def multiplications(net: nn.Module, x: torch.Tensor) -> int:
    """Counted layer by layer from shapes: kernel times channels for every output (going up: for every input)."""
    total = 0
    for layer in net.modules():
        if isinstance(layer, nn.Conv2d) and layer.out_channels > 1:
            x = layer(x)
            total += x[0].numel() * layer.in_channels * 16
        elif isinstance(layer, nn.ConvTranspose2d):
            total += x[0].numel() * layer.out_channels * 16
            x = layer(x)
    return total


def test_one_pass_is_counted_from_the_layers_themselves():
    net = newborn_net()
    with torch.no_grad():
        encoder = multiplications(net.encoder, torch.zeros(1, 3, 32, 32))
        generator = multiplications(net.generator, torch.zeros(1, 256, 1, 1))
    # Transposed convolutions with padding drop the products that fall outside, a few in a hundred; the floor does too.
    assert 2 * encoder == PASS_FLOP
    assert 2 * encoder == 37_224_448
    assert abs(generator - encoder) <= 0
    assert CYCLE_FLOP == 16 * PASS_FLOP


def test_the_plain_mask_covers_square_by_square():
    tiles = torch.ones(1, 32, 32)
    tiles[0, 0, 1] = tiles[0, 6, 6] = 0
    mask = square_by_square(Chance(probability=0.5, size=5, tiles=tiles, noise=torch.zeros(1, 1)))
    assert (mask == 0).sum() == 25 + 4
    assert (mask[0, 0, :5, 5:10] == 0).all()
    assert (mask[0, 0, 30:, 30:] == 0).all()
