"""Rules that choose a shrinkage or a penalty from the sums alone. Equations: `oneiros.equations.shrinkage`."""

import math
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

import torch
from jaxtyping import Float
from torch import Tensor

from oneiros.equations.ridge import residuals
from oneiros.equations.shrinkage import (
    generalised_cross_validation,
    oracle_approximating,
    ridge_evidence,
    wishart_evidence,
)

AMOUNTS = (1e-3, 3e-3, 1e-2, 3e-2, 0.1, 0.3)
PENALTIES = (1e-5, 1e-4, 1e-3, 1e-2, 1e-1)


@runtime_checkable
class Shrinkage(Protocol):
    """Chooses how much a covariance is shrunk."""

    def __call__(self, covariance: Float[Tensor, "d d"], n: float) -> float:
        """Amount from 0 to 1, for a covariance from n degrees of freedom."""
        ...


@runtime_checkable
class Penalty(Protocol):
    """Chooses a ridge's penalty."""

    def __call__(
        self, gram: Float[Tensor, "d d"], cross: Float[Tensor, "d classes"], counts: Float[Tensor, " classes"]
    ) -> float:
        """Penalty relative to the mean of the diagonal of X'X."""
        ...


@dataclass(frozen=True)
class OracleApproximating:
    """The amount that brings a Gaussian's covariance nearest to the true one (Chen et al. 2010), at least `least`."""

    least: float = 1e-3

    def __call__(self, covariance: Float[Tensor, "d d"], n: float) -> float:
        """In closed form."""
        return max(oracle_approximating(covariance, n), self.least)


@dataclass(frozen=True)
class LikeliestCovariance:
    """The amount under which the examples are the likeliest, by an inverse Wishart prior; one factorisation for each.

    Attributes:
        amounts: candidates. An amount a stands for a prior of nu = a n / (1 - a) examples, which needs nu > d - 1:
            a prior of fewer than the features says nothing of a covariance, so smaller amounts are left out.
    """

    amounts: tuple[float, ...] = AMOUNTS

    def __call__(self, covariance: Float[Tensor, "d d"], n: float) -> float:
        """The best of the candidates."""
        d, scale = len(covariance), float(covariance.diagonal().mean())
        found: dict[float, float] = {}
        for amount in self.amounts:
            nu = amount * n / (1 - amount)
            if nu > d - 1:
                posterior = n * covariance + nu * scale * torch.eye(d, dtype=covariance.dtype)
                prior = d * math.log(nu * scale)
                found[amount] = wishart_evidence(_log_det(posterior), prior, n=n, nu=nu, d=d)
        return max(found, key=found.__getitem__) if found else max(self.amounts)


@dataclass(frozen=True)
class ByEvidence:
    """The penalty under which the targets are the likeliest (Bishop 2006, 3.5); one factorisation for each.

    Attributes:
        penalties: candidates.
    """

    penalties: tuple[float, ...] = PENALTIES

    def __call__(
        self, gram: Float[Tensor, "d d"], cross: Float[Tensor, "d classes"], counts: Float[Tensor, " classes"]
    ) -> float:
        """The best of the candidates."""
        found: dict[float, float] = {}
        n, d = float(counts.sum()), len(gram)
        for relative in self.penalties:
            penalty, lower, failed = _penalised(gram, relative)
            if failed:
                continue
            left = residuals(counts, cross, torch.cholesky_solve(cross, lower)).clamp(min=1e-12)
            log_det = 2 * float(lower.diagonal().log().sum())
            found[relative] = float(ridge_evidence(left, log_det, penalty=penalty, n=n, d=d).sum())
        return max(found, key=found.__getitem__) if found else max(self.penalties)


@dataclass(frozen=True)
class ByCrossValidation:
    """The penalty of least generalised cross-validation error: leave-one-out from the sums.

    Attributes:
        penalties: candidates; one factorisation and one inverse for each.
    """

    penalties: tuple[float, ...] = PENALTIES

    def __call__(
        self, gram: Float[Tensor, "d d"], cross: Float[Tensor, "d classes"], counts: Float[Tensor, " classes"]
    ) -> float:
        """The best of the candidates."""
        found: dict[float, float] = {}
        n, d = float(counts.sum()), len(gram)
        for relative in self.penalties:
            penalty, lower, failed = _penalised(gram, relative)
            if failed:
                continue
            weights = torch.cholesky_solve(cross, lower)
            squared = residuals(counts, cross, weights) - penalty * weights.square().sum(0)
            trace = float(torch.cholesky_inverse(lower).diagonal().sum())
            effective = min(1 + d - penalty * trace, 0.999 * n)  # 1 is the intercept
            found[relative] = float(generalised_cross_validation(squared, effective, n).sum())
        return min(found, key=found.__getitem__) if found else max(self.penalties)


def _penalised(gram: Float[Tensor, "d d"], relative: float) -> tuple[float, Float[Tensor, "d d"], bool]:
    """The penalty itself, the Cholesky factor of X'X with it, and whether there is none.

    There is none where the penalty is smaller than the rounding of products in single precision: with fewer examples
    than features, X'X alone is then not positive.
    """
    penalty = relative * float(gram.diagonal().mean())
    whole = gram.clone()
    whole.diagonal().add_(penalty)
    lower, failed = torch.linalg.cholesky_ex(whole)
    return penalty, lower, bool(failed)


def _log_det(matrix: Float[Tensor, "d d"]) -> float:
    return 2 * float(torch.linalg.cholesky(matrix).diagonal().log().sum())
