r"""How much to shrink a covariance, and how much to penalise a ridge, from the sums alone: no example is held out.

A covariance S of d features is mixed with the identity, (1 - a) S + a (tr S / d) I. Its amount a follows from the
spread of the eigenvalues (`oracle_approximating`), or is the one under which the examples are the most likely
(`wishart_evidence`). A ridge's penalty minimises `generalised_cross_validation`, which is leave-one-out with the
leverages replaced by their mean, or maximises `ridge_evidence`.
"""

import math

import torch
from jaxtyping import Float
from torch import Tensor


def shrunk(covariance: Float[Tensor, "d d"], amount: float) -> Float[Tensor, "d d"]:
    """(1 - a) S + a (tr S / d) I.

    >>> shrunk(torch.tensor([[3.0, 1.0], [1.0, 1.0]]), 0.5)
    tensor([[2.5000, 0.5000],
            [0.5000, 1.5000]])
    """
    mixed = (1 - amount) * covariance
    mixed.diagonal().add_(amount * covariance.diagonal().mean())
    return mixed


def oracle_approximating(covariance: Float[Tensor, "d d"], n: float) -> float:
    """Amount a by Chen, Wiesel, Eldar & Hero 2010, Eq. 23: the nearest to a Gaussian's covariance from n examples.

    >>> oracle_approximating(torch.eye(3), 10.0)  # nothing but the identity to be seen
    1.0
    """
    d = len(covariance)
    squares, trace = float(covariance.square().sum()), float(covariance.diagonal().sum())
    spread = (n + 1 - 2 / d) * (squares - trace**2 / d)
    return min(1.0, ((1 - 2 / d) * squares + trace**2) / spread) if spread > 0 else 1.0


def wishart_evidence(log_det: float, log_det_prior: float, *, n: float, nu: float, d: int) -> float:
    r"""Log likelihood of n centred Gaussian examples whose covariance is inverse Wishart, up to a constant in nu.

    With prior scale P and nu > d - 1 degrees of freedom (Gelman et al. 2013, 3.6), and W the scatter,
    log p = nu/2 log|P| - (nu + n)/2 log|P + W| + log G_d((nu + n)/2) - log G_d(nu/2), G_d the multivariate gamma.

    Args:
        log_det: log|P + W|.
        log_det_prior: log|P|.
        n: degrees of freedom of W.
        nu: of the prior.
        d: features.

    >>> round(wishart_evidence(math.log(2.0), 0.0, n=2.0, nu=2.0, d=1), 4)  # P = W = 1: log(1 / 2^2) + log(1! / 0!)
    -1.3863
    """
    gammas = torch.special.multigammaln(torch.tensor([(nu + n) / 2, nu / 2], dtype=torch.float64), d)
    return nu / 2 * log_det_prior - (nu + n) / 2 * log_det + float(gammas[0] - gammas[1])


def generalised_cross_validation(
    residual: Float[Tensor, " classes"], effective: float, n: float
) -> Float[Tensor, " classes"]:
    """GCV (Golub, Heath & Wahba 1979): mean squared residual over (1 - effective / n)^2.

    Args:
        residual: sums of squared residuals, one a column of targets.
        effective: trace of the hat matrix, parameters that the fit really has.
        n: examples.

    >>> generalised_cross_validation(torch.tensor([8.0]), 2.0, 4.0)
    tensor([8.])
    """
    return residual / n / (1 - effective / n) ** 2


def ridge_evidence(
    residual: Float[Tensor, " classes"], log_det: float, *, penalty: float, n: float, d: int
) -> Float[Tensor, " classes"]:
    r"""Log likelihood of targets whose weights are N(0, sigma^2 / penalty), sigma^2 at its best, up to a constant.

    -(n/2) log(q) - (log|G + penalty I| - d log penalty) / 2, with q = y'y - y'X (G + penalty I)^-1 X'y and G = X'X
    (Bishop 2006, 3.5.1, with sigma^2 maximised out).

    Args:
        residual: q, one a column of targets.
        log_det: log|G + penalty I|.
        penalty: see above.
        n: examples.
        d: features.

    >>> ridge_evidence(torch.tensor([1.0]), math.log(2.0), penalty=1.0, n=2.0, d=1)
    tensor([-0.3466])
    """
    return -n / 2 * residual.log() - (log_det - d * math.log(penalty)) / 2
