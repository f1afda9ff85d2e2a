"""Heads that are solved from moments: discriminant analysis, ridge regression, class means, a Gaussian for each class.

Each is an object for `ExactNight(head=...)`. Features are standardised inside (`_scales`), by the sums alone, so that
neither their units nor the order of the stream matter. Test: `tests/phases/test_exact_night.py`.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Protocol, runtime_checkable

import torch
from jaxtyping import Float
from torch import Tensor
from torch.nn.functional import normalize

from oneiros.equations.classwise import correlation, mean_shrunk
from oneiros.equations.discriminant import linear_discriminant
from oneiros.equations.moments import between_rows
from oneiros.equations.ridge import cross_moments, ridge_bias, ridge_weights
from oneiros.equations.shrinkage import shrunk
from oneiros.memory.moments import ClassMoments, Moments
from oneiros.phases.night.shrinkages import ByEvidence, OracleApproximating, Penalty, Shrinkage


@dataclass(frozen=True)
class Solved:
    """A head, as parameters by name for the module that the night writes to, and how much was shrunk."""

    parameters: Mapping[str, Tensor]
    shrinkage: float


@runtime_checkable
class Head(Protocol):
    """What an exact night solves."""

    def solve(self, moments: Moments, classes: int) -> Solved:
        """Parameters of a head with `classes` scores; a class that was never seen scores -inf."""
        ...


def _scales(scatter: Float[Tensor, "d d"]) -> Float[Tensor, " d"]:
    """What each feature is divided by: the root of its scatter, so that units do not matter; 1 where it is constant."""
    spread = scatter.diagonal().clamp(min=0).sqrt()
    return torch.where(spread > 0, spread, 1.0)


def _seen(moments: Moments) -> Tensor:
    return torch.tensor(moments.classes, device=moments.means.device)


def _linear(seen: Tensor, weight: Tensor, bias: Tensor, classes: int, shrinkage: float) -> Solved:
    """Weights of a linear layer, from those of the classes that were seen."""
    whole = weight.new_zeros(classes, weight.shape[1])
    offsets = weight.new_full((classes,), -torch.inf)
    whole[seen], offsets[seen] = weight, bias
    return Solved({"weight": whole, "bias": offsets}, shrinkage)


@dataclass(frozen=True, kw_only=True)
class Lda:
    """Linear discriminant analysis: the limit of category replay with one covariance (`equations.discriminant`).

    Attributes:
        shrinkage: how much the covariance is shrunk: a number from 0 to 1, or a rule.
        priors: whether classes count as often as they came; by default all alike.
    """

    shrinkage: float | Shrinkage = field(default_factory=OracleApproximating)
    priors: bool = False

    def solve(self, moments: Moments, classes: int) -> Solved:
        """Weights and biases of a linear layer."""
        seen, scatter = _seen(moments), moments.within()
        freedom = max(moments.freedom, 1.0)
        scales = _scales(scatter / freedom)
        covariance = scatter / scales[:, None] / scales / freedom
        amount = self.shrinkage if isinstance(self.shrinkage, float | int) else self.shrinkage(covariance, freedom)
        counts, means = moments.counts[seen], moments.means[seen]
        centre = means.mean(0)  # scores of all classes shift alike, and products stay small
        log_priors = (counts / counts.sum()).log() if self.priors else torch.zeros_like(counts)
        weight, bias = linear_discriminant((means - centre) / scales, shrunk(covariance, amount), log_priors)
        weight = weight / scales
        return _linear(seen, weight, bias - weight @ centre, classes, amount)


@dataclass(frozen=True, kw_only=True)
class Ridge:
    """Ridge regression on one-hot targets (`equations.ridge`).

    Attributes:
        penalty: relative to the mean of the diagonal of X'X: a number, or a rule.
    """

    penalty: float | Penalty = field(default_factory=ByEvidence)

    def solve(self, moments: Moments, classes: int) -> Solved:
        """Weights and biases of a linear layer."""
        seen, within = _seen(moments), moments.within()
        counts, means = moments.counts[seen], moments.means[seen]
        rows = between_rows(counts, means)
        gram = within + rows.T @ rows
        scales = _scales(gram)
        gram = gram / scales[:, None] / scales
        cross = cross_moments(counts, means) / scales[:, None]
        relative = self.penalty if isinstance(self.penalty, float | int) else self.penalty(gram, cross, counts)
        weights = ridge_weights(gram, cross, relative * float(gram.diagonal().mean())) / scales[:, None]
        return _linear(seen, weights.T.contiguous(), ridge_bias(counts, means, weights), classes, relative)


@dataclass(frozen=True, kw_only=True)
class ClassMeans:
    """The class whose mean is nearest (Mensink et al. 2013), as a linear layer: w = m, b = -|m|^2 / 2."""

    def solve(self, moments: Moments, classes: int) -> Solved:
        """Weights and biases of a linear layer."""
        seen = _seen(moments)
        means = moments.means[seen]
        centre = means.mean(0)
        weight = means - centre
        return _linear(seen, weight, -weight.square().sum(1) / 2 - weight @ centre, classes, 1.0)


@dataclass(frozen=True, kw_only=True)
class Gaussians:
    """A Gaussian for each class (quadratic discriminant analysis), for a `GaussianHead`; needs a `ClassMoments` memory.

    Attributes:
        pooled: share of the covariance of all classes in each class's.
        shrinkage: of the mixture, towards the identity.
    """

    pooled: float = 0.5
    shrinkage: float = 0.1

    def solve(self, moments: Moments, classes: int) -> Solved:
        """Means, whitening and bias of every class."""
        common = moments.within() / max(moments.freedom, 1.0)

        def shaped(own: Tensor) -> tuple[Tensor, Tensor]:
            lower = torch.linalg.cholesky(shrunk((1 - self.pooled) * own + self.pooled * common, self.shrinkage))
            return lower, -lower.diagonal().log().sum()

        return Solved(_of_each_class(moments, classes, shaped), self.shrinkage)


@dataclass(frozen=True, kw_only=True)
class Fecam:
    """FeCAM's classifier (`equations.classwise`), for a `GaussianHead(directions=True)`; needs a `ClassMoments` memory.

    Attributes:
        variance, covariation: shrinkage by the class's mean variance and mean covariance (authors: 1 and 1).
    """

    variance: float = 1.0
    covariation: float = 1.0

    def solve(self, moments: Moments, classes: int) -> Solved:
        """Means of length 1, whitening and bias of every class."""

        def shaped(own: Tensor) -> tuple[Tensor, Tensor]:
            lower = torch.linalg.cholesky(correlation(mean_shrunk(own, self.variance, self.covariation)))
            return lower, own.new_zeros(())

        found = _of_each_class(moments, classes, shaped)
        return Solved(found | {"means": normalize(found["means"])}, self.variance)


def _of_each_class(
    moments: Moments, classes: int, shaped: Callable[[Tensor], tuple[Tensor, Tensor]]
) -> dict[str, Tensor]:  # fmt: skip
    """Parameters of a `GaussianHead`; `shaped` makes of a covariance a Cholesky factor and what is added to scores."""
    if not isinstance(moments, ClassMoments):
        raise TypeError(f"a Gaussian for each class needs a ClassMoments memory, got {type(moments).__name__}")
    d = moments.means.shape[1]
    identity = torch.eye(d, dtype=torch.float64, device=moments.means.device)
    whitening = torch.zeros(classes, d, d, dtype=torch.float64, device=moments.means.device)
    means, bias = moments.means.new_zeros(classes, d), moments.means.new_full((classes,), -torch.inf)
    for label in moments.classes:
        # A class that was seen once has no scatter of its own: only what is pooled or shrunk shapes it.
        lower, bias[label] = shaped(moments.scatter(label) / max(float(moments.counts[label]) - 1, 1.0))
        whitening[label] = torch.linalg.solve_triangular(lower, identity, upper=False)
        means[label] = moments.means[label]
    return {"means": means, "whitening": whitening, "bias": bias}
