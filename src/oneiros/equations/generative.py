r"""Losses of generative models: the variational autoencoder and the Wasserstein GAN with gradient penalty."""

from collections.abc import Callable

import torch
from jaxtyping import Float
from torch import Tensor
from torch.nn.functional import binary_cross_entropy_with_logits


def reconstruction(logits: Float[Tensor, "n ..."], x: Float[Tensor, "n ..."]) -> Float[Tensor, " n"]:
    """`-log p(x | z)` in nats for pixels in [0, 1] as Bernoulli means (Kingma & Welling 2014, appendix C.1).

    >>> reconstruction(torch.zeros(1, 2), torch.ones(1, 2))
    tensor([1.3863])
    """
    return binary_cross_entropy_with_logits(logits, x, reduction="none").flatten(1).sum(1)


def kl_to_standard_normal(
    mean: Float[Tensor, "n latent"], log_variance: Float[Tensor, "n latent"]
) -> Float[Tensor, " n"]:
    """KL(N(mean, exp(log_variance)) || N(0, 1)) in nats (Kingma & Welling 2014, appendix B).

    >>> kl_to_standard_normal(torch.tensor([[1.0, 0.0]]), torch.zeros(1, 2))
    tensor([0.5000])
    """
    return 0.5 * (log_variance.exp() + mean.square() - 1 - log_variance).sum(1)


def reparameterise(
    mean: Float[Tensor, "n latent"], log_variance: Float[Tensor, "n latent"], noise: Float[Tensor, "n latent"]
) -> Float[Tensor, "n latent"]:
    """`z = mean + exp(log_variance / 2) * noise` (Kingma & Welling 2014, section 2.4).

    >>> reparameterise(torch.ones(1, 1), torch.zeros(1, 1), torch.tensor([[3.0]]))
    tensor([[4.]])
    """
    return mean + (log_variance / 2).exp() * noise


def gradient_penalty(
    critic: Callable[[Tensor], Tensor],
    real: Float[Tensor, "n ..."],
    fake: Float[Tensor, "n ..."],
    mix: Float[Tensor, " n"],
) -> Float[Tensor, " n"]:
    r"""`(||grad_x D(x_hat)||_2 - 1)^2` at `x_hat = mix real + (1 - mix) fake` (Gulrajani et al. 2017, Eq. 3).

    Differentiable with respect to the critic's weights. Of a linear critic the gradient is its weight vector:

    >>> weight = torch.tensor([3.0, 4.0])
    >>> gradient_penalty(lambda x: x @ weight, torch.zeros(1, 2), torch.ones(1, 2), torch.tensor([0.5]))
    tensor([16.])
    """
    mix = mix.view(-1, *[1] * (real.ndim - 1))
    between = (mix * real + (1 - mix) * fake).detach().requires_grad_()
    with torch.enable_grad():
        (gradient,) = torch.autograd.grad(critic(between).sum(), between, create_graph=True)
    return (gradient.flatten(1).norm(dim=1) - 1).square()
