"""What is asked of an encoder and a generator."""

import numpy as np
import pytest
import torch
from sklearn.decomposition import PCA

from oneiros.core import Seeds
from oneiros.equations.dreaming import reconstruction
from oneiros.measure.metrics.distances import Organisation, euclidean, mean_square
from oneiros.measure.probes.dreaming import (
    Nights,
    Pairs,
    covered,
    distances,
    dreams,
    encoded,
    losses,
    pairs,
    principal_axes,
)
from oneiros.nets.dreaming import DreamingNet
from oneiros.phases import LatentMix


def small() -> DreamingNet:
    with Seeds(0).building("init"):
        return DreamingNet(channels=4, latents=6)


def images(name: str, n: int = 5) -> torch.Tensor:
    return torch.rand(n, 3, 32, 32, generator=Seeds(0).rng(name)) * 2 - 1


def test_images_are_encoded_batch_by_batch_without_a_trace():
    net, x = small(), images("x")
    z = encoded(net, x.split(2))
    torch.testing.assert_close(z, net(x).detach())
    assert not z.requires_grad
    assert net.training


def test_each_test_image_has_a_mask_of_its_own_and_all_channels_share_it():
    x = torch.ones(50, 3, 32, 32)
    shown = torch.cat(list(covered(x.split(20), 0.5, 4, Seeds(0).rng("mask"))))
    assert torch.equal(shown[:, 0], shown[:, 2])
    assert len(shown[:, 0].flatten(1).unique(dim=0)) == 50
    assert torch.equal(next(covered([x], 0.0, 4, Seeds(0).rng("mask"))), x)
    assert (next(covered([x], 1.0, 4, Seeds(0).rng("mask"))) == 0).all()


def test_pairs_are_of_one_class_or_of_two_and_never_an_image_with_itself():
    y = torch.arange(300) % 10
    chosen = pairs(y, Seeds(0).rng("pairs"), per_class=50, across=400)
    assert chosen.intra.shape == (2, 500)
    assert chosen.inter.shape == (2, 400)
    assert torch.equal(y[chosen.intra[0]], y[chosen.intra[1]])
    assert (chosen.intra[0] != chosen.intra[1]).all()
    assert torch.equal(y[chosen.intra[0]].bincount(), torch.full((10,), 50))
    assert (y[chosen.inter[0]] != y[chosen.inter[1]]).all()
    with pytest.raises(ValueError, match="class 1 has 1 image"):
        pairs(torch.tensor([0, 0, 1]), Seeds(0).rng("pairs"))


def test_distances_and_ratios_by_hand():
    """Two classes at 0 and 10 on a line, their members 1 and 3 apart; covering moves every image by 2."""
    z = torch.tensor([[0.0], [1.0], [10.0], [13.0]])
    chosen = Pairs(torch.tensor([[0, 2], [1, 3]]), torch.tensor([[0, 1], [2, 3]]))
    assert distances(z, z + 2, chosen, euclidean) == (2.0, 11.0, 2.0)
    assert distances(z, z + 2, chosen, mean_square) == (5.0, 122.0, 4.0)
    room = Organisation(2.0, 11.0, 2.0)
    assert room.intra_over_inter == pytest.approx(2 / 11)
    assert room.clean_covered_over_inter == pytest.approx(2 / 11)


def test_principal_axes_are_sklearn_s_up_to_sign():
    z = torch.randn(80, 6, generator=Seeds(0).rng("z"), dtype=torch.float64) * torch.arange(1.0, 7)
    mean, axes, shares = principal_axes(z, 2)
    theirs = PCA(2).fit(z.numpy())
    np.testing.assert_allclose(np.abs((axes @ torch.from_numpy(theirs.components_).T).numpy()), np.eye(2), atol=1e-9)
    np.testing.assert_allclose(shares.numpy(), theirs.explained_variance_ratio_, rtol=1e-9)
    torch.testing.assert_close(mean, z.mean(0))


PAPER = Nights(LatentMix().mixed, LatentMix(memories=0.5, newest=0.5).mixed)


def test_dreams_are_made_of_the_latents_of_the_images():
    net, x, old = small(), images("x"), images("old")
    single, shown, mixed, recalled = dreams(net, x, old, PAPER, Seeds(0).rng("dream"))
    torch.testing.assert_close(recalled, net(x).detach())
    torch.testing.assert_close(single, net.generator(net(x)).detach())
    assert ((shown == single) | (shown == 0)).all()
    noise = torch.randn(5, 6, generator=Seeds(0).rng("dream"))
    wanted = net.generator(0.25 * net(x) + 0.25 * net(old) + 0.5 * noise).detach()
    torch.testing.assert_close(mixed, wanted)


def test_all_losses_are_measured_and_nothing_moves():
    net, x = small(), images("x")
    before = {name: p.clone() for name, p in net.named_parameters()}
    found = losses(net, x, images("old"), PAPER, Seeds(0).rng("losses"))
    assert set(found) == {"image", "kl", "real", "nrem", "fake"}
    assert found["image"] == pytest.approx(reconstruction(net.generator(net(x)), x).item(), rel=1e-6)
    assert all(torch.equal(before[name], p) for name, p in net.named_parameters())
