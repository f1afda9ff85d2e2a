"""The Wasserstein GAN as a generator (Gulrajani et al. 2017), which Shin et al. 2017 used throughout.

Learning: `phases/wake/learn_wgan.py`. Tests: `tests/nets/test_generators.py`.
"""

import math
from collections.abc import Sequence

import torch
from jaxtyping import Float, Int64
from torch import Tensor, nn

from oneiros.core import Batch
from oneiros.nets.generator import refuse_labels, require_trained
from oneiros.nets.layers import perceptron


class WGAN(nn.Module):
    """A painter that turns noise into images, and the critic that it learns from.

    Args:
        shape: of one input, without the batch axis.
        convolutional: for images whose neighbours belong together, `[channels, height, width]`, both sides divisible
            by 4; otherwise painter and critic are fully connected.
        latent: size of the noise z.
        width: channels next to the image (convolutional), or hidden units / 16 (fully connected).
    """

    seen: Tensor
    updates: Tensor

    def __init__(
        self, shape: Sequence[int], *, latent: int = 64, width: int = 16, convolutional: bool = True
    ) -> None:  # fmt: skip
        super().__init__()
        self.shape, self.latent = tuple(shape), latent
        if convolutional and (len(shape) != 3 or shape[1] % 4 or shape[2] % 4):
            raise ValueError(f"a convolutional WGAN of inputs {tuple(shape)}: expected [channels, height, width], "
                             "both sides multiples of 4; pass convolutional=False")  # fmt: skip
        self.painter, self.critic = (_convolutional if convolutional else _connected)(self.shape, latent, width)
        self.register_buffer("seen", torch.tensor(0))
        self.register_buffer("updates", torch.tensor(0))  # of the critic; every so many of them the painter moves

    def paint(self, z: Float[Tensor, "n latent"]) -> Float[Tensor, "n ..."]:
        """Images in [0, 1]."""
        return self.painter(z).sigmoid().view(-1, *self.shape)

    def judge(self, x: Float[Tensor, "n ..."]) -> Float[Tensor, " n"]:
        """The critic's scores: high for what it takes for real."""
        return self.critic(x).flatten()

    def noise(self, n: int, rng: torch.Generator) -> Float[Tensor, "n latent"]:
        """Standard normal z."""
        return torch.randn(n, self.latent, generator=rng, device=rng.device)

    @torch.no_grad()
    def sample(self, n: int, rng: torch.Generator, labels: Int64[Tensor, " n"] | None = None) -> Batch:
        """`n` dreams, with the noise they were painted from."""
        refuse_labels(self, labels)
        require_trained(self)
        z = self.noise(n, rng)
        return Batch(x=self.paint(z), z=z)


def _convolutional(shape: Sequence[int], latent: int, width: int) -> tuple[nn.Module, nn.Module]:
    channels, height, breadth = shape[0], shape[1] // 4, shape[2] // 4
    painter = nn.Sequential(
        nn.Linear(latent, 2 * width * height * breadth), nn.Unflatten(1, (2 * width, height, breadth)),
        nn.BatchNorm2d(2 * width), nn.ReLU(), nn.ConvTranspose2d(2 * width, width, 4, stride=2, padding=1),
        nn.BatchNorm2d(width), nn.ReLU(), nn.ConvTranspose2d(width, channels, 4, stride=2, padding=1),
    )  # fmt: skip
    # No batch norm here: the penalty is on each input's own gradient (Gulrajani et al. 2017, section 4).
    critic = nn.Sequential(
        nn.Conv2d(channels, width, 5, stride=2, padding=2), nn.LeakyReLU(0.2),
        nn.Conv2d(width, 2 * width, 5, stride=2, padding=2), nn.LeakyReLU(0.2),
        nn.Flatten(), nn.Linear(2 * width * height * breadth, 1),
    )  # fmt: skip
    return painter, critic


def _connected(shape: Sequence[int], latent: int, width: int) -> tuple[nn.Module, nn.Module]:
    pixels, hidden = math.prod(shape), 16 * width
    return perceptron((latent, hidden, hidden, pixels)), nn.Sequential(
        nn.Flatten(), perceptron((pixels, hidden, hidden, 1))
    )
