"""Looking at an encoder and a generator: latents of clean and covered images, losses, dreams, latent geometry."""

from collections.abc import Callable, Iterable, Iterator
from typing import NamedTuple

import numpy as np
import torch
from jaxtyping import Float, Int
from torch import Tensor, nn

from oneiros.equations.dreaming import (
    divergence,
    occlusion,
    reconstruction,
    taken_for_external,
    taken_for_internal,
)
from oneiros.measure.probes.accuracy import looking_only
from oneiros.nets.dreaming import SIDE, DreamingNet


def encoded(net: nn.Module, batches: Iterable[Float[Tensor, "_ ..."]]) -> Float[Tensor, "n latent"]:
    """What `net` makes of the inputs, batch by batch."""
    with looking_only(net):
        return torch.cat([net(x) for x in batches])


def covered(
    batches: Iterable[Float[Tensor, "_ channels 32 32"]], probability: float, size: int, rng: torch.Generator
) -> Iterator[Float[Tensor, "_ channels 32 32"]]:
    """The same images with squares set to 0, which is grey: one mask for each image."""
    squares = -(-SIDE // size)
    for x in batches:
        tiles = torch.rand(len(x), squares, squares, generator=rng, device=rng.device).to(x.device)
        yield x * occlusion(tiles, probability, size, (SIDE, SIDE))


Mixing = Callable[[Float[Tensor, "b latent"], Float[Tensor, "b latent"], torch.Generator], Float[Tensor, "b latent"]]
"""Latents of this wake batch and of the previous one, to those that are dreamed of: `LatentMix.mixed`, say."""


class Nights(NamedTuple):
    """What each kind of sleep dreams of; a condition that mixes otherwise is measured on its own mixtures."""

    nrem: Mixing
    rem: Mixing


class Dreams(NamedTuple):
    """What the generator makes of memories, `[b, 3, 32, 32]` in [-1, 1].

    `nrem` and `rem` as in such nights, `shown` as NREM shows its dreams to the encoder, `recalled` the latents
    `[b, latent]` that NREM dreamed of.
    """

    nrem: Tensor
    shown: Tensor
    rem: Tensor
    recalled: Tensor


def dreams(
    net: DreamingNet,
    present: Float[Tensor, "b ..."],
    previous: Float[Tensor, "b ..."],
    nights: Nights,
    rng: torch.Generator,
) -> Dreams:
    """Dreams of two wake batches, mixed as in `nights` and covered by one mask as in one NREM batch."""
    with looking_only(net):
        z, old = net(present), net(previous)
        mixed, recalled = nights.rem(z, old, rng), nights.nrem(z, old, rng)
        probability = torch.rand((), generator=rng, device=rng.device)
        size = torch.randint(1, 9, (), generator=rng, device=rng.device)
        tiles = torch.rand(1, SIDE, SIDE, generator=rng, device=rng.device)
        mask = occlusion(tiles, probability, size, (SIDE, SIDE)).to(z.device)
        dream = net.generator(recalled)
        return Dreams(dream, dream * mask, net.generator(mixed), recalled)


def losses(
    net: DreamingNet,
    present: Float[Tensor, "b ..."],
    previous: Float[Tensor, "b ..."],
    nights: Nights,
    rng: torch.Generator,
) -> dict[str, float]:
    """Every loss of the paper on these images, whether or not the net was trained on it (Appendix 1, Figs. 1 and 2)."""
    with looking_only(net):
        features = net.encoder.features(present)
        z = net.encoder.latents(features)
        _, shown, mixed, recalled = dreams(net, present, previous, nights, rng)
        return {
            "image": float(reconstruction(net.generator(z), present)),
            "kl": float(divergence(z)),
            "real": float(taken_for_external(net.encoder.score(features))),
            "nrem": float(reconstruction(net(shown), recalled)),
            "fake": float(taken_for_internal(net.encoder.score(net.encoder.features(mixed)))),
        }


class Pairs(NamedTuple):
    """Positions of images to compare, `[2, pairs]` each."""

    intra: Tensor  # of one class, as many for every class
    inter: Tensor  # of two classes


def pairs(y: Int[Tensor, " n"], rng: torch.Generator, *, per_class: int = 1000, across: int = 10_000) -> Pairs:
    """Random pairs as in the paper: 1,000 within each class, 10,000 across classes."""
    y = y.cpu()
    within = []
    for label in y.unique():
        members = (y == label).nonzero().flatten()
        if len(members) < 2:
            raise ValueError(f"class {int(label)} has {len(members)} image; expected at least 2 to compare")
        first = torch.randint(len(members), (per_class,), generator=rng, device=rng.device).cpu()
        # Another one: 1 to n - 1 places further on.
        further = torch.randint(1, len(members), (per_class,), generator=rng, device=rng.device).cpu()
        within.append(torch.stack([members[first], members[(first + further) % len(members)]]))
    drawn = torch.randint(len(y), (2, 4 * across), generator=rng, device=rng.device).cpu()
    strangers = drawn[:, y[drawn[0]] != y[drawn[1]]][:, :across]
    return Pairs(torch.cat(within, 1), strangers)


Distance = Callable[[np.ndarray, np.ndarray], float]


def distances(
    z: Float[Tensor, "n latent"], z_covered: Float[Tensor, "n latent"], chosen: Pairs, distance: Distance
) -> tuple[float, float, float]:
    """Mean distance within classes, between classes, and between the latents of clean and covered images."""
    clean, hidden = z.cpu().double().numpy(), z_covered.cpu().double().numpy()
    intra, inter = (distance(clean[a], clean[b]) for a, b in (side.numpy() for side in chosen))
    return intra, inter, distance(clean, hidden)


def principal_axes(z: Float[Tensor, "n latent"], count: int) -> tuple[Float[Tensor, " latent"], Tensor, Tensor]:
    """PCA: the mean, the first `count` axes `[count, latent]`, and the share of the variance that each explains.

    The sign of an axis is free; here its largest entry is positive.
    """
    mean = z.mean(0)
    values, vectors = torch.linalg.eigh((z - mean).double().T.cov())
    axes = vectors.flip(1).T[:count]
    largest = axes.gather(1, axes.abs().argmax(1, keepdim=True))
    return mean, (axes * largest.sign()).to(z.dtype), (values.flip(0)[:count] / values.sum()).to(z.dtype)
