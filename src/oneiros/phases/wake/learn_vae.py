"""A day of a variational autoencoder (Kingma & Welling 2014, Eq. 10).

Equations: `reconstruction`, `kl_to_standard_normal` in `oneiros.equations.generative`.
Test: `tests/phases/test_generator_phases.py`.
"""

from dataclasses import dataclass

import torch
from torch import Tensor

from oneiros.core import Batch, Brain
from oneiros.equations.generative import kl_to_standard_normal, reconstruction, reparameterise
from oneiros.nets.vae import VAE
from oneiros.phases.wake.backprop_wake import descend


@dataclass(frozen=True, kw_only=True)
class LearnVAE:
    """One step on reconstruction + beta KL, each example counting by the batch's weight.

    Needs a brain whose net has a VAE as its `generator`.

    Attributes:
        beta: weight of the KL term; 1 is the evidence lower bound.
        optim: name of the optimiser in `brain.optim`.
    """

    name = "learn-generator"
    changes = ("generator.",)
    returns = ("reconstruction", "kl")

    beta: float = 1.0
    optim: str = "generator"

    def __call__(self, brain: Brain, batch: Batch, rng: torch.Generator) -> dict[str, Tensor]:
        """Learn one batch."""
        vae = brain.network(VAE, part="generator")
        mean, log_variance = vae.encode(batch.x)
        noise = torch.randn(mean.shape, generator=rng, device=rng.device, dtype=mean.dtype)
        rec = batch.mean(reconstruction(vae.decode(reparameterise(mean, log_variance, noise)), batch.x))
        kl = batch.mean(kl_to_standard_normal(mean, log_variance))
        descend(brain.optimiser(self.optim), rec + self.beta * kl)
        vae.seen += len(batch)
        return {"reconstruction": rec.detach(), "kl": kl.detach()}
