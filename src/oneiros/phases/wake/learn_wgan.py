"""A day of a Wasserstein GAN with gradient penalty (Gulrajani et al. 2017, algorithm 1), the generator of Shin et al.

Equation: `oneiros.equations.generative.gradient_penalty`. Test: `tests/phases/test_generator_phases.py`.
"""

from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor

from oneiros.core import Batch, Brain
from oneiros.equations.generative import gradient_penalty
from oneiros.nets.wgan import WGAN
from oneiros.phases.wake.backprop_wake import descend


@dataclass(frozen=True, kw_only=True)
class LearnWGAN:
    """One step of the critic on each batch, and one of the painter after every `critic_steps` of them.

    Examples count by the batch's weight. Needs a brain whose net has a WGAN as its `generator`.

    Attributes:
        penalty: lambda (Gulrajani et al.: 10).
        critic_steps: critic updates for one of the painter (Gulrajani et al.: 5).
        lazy: the penalty is taken on every `lazy`-th critic update, that many times as heavy
            (Karras et al. 2020, "lazy regularization"); 1 takes it always, as published.
        painter, critic: names of the optimisers in `brain.optim`.
    """

    name = "learn-generator"
    changes = ("generator.painter.", "generator.critic.")
    returns = ("wasserstein",)

    penalty: float = 10.0
    critic_steps: int = 3  # Gulrajani et al.: 5; Shin et al. do not say; ours: 3, with the time better spent on batches
    lazy: int = 3
    painter: str = "generator"
    critic: str = "critic"

    def __post_init__(self) -> None:
        if self.critic_steps < 1 or self.lazy < 1 or self.penalty < 0:
            raise ValueError(f"{self}: expected critic_steps >= 1, lazy >= 1 and penalty >= 0")

    def __call__(self, brain: Brain, batch: Batch, rng: torch.Generator) -> dict[str, Tensor]:
        """Learn one batch."""
        wgan = brain.network(WGAN, part="generator")
        # Batch statistics while it paints to learn, whatever mode the brain is in; put back afterwards.
        training = wgan.painter.training
        wgan.painter.train()
        updates = int(wgan.updates)
        distance = self._criticise(brain, wgan, batch, rng, penalise=updates % self.lazy == 0)
        if updates % self.critic_steps == self.critic_steps - 1:
            z = wgan.noise(len(batch), rng)
            descend(brain.optimiser(self.painter), -wgan.judge(wgan.paint(z)).mean())
        wgan.painter.train(training)
        wgan.updates += 1
        wgan.seen += len(batch)
        return {"wasserstein": distance}

    def _criticise(
        self, brain: Brain, wgan: WGAN, batch: Batch, rng: torch.Generator, *, penalise: bool
    ) -> Float[Tensor, ""]:
        with torch.no_grad():
            fake = wgan.paint(wgan.noise(len(batch), rng))
        distance = batch.mean(wgan.judge(batch.x)) - wgan.judge(fake).mean()
        loss = -distance
        if penalise:
            mix = torch.rand(len(batch), generator=rng, device=rng.device)
            loss = loss + self.lazy * self.penalty * batch.mean(gradient_penalty(wgan.judge, batch.x, fake, mix))
        descend(brain.optimiser(self.critic), loss)
        return distance.detach()
