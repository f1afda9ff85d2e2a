"""What the benchmark counts and compares; it is not timed here."""

import pytest
import torch
from torch import nn

from bench.speed.pad import (
    BATCH,
    CYCLE_FLOP,
    CYCLES,
    PASS_FLOP,
    PRODUCTS_FLOP,
    Chance,
    build_net,
    measurements,
    on_cores,
    square_by_square,
)


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
    net = build_net()
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


def test_what_is_made_of_the_seconds():
    """Three rounds by hand: ours at the speed of matrix products, half as fast, and as fast as the plain ones."""
    images, products = CYCLES * BATCH * CYCLE_FLOP, CYCLES * PRODUCTS_FLOP
    alone = images / 1e11  # seconds of the arithmetic at 100 GFLOP/s
    fast, slow, peak = [alone, 2 * alone, 4 * alone], [4 * alone] * 3, [products / 1e11] * 3
    taken = {"fast": fast, "slow": slow, "peak": peak, "fast.bf16": [alone] * 3, "peak.bf16": peak}
    found = {m.metric: m for m in measurements(taken, 2, ".here")}
    assert found["pad.speedup.bf16.here"].value == pytest.approx(4)
    assert found["pad.floor_fraction.bf16.here"].value == pytest.approx(1)
    assert found["pad.speedup.here"].value == pytest.approx(2)
    assert found["pad.floor_fraction.here"].value == pytest.approx(0.5)
    assert "100 GFLOP/s; 2 cores" in found["pad.floor_fraction.here"].against
    assert found["pad.images_per_second.here"].value == pytest.approx(CYCLES * BATCH / (2 * alone))
    assert found["pad.plain_images_per_second.here"].value == pytest.approx(CYCLES * BATCH / (4 * alone))


def test_threads_are_given_back():
    before = torch.get_num_threads()
    with on_cores(before + 1):
        assert torch.get_num_threads() == before + 1
    assert torch.get_num_threads() == before
