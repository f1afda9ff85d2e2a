r"""Features learned without labels: whitened patches, spherical k-means, a two-sided threshold, pooling.

After Coates, Lee & Ng 2011, "An analysis of single-layer networks in unsupervised feature learning", and Coates & Ng
2012, "Learning feature representations with k-means". A patch p is normalised, (p - mean) / sqrt(var + e), whitened by
W = V (L + a mean(L))^-1/2 V' of the patches' covariance V L V', and compared with unit-length centroids D. Its features
are relu(z - t) and relu(-z - t), z = D W (p - m), averaged over the patches of each cell of a grid.
"""

from typing import NamedTuple

import torch
from jaxtyping import Float
from torch import Tensor
from torch.nn.functional import adaptive_avg_pool2d, normalize, unfold


class Patching(NamedTuple):
    """How an image is looked at.

    Attributes:
        side: of a patch, in pixels.
        stride: between patches.
        damping: e.
        threshold: t.
        grid: cells across, and down.
    """

    side: int
    stride: int
    damping: float | Tensor
    threshold: float
    grid: int


def normalised(patches: Float[Tensor, "n p"], damping: float | Tensor) -> Float[Tensor, "n p"]:
    """Each patch less its mean, over the root of its variance and the damping e.

    >>> normalised(torch.tensor([[1.0, 3.0]]), 0.0)
    tensor([[-1.,  1.]])
    """
    centred = patches - patches.mean(1, keepdim=True)
    return centred / (centred.square().mean(1, keepdim=True) + damping).sqrt()


def whitening(patches: Float[Tensor, "n p"], amount: float) -> Float[Tensor, "p p"]:
    """W = V (L + a mean(L))^-1/2 V'.

    >>> whitening(torch.tensor([[2.0], [-2.0]]).double(), 0.0)  # variance 8 over n - 1 = 1
    tensor([[0.3536]], dtype=torch.float64)
    """
    values, vectors = torch.linalg.eigh(torch.atleast_2d(patches.T.cov()))
    return (vectors / (values + amount * values.mean()).sqrt()) @ vectors.T


def spherical_round(patches: Float[Tensor, "n p"], centroids: Float[Tensor, "k p"]) -> Float[Tensor, "k p"]:
    """One round of spherical k-means: c_k <- the direction of sum s z over the patches z that it answers most to.

    s is the answer c_k'z itself, with its sign (Coates & Ng 2012, 3.1). A centroid that nobody chose stays.

    >>> spherical_round(torch.tensor([[3.0, 4.0], [-3.0, -4.0]]), torch.tensor([[1.0, 0.0]]))
    tensor([[0.6000, 0.8000]])
    """
    answers = patches @ centroids.T
    best = answers.abs().argmax(1, keepdim=True)
    weighted = patches * answers.gather(1, best)
    moved = torch.zeros_like(centroids).index_add_(0, best[:, 0], weighted)
    chosen = torch.bincount(best[:, 0], minlength=len(centroids)) > 0
    return torch.where(chosen[:, None], normalize(moved), centroids)


def pooled_answers(
    x: Float[Tensor, "n c h w"], filters: Float[Tensor, "k p"], bias: Float[Tensor, " k"], how: Patching
) -> Float[Tensor, "n d"]:  # fmt: skip
    """Features [relu(z - t), relu(-z - t)] of every patch, averaged in each cell: d = cells x 2k, cells outermost.

    `oneiros.equations.compiled.patches.pooled_answers` is the same, compiled.

    >>> image = torch.tensor([[[[0.0, 2.0], [4.0, 2.0]]]])  # one patch: (-2, 0, 2, 0) over the root of 2
    >>> first = torch.tensor([[1.0, 0.0, 0.0, 0.0]])
    >>> pooled_answers(image, first, torch.zeros(1), Patching(2, 1, damping=0.0, threshold=0.25, grid=1))
    tensor([[0.0000, 1.1642]])
    """
    n, _, h, w = x.shape
    high, wide = (h - how.side) // how.stride + 1, (w - how.side) // how.stride + 1
    patches = unfold(x, how.side, stride=how.stride).transpose(1, 2).flatten(0, 1)
    z = (normalised(patches, how.damping) @ filters.T + bias).view(n, high, wide, -1).permute(0, 3, 1, 2)
    sides = torch.cat([(z - how.threshold).relu(), (-z - how.threshold).relu()], 1)
    return adaptive_avg_pool2d(sides, how.grid).permute(0, 2, 3, 1).flatten(1)
