"""Wake of perturbed and adversarial dreaming (Deperrois et al. 2022, Eqs. 1-5; Algorithm 1, "Wake").

Equations: `oneiros.equations.dreaming`. Test: `tests/phases/test_dreaming.py`.
"""

from dataclasses import dataclass
from typing import Literal, get_args

import torch
from torch import Tensor

from oneiros.core import Batch, Brain
from oneiros.equations.dreaming import divergence, reconstruction, taken_for_external
from oneiros.memory.recent_latents import RecentLatents
from oneiros.nets.dreaming import DreamingNet

Loss = Literal["image", "kl", "real"]
MOVES: dict[Loss, tuple[str, ...]] = {
    "image": ("encoder.trunk.", "encoder.latent.", "generator."),
    "kl": ("encoder.trunk.", "encoder.latent."),
    "real": ("encoder.trunk.", "encoder.judge."),
}


@dataclass(frozen=True, kw_only=True)
class DreamingWake:
    """Encode images, reconstruct them, judge them as external, and store their latents.

    Needs a `DreamingNet`, images in [-1, 1] and a `RecentLatents` memory. All losses are summed and go backward once
    (published: one after the other, into the same gradients). Parameters that no loss reaches do not move.

    Attributes:
        losses: which terms; leave "real" out where there is no REM to pose the opposite target (authors' code).
        noise: sd of Gaussian noise added to z on its way to the generator, not in the KL term; 0 for none.
        encoder, generator: names of the optimisers.
        memory: name of the memory that stores z as it was before the step.
    """

    name = "dreaming-wake"

    losses: tuple[Loss, ...] = ("image", "kl", "real")
    noise: float = 0.0
    encoder: str = "encoder"
    generator: str = "generator"
    memory: str = "latents"

    def __post_init__(self) -> None:
        known = get_args(Loss)
        if not self.losses or len(set(self.losses)) < len(self.losses) or not set(self.losses) <= set(known):
            raise ValueError(f"DreamingWake.losses is {self.losses}; expected some of {known}, each once")
        if self.noise < 0:
            raise ValueError(f"DreamingWake.noise is {self.noise}; expected a standard deviation of at least 0")

    @property
    def changes(self) -> tuple[str, ...]:
        """What its losses reach."""
        return tuple(dict.fromkeys(prefix for loss in self.losses for prefix in MOVES[loss]))

    @property
    def returns(self) -> tuple[str, ...]:
        """Each loss."""
        return self.losses

    def __call__(self, brain: Brain, batch: Batch, rng: torch.Generator) -> dict[str, Tensor]:
        """Live through one batch of images."""
        net, x = brain.network(DreamingNet), batch.unweighted().x
        memory = brain.remembers(self.memory, RecentLatents)
        optimisers = [brain.optimiser(name) for name in (self.encoder, self.generator)]
        for optimiser in optimisers:
            optimiser.zero_grad()
        features = net.encoder.features(x)
        z = net.encoder.latents(features)
        terms: dict[str, Tensor] = {}
        for loss in self.losses:
            if loss == "image":
                terms[loss] = reconstruction(net.generator(self._disturbed(z, rng)), x)
            elif loss == "kl":
                terms[loss] = divergence(z)
            else:
                terms[loss] = taken_for_external(net.encoder.score(features))
        torch.stack(list(terms.values())).sum().backward()
        for optimiser in optimisers:
            optimiser.step()
        memory.store(Batch(x=z.detach()), rng)
        return {loss: value.detach() for loss, value in terms.items()}

    def _disturbed(self, z: Tensor, rng: torch.Generator) -> Tensor:
        if not self.noise:
            return z
        noise = torch.randn(z.shape, generator=rng, device=rng.device, dtype=z.dtype)
        return z + self.noise * noise.to(z.device)
