"""Variational autoencoders as generators: a plain one, and one that knows classes and where their codes lie.

Codes and images are of the inputs' precision, also within `torch.autocast`: sums over pixels would lose it.

Learning: `phases/wake/learn_vae.py`, `phases/wake/learn_class_vae.py`. Tests: `tests/nets/test_generators.py`.
"""

import math
from collections.abc import Sequence

import torch
from jaxtyping import Bool, Float, Int64
from torch import Tensor, nn
from torch.nn.functional import one_hot

from oneiros.core import Batch
from oneiros.nets.generator import UntrainedError, named_classes, refuse_labels, require_trained
from oneiros.nets.layers import perceptron
from oneiros.nets.modes import in_full

# Added to a covariance's diagonal before its Cholesky factor is taken; codes have a variance of about 1.
JITTER = 1e-4


class VAE(nn.Module):
    """Fully connected VAE with a standard normal prior (Kingma & Welling 2014); pixels in [0, 1].

    Args:
        shape: of one input, without the batch axis.
        hidden: sizes of the hidden layers; the decoder has them in reverse.
        latent: size of the code z.
    """

    seen: Tensor

    def __init__(self, shape: Sequence[int], *, hidden: Sequence[int] = (400, 400), latent: int = 32) -> None:
        super().__init__()
        pixels = math.prod(shape)
        self.shape, self.latent = tuple(shape), latent
        self.encoder = perceptron((pixels, *hidden, 2 * latent))
        self.decoder = perceptron((latent, *reversed(hidden), pixels))
        self.register_buffer("seen", torch.tensor(0))

    def encode(self, x: Float[Tensor, "n ..."]) -> tuple[Float[Tensor, "n latent"], Float[Tensor, "n latent"]]:
        """Mean and log variance of q(z | x)."""
        mean, log_variance = self.encoder(x.flatten(1)).to(x).chunk(2, dim=1)
        return mean, log_variance

    def decode(self, z: Float[Tensor, "n latent"]) -> Float[Tensor, "n ..."]:
        """Logits of the pixels."""
        return self.decoder(z).to(z).view(-1, *self.shape)

    @torch.no_grad()
    def sample(self, n: int, rng: torch.Generator, labels: Int64[Tensor, " n"] | None = None) -> Batch:
        """`n` dreams from the prior, with their codes."""
        refuse_labels(self, labels)
        require_trained(self)
        z = torch.randn(n, self.latent, generator=rng, device=rng.device)
        return Batch(x=self.decode(z).sigmoid(), z=z)


