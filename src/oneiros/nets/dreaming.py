"""Feedforward and feedback pathway of perturbed and adversarial dreaming (Deperrois et al. 2022, Fig. 8).

Layers keep the shapes of the published convolutions. Between the 4 x 4 feature map and the latents a convolution
touches one place only, so it is computed as the matrix product that it is; tested equal to the convolution. How the
others are computed: `oneiros.nets.strided`. Activations overwrite what they are of: gradients need the results only.
Latents, scores and images are of the weights' precision, also within `torch.autocast`.
"""

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn.functional import leaky_relu, linear

from oneiros.nets.strided import strided

KERNEL, STRIDE, PADDING = 4, 2, 1
SLOPE = 0.2  # of LeakyReLU; the paper does not give it, the authors' code has 0.2
INITIAL_SD = 0.02  # of convolution weights, as in DCGAN; biases are the framework's
SIDE = 32  # pixels


class Encoder(nn.Module):
    """E: image -> features -> (z, d). Both heads share the first three layers.

    Args:
        channels: of the first layer; the paper's 64 makes 64-128-256. Fewer lose the paper's orderings.
        latents: n_z, 256.
    """

    def __init__(self, *, channels: int = 64, latents: int = 256) -> None:
        super().__init__()
        widths = (3, channels, 2 * channels, 4 * channels)
        self.trunk = nn.ModuleList(
            nn.Conv2d(a, b, KERNEL, STRIDE, PADDING) for a, b in zip(widths, widths[1:], strict=False)
        )
        self.latent = nn.Conv2d(widths[-1], latents, KERNEL)
        self.judge = nn.Conv2d(widths[-1], 1, KERNEL)
        _initialise(self)

    def features(self, x: Float[Tensor, "b 3 32 32"]) -> Float[Tensor, "b features"]:
        """What both heads read: the third layer's 4 x 4 map, flat."""
        for layer in self.trunk:
            x = leaky_relu(strided(layer, x), SLOPE, inplace=True)
        return x.flatten(1)

    def latents(self, features: Float[Tensor, "b features"]) -> Float[Tensor, "b latent"]:
        """Z = E_z(x), without nonlinearity."""
        return linear(features, self.latent.weight.flatten(1), self.latent.bias).to(self.latent.weight)

    def score(self, features: Float[Tensor, "b features"]) -> Float[Tensor, " b"]:
        """The log-odds of d = E_d(x): how sure it is that the image came from outside."""
        return linear(features, self.judge.weight.flatten(1), self.judge.bias).squeeze(1).to(self.judge.weight)

    def forward(self, x: Float[Tensor, "b 3 32 32"]) -> Float[Tensor, "b latent"]:
        """Z = E_z(x)."""
        return self.latents(self.features(x))


class Generator(nn.Module):
    """G: latents -> image in [-1, 1], the encoder's mirror.

    Args:
        channels, latents: as the encoder's.
    """

    def __init__(self, *, channels: int = 64, latents: int = 256) -> None:
        super().__init__()
        widths = (4 * channels, 2 * channels, channels, 3)
        self.seed = nn.ConvTranspose2d(latents, widths[0], KERNEL)
        self.trunk = nn.ModuleList(
            nn.ConvTranspose2d(a, b, KERNEL, STRIDE, PADDING) for a, b in zip(widths, widths[1:], strict=False)
        )
        _initialise(self)

    def forward(self, z: Float[Tensor, "b latent"]) -> Float[Tensor, "b 3 32 32"]:
        """The image that these latents call up."""
        bias = self.seed.bias
        assert bias is not None  # for the type checker: the layer was made with one
        x = (z @ self.seed.weight.flatten(1)).unflatten(1, (-1, KERNEL, KERNEL)) + bias[:, None, None]
        for layer in self.trunk:
            x = strided(layer, leaky_relu(x, SLOPE, inplace=True))
        return x.to(self.seed.weight).tanh_()


class DreamingNet(nn.Module):
    """Encoder and generator of one cortex; called on images it gives their latents."""

    def __init__(self, *, channels: int = 64, latents: int = 256) -> None:
        super().__init__()
        self.encoder = Encoder(channels=channels, latents=latents)
        self.generator = Generator(channels=channels, latents=latents)

    def forward(self, x: Float[Tensor, "b 3 32 32"]) -> Float[Tensor, "b latent"]:
        """Z = E_z(x)."""
        return self.encoder(x)


@torch.no_grad()
def _initialise(module: nn.Module) -> None:
    for layer in module.modules():
        if isinstance(layer, (nn.Conv2d, nn.ConvTranspose2d)):
            layer.weight.normal_(0, INITIAL_SD)
