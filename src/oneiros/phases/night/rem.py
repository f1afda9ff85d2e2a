"""REM: adversarial dreaming (Deperrois et al. 2022, Eqs. 7 and 8; Algorithm 1, "REM sleep").

Equations: `oneiros.equations.dreaming`. Test: `tests/phases/test_dreaming.py`.
"""

from dataclasses import dataclass

import torch
from torch import Tensor

from oneiros.core import Brain
from oneiros.equations.dreaming import reverse_gradient, taken_for_internal
from oneiros.memory.recent_latents import RecentLatents
from oneiros.nets.dreaming import DreamingNet
from oneiros.phases.night.latent_mix import LatentMix


@dataclass(frozen=True, kw_only=True)
class Rem:
    """Dream of mixed memories and noise; the encoder learns to call that internal, the generator to deny it.

    Needs a `DreamingNet` and a `RecentLatents` memory. Both pathways step at once from one backward pass; the
    generator ascends the very loss that the encoder descends (the saturating one), without label smoothing.

    Attributes:
        replay: what is dreamed of; paper: half memories, of these half from this wake batch, half noise.
        encoder, generator: names of the optimisers.
        memory: name of the memory to recall from.
    """

    name = "rem"
    changes = ("encoder.trunk.", "encoder.judge.", "generator.")
    returns = ("rem",)

    replay: LatentMix = LatentMix(memories=0.5, newest=0.5)
    encoder: str = "encoder"
    generator: str = "generator"
    memory: str = "latents"

    def __call__(self, brain: Brain, rng: torch.Generator) -> dict[str, Tensor]:
        """Dream once."""
        net = brain.network(DreamingNet)
        optimisers = [brain.optimiser(name) for name in (self.encoder, self.generator)]
        for optimiser in optimisers:
            optimiser.zero_grad()
        dream = net.generator(self.replay(brain.remembers(self.memory, RecentLatents), rng))
        loss = taken_for_internal(net.encoder.score(net.encoder.features(reverse_gradient(dream))))
        loss.backward()
        for optimiser in optimisers:
            optimiser.step()
        return {"rem": loss.detach()}