class ClassVAE(nn.Module):
    """A VAE told the class, whose prior is one Gaussian a class, fitted to the codes that the class was given.

    Encoder and decoder see a one-hot mode beside input and code (Sohn, Lee & Yan 2015). A mode is a class, or a class
    of one group of tasks where the same classes look different in each (`groups`). The prior of a mode is the Gaussian
    with the moments of its codes, which is the Gaussian prior that maximises the evidence lower bound for the present
    encoder; so samples are drawn from where codes are, not from where a standard normal would have them.

    A dream's code `z` in `sample` is the decoder's whole input, latent and mode, so that a pupil can be taught
    this decoder as a function (`LearnClassVAE`).

    Args:
        shape: of one input, without the batch axis.
        classes: number of classes; a label is `mode % classes`.
        groups: how many groups of tasks have modes of their own.
        hidden: sizes of the hidden layers; the decoder has them in reverse.
        latent: size of the latent part of the code.
        grain: dreams are draws from the Gaussian around the decoder's image, not that image itself: its variance, a
            number for each mode and pixel, is that of what the decoder left out of the examples. Without it dreams of
            photographs are smooth, and a solver that replays them forgets what to do with texture. Grainy dreams may
            lie outside [0, 1].
    """

    seen: Tensor
    squared: Float[Tensor, "modes pixels"]
    mass: Float[Tensor, " modes"]
    first: Float[Tensor, "modes latent"]
    second: Float[Tensor, "modes latent latent"]
    lived: Bool[Tensor, " modes"]

    def __init__(
        self, shape: Sequence[int], *, classes: int, groups: int = 1, hidden: Sequence[int] = (400, 400),
        latent: int = 32, grain: bool = False,
    ) -> None:  # fmt: skip
        super().__init__()
        pixels, modes = math.prod(shape), classes * groups
        self.shape, self.latent, self.classes, self.modes = tuple(shape), latent, classes, modes
        self.encoder = perceptron((pixels + modes, *hidden, 2 * latent))
        self.decoder = perceptron((latent + modes, *reversed(hidden), pixels))
        self.register_buffer("seen", torch.tensor(0))
        # Of each mode: weight, sum and sum of outer products of its codes; and whether real examples gave them.
        self.register_buffer("mass", torch.zeros(modes))
        self.register_buffer("first", torch.zeros(modes, latent))
        self.register_buffer("second", torch.zeros(modes, latent, latent))
        self.register_buffer("lived", torch.zeros(modes, dtype=torch.bool))
        self.grain = grain
        if grain:
            self.register_buffer("squared", torch.zeros(modes, pixels))

    def encode(
        self, x: Float[Tensor, "n ..."], mode: Int64[Tensor, " n"]
    ) -> tuple[Float[Tensor, "n latent"], Float[Tensor, "n latent"]]:
        """Mean and log variance of q(z | x, mode)."""
        mean, log_variance = self.encoder(self.code(x.flatten(1), mode)).to(x).chunk(2, dim=1)
        return mean, log_variance

    def code(self, z: Float[Tensor, "n size"], mode: Int64[Tensor, " n"]) -> Float[Tensor, "n sizeplusmodes"]:
        """Latent and mode side by side."""
        return torch.cat([z, one_hot(mode, self.modes).to(z.dtype)], dim=1)

    def decode(self, code: Float[Tensor, "n code"]) -> Float[Tensor, "n ..."]:
        """Logits of the pixels, from what `code` gave."""
        return self.decoder(code).to(code).view(-1, *self.shape)

    @in_full()
    @torch.no_grad()
    def note_codes(self, code: Float[Tensor, "n code"], *, decay: float, real: bool) -> None:
        """Let codes, as `code` gave them, move the moments of their modes.

        The past fades by `decay` with each call for the modes that occur, since the encoder moves while it learns.
        Codes that come with somebody's dreams (`real=False`) teach only modes that no real example has taught: the
        others are known better from life.
        """
        modes, fade = self._taught(code, decay=decay, real=real)
        if modes is None:
            return
        z, count = code[:, : self.latent], modes.sum(0)
        # Sums over all modes at once: each code in the place of its mode, zeros in the others' places.
        placed = (modes[:, :, None] * z[:, None]).flatten(1)
        self.mass.mul_(fade).add_(count)
        self.first.mul_(fade[:, None]).add_(placed.sum(0).view_as(self.first))
        self.second.mul_(fade[:, None, None]).add_((placed.T @ z).view_as(self.second))
        if real:
            self.lived |= count > 0

    @in_full()
    @torch.no_grad()
    def note_grain(
        self, code: Float[Tensor, "n code"], left_out: Float[Tensor, "n ..."], *, decay: float, real: bool
    ) -> None:
        """Let what the decoder left out, image minus decoded image, move the variance; after `note_codes`, as it does.

        Together with the decoder this maximises the likelihood of a Gaussian around the decoded image.
        """
        modes, fade = self._taught(code, decay=decay, real=real)
        if self.grain and modes is not None:
            self.squared.mul_(fade[:, None]).add_(modes.T @ left_out.flatten(1).square())

    def _taught(
        self, code: Float[Tensor, "n code"], *, decay: float, real: bool
    ) -> tuple[Float[Tensor, "n modes"] | None, Float[Tensor, " modes"]]:
        """Which mode each code may teach: one-hot, or None where none teaches any; and by how much each mode fades."""
        modes = code[:, self.latent :]
        if not real:
            modes = modes * ~self.lived
        fade = torch.where(modes.sum(0) > 0, decay, 1.0)
        return modes if real or modes.any() else None, fade

    def prior(self) -> tuple[Float[Tensor, "modes latent"], Float[Tensor, "modes latent latent"]]:
        """Mean and Cholesky factor of the covariance of each mode's codes; of unknown modes those of N(0, JITTER)."""
        mass = self.mass.clamp(min=1e-12)
        mean = self.first / mass[:, None]
        covariance = self.second / mass[:, None, None] - mean[:, :, None] * mean[:, None, :]
        return mean, torch.linalg.cholesky(covariance + JITTER * torch.eye(self.latent, device=mean.device))

    @torch.no_grad()
    def sample(self, n: int, rng: torch.Generator, labels: Int64[Tensor, " n"] | None = None) -> Batch:
        """`n` dreams of the classes asked for (None: of all modes known, in equal shares), with label and code."""
        require_trained(self)
        mode = self._modes(n, rng, labels)
        mean, factor = self.prior()
        noise = torch.randn(n, self.latent, generator=rng, device=rng.device, dtype=mean.dtype)
        z = mean[mode] + (factor[mode] @ noise[:, :, None]).squeeze(2)
        code = self.code(z, mode)
        x = self.decode(code).sigmoid()
        if self.grain:
            variance = (self.squared / self.mass.clamp(min=1e-12)[:, None])[mode]
            noise = torch.randn(variance.shape, generator=rng, device=rng.device, dtype=x.dtype)
            x = x + (variance.sqrt() * noise).view_as(x)
        return Batch(x=x, y=mode % self.classes, z=code)

    def _modes(self, n: int, rng: torch.Generator, labels: Int64[Tensor, " n"] | None) -> Int64[Tensor, " n"]:
        known = self.mass > 0
        if labels is None:
            candidates = known.nonzero().flatten()
            return candidates[torch.randint(len(candidates), (n,), generator=rng, device=rng.device)]
        of_class = known.view(-1, self.classes)
        unknown = sorted(set(labels[~of_class.any(0)[labels]].tolist()))
        if unknown:
            there = of_class.any(0).nonzero().flatten().tolist()
            raise UntrainedError(f"class {unknown[0]} was never learned; known classes: {named_classes(there)}")
        group = torch.multinomial(of_class.T[labels].float(), 1, generator=rng).flatten()
        return group * self.classes + labels
