"""NREM: perturbed dreaming (Deperrois et al. 2022, Eq. 6; Algorithm 1, "NREM sleep").

Equations: `oneiros.equations.dreaming.occlusion` and `reconstruction`. Test: `tests/phases/test_dreaming.py`.
"""

from dataclasses import dataclass

import torch
from torch import Tensor

from oneiros.core import Brain
from oneiros.equations.dreaming import occlusion, reconstruction
from oneiros.memory.recent_latents import RecentLatents
from oneiros.nets.dreaming import SIDE, DreamingNet
from oneiros.phases.night.latent_mix import SINGLE, LatentMix


@dataclass(frozen=True, kw_only=True)
class Nrem:
    """Dream up images from memories, cover parts of them, and learn to encode what was dreamed nevertheless.

    Needs a `DreamingNet` and a `RecentLatents` memory. The generator dreams with the weights that Wake left and does
    not learn. One probability, one square size and one mask are drawn for the whole batch, as in the authors' code
    (the paper: probability and size per mini-batch; whether masks differ between images it does not say).

    Attributes:
        replay: what is dreamed of; single memories, or mixtures (Appendix 1, Fig. 6).
        probabilities: of covering a square; drawn uniformly between these (paper: 0, 1). (0, 0) covers nothing.
        sizes: of the squares in pixels, a whole number drawn from these, ends included (paper: 1, 8).
        weight: of the loss (paper: 1; without REM 0.5).
        encoder: name of the optimiser.
        memory: name of the memory to recall from.
    """

    name = "nrem"
    changes = ("encoder.trunk.", "encoder.latent.")
    returns = ("nrem",)

    replay: LatentMix = SINGLE
    probabilities: tuple[float, float] = (0.0, 1.0)
    sizes: tuple[int, int] = (1, 8)
    weight: float = 1.0
    encoder: str = "encoder"
    memory: str = "latents"

    def __post_init__(self) -> None:
        (low, high), (smallest, largest) = self.probabilities, self.sizes
        if not 0 <= low <= high <= 1 or not 1 <= smallest <= largest <= SIDE or self.weight <= 0:
            raise ValueError(
                f"{self}: expected probabilities within 0..1 and sizes within 1..{SIDE}, each from low to high, "
                "and weight > 0 (leave the phase out of the schedule instead of giving it no weight)"
            )

    def __call__(self, brain: Brain, rng: torch.Generator) -> dict[str, Tensor]:
        """Dream once."""
        net, optimiser = brain.network(DreamingNet), brain.optimiser(self.encoder)
        optimiser.zero_grad()
        z = self.replay(brain.remembers(self.memory, RecentLatents), rng)
        with torch.no_grad():
            dream = net.generator(z) * self._mask(rng).to(z.device)
        loss = reconstruction(net.encoder(dream), z)
        (self.weight * loss).backward()
        optimiser.step()
        return {"nrem": loss.detach()}

    def _mask(self, rng: torch.Generator) -> Tensor:
        """What stays visible, `[1, 1, SIDE, SIDE]`; as many numbers are drawn whatever the size of the squares."""
        low, high = self.probabilities
        probability = low + (high - low) * torch.rand((), generator=rng, device=rng.device)
        size = torch.randint(self.sizes[0], self.sizes[1] + 1, (), generator=rng, device=rng.device)
        tiles = torch.rand(1, SIDE, SIDE, generator=rng, device=rng.device)
        return occlusion(tiles, probability, size, (SIDE, SIDE))
