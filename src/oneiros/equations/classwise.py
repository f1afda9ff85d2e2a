r"""A Gaussian for each class: Mahalanobis distances, and what makes them comparable with few examples (FeCAM).

Goswami, Liu, Twardowski & van de Weijer 2023, "FeCAM: exploiting the heterogeneity of class distributions in
exemplar-free continual learning": features through Tukey's ladder (Eq. 9), covariances shrunk by their mean variance
and mean covariance (Eq. 8), then normalised to correlations (Eq. 7), and the class of least squared Mahalanobis
distance wins (Eq. 5). Without normalisation the log determinant belongs to the score (quadratic discriminant analysis).
"""

import torch
from jaxtyping import Float
from torch import Tensor


def tukey(x: Float[Tensor, "*n d"], power: float) -> Float[Tensor, "*n d"]:
    """Tukey's ladder of powers, for features of either sign: sign(x) |x|^power.

    >>> tukey(torch.tensor([4.0, -9.0, 0.0]), 0.5)
    tensor([ 2., -3.,  0.])
    """
    return x.sign() * x.abs().pow(power)


def mean_shrunk(
    covariance: Float[Tensor, "*c d d"], variance: float, covariation: float
) -> Float[Tensor, "*c d d"]:  # fmt: skip
    """FeCAM Eq. 8: S + g1 V1 I + g2 V2 (1 - I); V1 mean of the diagonal, V2 of the rest, g1 and g2 the two amounts.

    >>> mean_shrunk(torch.tensor([[3.0, 1.0], [1.0, 1.0]]), 1.0, 0.5)
    tensor([[5.0000, 1.5000],
            [1.5000, 3.0000]])
    """
    d = covariance.shape[-1]
    diagonal = covariance.diagonal(dim1=-2, dim2=-1)
    off = (covariance.sum((-2, -1)) - diagonal.sum(-1)) / max(d * (d - 1), 1)
    added = (covariation * off)[..., None, None].expand_as(covariance).clone()
    added.diagonal(dim1=-2, dim2=-1).copy_((variance * diagonal.mean(-1))[..., None].expand_as(diagonal))
    return covariance + added


def correlation(covariance: Float[Tensor, "*c d d"]) -> Float[Tensor, "*c d d"]:
    """FeCAM Eq. 7: S_ij / (s_i s_j).

    >>> correlation(torch.tensor([[4.0, 1.0], [1.0, 1.0]]))
    tensor([[1.0000, 0.5000],
            [0.5000, 1.0000]])
    """
    spread = covariance.diagonal(dim1=-2, dim2=-1).sqrt()
    return covariance / (spread[..., :, None] * spread[..., None, :])


def squared_mahalanobis(
    x: Float[Tensor, "n d"], means: Float[Tensor, "classes d"], whitening: Float[Tensor, "classes d d"]
) -> Float[Tensor, "n classes"]:
    """|A_c (x - m_c)|^2 for each class, with A_c'A_c the inverse of its covariance.

    >>> squared_mahalanobis(torch.tensor([[2.0]]), torch.tensor([[0.0], [1.0]]), torch.tensor([[[0.5]], [[1.0]]]))
    tensor([[1., 1.]])
    """
    columns = [((x - m) @ a.T).square().sum(1) for m, a in zip(means, whitening, strict=True)]
    return torch.stack(columns, 1)
