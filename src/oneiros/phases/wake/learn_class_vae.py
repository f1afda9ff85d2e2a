"""A day of a class-conditional VAE that keeps its old classes by being taught its own former decoder.

Equations: `reconstruction`, `kl_to_standard_normal` in `oneiros.equations.generative`; `scholar_loss`.
Test: `tests/phases/test_generator_phases.py`.
"""

from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor

from oneiros.core import Batch, Brain, Replayable
from oneiros.equations.generative import kl_to_standard_normal, reconstruction, reparameterise
from oneiros.equations.scholar import Ratio, scholar_loss, share_of_new
from oneiros.memory.frozen_scholar import FrozenScholar
from oneiros.nets.vae import ClassVAE
from oneiros.phases.wake.backprop_wake import descend


@dataclass(frozen=True, kw_only=True)
class LearnClassVAE:
    """One step on today's evidence lower bound and on the previous scholar's decoder, weighted as in Eq. 1.

    Ours; the paper trains the generator on x' as if it were data. A dream comes with the code it was decoded from, so
    the new decoder is instead asked to give the same dream for the same code: old classes are copied as a function
    rather than learned again from samples, and lose little however often they are passed on.

    Needs a brain whose net has a ClassVAE as its `generator`, and labels.

    Attributes:
        beta: weight of the KL term.
        ratio: r, the share of the real examples in the loss; see `ScholarWake`.
        replayed: replayed dreams a step.
        grouped: whether each task has modes of its own (`brain.age` is the group), for tasks in which the same
            classes look different.
        decay: of the codes' moments, a batch; 0.99 remembers about 100 batches.
        memory: name of the memory to recall from.
        optim: name of the optimiser in `brain.optim`.
    """

    name = "learn-generator"
    changes = ("generator.",)
    returns = ("reconstruction", "kl")

    beta: float = 0.1
    ratio: Ratio = "1/i"
    replayed: int = 64
    grouped: bool = False
    decay: float = 0.99
    memory: str = "scholar"
    optim: str = "generator"

    def __post_init__(self) -> None:
        if self.replayed < 1 or not 0 < self.decay < 1 or self.beta < 0:
            raise ValueError(f"{self}: expected replayed >= 1, 0 < decay < 1 and beta >= 0")

    def __call__(self, brain: Brain, batch: Batch, rng: torch.Generator) -> dict[str, Tensor]:
        """Learn one batch, and what is replayed beside it."""
        vae = brain.network(ClassVAE, part="generator")
        memory = brain.remembers(self.memory, Replayable)
        mode = (brain.age * vae.classes if self.grouped else 0) + batch.unweighted().targets()
        mean, log_variance = vae.encode(batch.x, mode)
        noise = torch.randn(mean.shape, generator=rng, device=rng.device, dtype=mean.dtype)
        code, image = vae.code(reparameterise(mean, log_variance, noise), mode), batch.x
        vae.note_codes(code.detach(), decay=self.decay, real=True)
        if len(memory):
            # Without the old solver's answers, where the memory can tell dreams without them.
            recall = memory.dream if isinstance(memory, FrozenScholar) else memory.recall
            dreams = recall(self.replayed, rng)
            if dreams.z is None or dreams.z.shape[1] != vae.latent + vae.modes:
                raise ValueError(
                    "LearnClassVAE learns dreams with their codes: the memory must hold a ClassVAE of this size"
                )
            vae.note_codes(dreams.z, decay=self.decay, real=False)
            # The loss is linear in the dream: its grain, of mean 0, moves the expected gradient nowhere.
            code, image = torch.cat([code, dreams.z]), torch.cat([image, dreams.x])
        # One pass over both: half as many small products are slower than one.
        logits = vae.decode(code)
        self._note_grain(vae, code.detach(), image - logits.detach().sigmoid(), today=len(batch))
        lost = reconstruction(logits, image)
        real, kl = _mean(lost[: len(batch)]), _mean(kl_to_standard_normal(mean, log_variance))
        past = _mean(lost[len(batch) :])
        today = real + self.beta * kl
        r = share_of_new(self.ratio, brain.age)
        loss = scholar_loss(today, past, r=r) if len(batch) and len(memory) else today + past
        descend(brain.optimiser(self.optim), loss)
        vae.seen += max(len(batch), 1)
        return {"reconstruction": real.detach(), "kl": kl.detach()}

    def _note_grain(self, vae: ClassVAE, code: Tensor, left_out: Tensor, *, today: int) -> None:
        for rows, real in ((slice(today), True), (slice(today, None), False)):
            if vae.grain and len(code[rows]):
                vae.note_grain(code[rows], left_out[rows], decay=self.decay, real=real)


def _mean(each: Float[Tensor, " n"]) -> Float[Tensor, ""]:
    """Of nothing it is 0."""
    return each.mean() if len(each) else each.sum()
