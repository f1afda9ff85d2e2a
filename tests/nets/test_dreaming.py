"""Encoder and generator against the convolutions that they are."""

import pytest
import torch
from torch import nn
from torch.nn.functional import leaky_relu

from oneiros.core import Seeds
from oneiros.nets.dreaming import DreamingNet
from oneiros.nets.extractors import EXTRACTORS, inception_v3, untrained_encoder


def small() -> DreamingNet:
    with Seeds(0).building("init"):
        return DreamingNet(channels=4, latents=6).double()


def test_the_encoder_is_four_convolutions_with_two_heads():
    e, x = small().encoder, torch.randn(3, 3, 32, 32, dtype=torch.float64, generator=Seeds(0).rng("x"))
    maps = x
    for layer in e.trunk:
        maps = leaky_relu(layer(maps), 0.2)
    assert maps.shape == (3, 16, 4, 4)
    torch.testing.assert_close(e(x), e.latent(maps)[:, :, 0, 0], rtol=1e-12, atol=1e-15)
    torch.testing.assert_close(e.score(e.features(x)), e.judge(maps)[:, 0, 0, 0], rtol=1e-12, atol=1e-15)


def test_the_generator_is_four_transposed_convolutions():
    g, z = small().generator, torch.randn(3, 6, dtype=torch.float64, generator=Seeds(0).rng("z"))
    image = g.seed(z[:, :, None, None])
    for layer in g.trunk:
        image = layer(leaky_relu(image, 0.2))
    torch.testing.assert_close(g(z), image.tanh(), rtol=1e-12, atol=1e-15)
    assert g(z).shape == (3, 3, 32, 32)


def test_the_paper_s_sizes():
    """64-128-256-256 channels up, 256-128-64-3 down, kernels of 4 x 4, one scalar for d."""
    net = DreamingNet()
    shapes = {name: tuple(p.shape) for name, p in net.named_parameters() if name.endswith("weight")}
    assert shapes == {
        "encoder.trunk.0.weight": (64, 3, 4, 4),
        "encoder.trunk.1.weight": (128, 64, 4, 4),
        "encoder.trunk.2.weight": (256, 128, 4, 4),
        "encoder.latent.weight": (256, 256, 4, 4),
        "encoder.judge.weight": (1, 256, 4, 4),
        "generator.seed.weight": (256, 256, 4, 4),
        "generator.trunk.0.weight": (256, 128, 4, 4),
        "generator.trunk.1.weight": (128, 64, 4, 4),
        "generator.trunk.2.weight": (64, 3, 4, 4),
    }
    for layer in net.modules():
        if isinstance(layer, (nn.Conv2d, nn.ConvTranspose2d)) and layer.weight.numel() > 50_000:
            assert layer.weight.std().item() == pytest.approx(0.02, rel=0.02)


def test_the_untrained_extractor_is_always_the_same_and_never_learns(tmp_path):
    first, second = untrained_encoder(tmp_path), EXTRACTORS["untrained-encoder"](tmp_path)
    for a, b in zip(first.parameters(), second.parameters(), strict=True):
        assert torch.equal(a, b)
        assert not a.requires_grad


def test_missing_inception_weights_say_how_to_get_them(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"inception_v3.safetensors: save the state_dict"):
        inception_v3(tmp_path)
