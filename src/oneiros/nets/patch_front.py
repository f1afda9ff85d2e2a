"""A front learned from the first images, without labels, in seconds. Equations: `oneiros.equations.patches`."""

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn.functional import normalize, pad

from oneiros.equations import compiled
from oneiros.equations.patches import Patching, normalised, pooled_answers, spherical_round, whitening

ROUNDS = 8
PATCHES = 50_000


class PatchFront(nn.Module):
    """Images to features: answers of learned filters at every place, two-sided, averaged over a grid.

    `learn` once; from then on it is fixed. Inputs may be in any units.

    Args:
        channels: of the images.
        filters: how many; features are 2 x filters x grid x grid.
        side: of a patch, in pixels.
        stride: between patches.
        padding: zeros around the image.
        grid: cells across, and down.
        mirrored: whether an image and its mirror image give the same features, the mean of both: for photographs, not
            for characters. Doubles the time. To a linear head it is what learning from both and averaging over both is.
    """

    weight: Tensor
    bias: Tensor
    damping: Tensor

    def __init__(  # noqa: PLR0913 -- the shape of a front
        self, channels: int, filters: int = 160, *, side: int = 6, stride: int = 1, padding: int = 0, grid: int = 3,
        mirrored: bool = False,
    ) -> None:  # fmt: skip
        super().__init__()
        if min(channels, filters, side, stride, grid) < 1 or padding < 0:
            raise ValueError("PatchFront: expected channels, filters, side, stride and grid >= 1 and padding >= 0")
        self.channels, self.filters, self.side, self.stride = channels, filters, side, stride
        self.padding, self.grid, self.mirrored = padding, grid, mirrored
        self.whitening, self.noise, self.threshold = 0.1, 0.01, 0.25
        self.register_buffer("weight", torch.zeros(filters, channels * side * side))
        self.register_buffer("bias", torch.zeros(filters))
        self.register_buffer("damping", torch.zeros(()))

    @property
    def learned(self) -> bool:
        """Whether it has filters."""
        return bool(self.damping > 0)

    @property
    def features(self) -> int:
        """How many features come out."""
        return 2 * self.filters * self.grid**2

    def learn(self, x: Float[Tensor, "n c h w"], rng: torch.Generator) -> None:
        """Learn whitening and filters from patches of these images.

        Raises:
            ValueError: images are smaller than a patch, or show nothing but flat patches.
        """
        raw = self._patches(x, rng)
        variance = float(raw.var(1, correction=0).mean())
        if not variance > 0:
            raise ValueError("PatchFront.learn: every patch is flat, so there is nothing to learn from")
        damping = self.noise * variance
        patches = normalised(raw, damping)
        mean, white = patches.mean(0), whitening(patches.double(), self.whitening).float()
        found = normalize((patches - mean) @ white)
        order = torch.randperm(len(found), generator=rng, device=rng.device)[: self.filters].to(x.device)
        centroids = found[order]
        for _ in range(ROUNDS):
            centroids = spherical_round(found, centroids)
        self.weight.copy_(centroids @ white)
        self.bias.copy_(-(self.weight @ mean))
        self.damping.fill_(damping)

    def forward(self, x: Float[Tensor, "n c h w"]) -> Float[Tensor, "n d"]:
        """Features."""
        traced = torch.compiler.is_compiling()  # exported, or compiled: tensors only, and no question about a value
        if not traced and not self.learned:
            raise RuntimeError("this PatchFront has no filters yet: call learn(images, rng) once")
        given = self._looked_at(x)
        on_cpu = given.device.type == compiled.HOME and given.dtype == torch.float32
        plain = traced or (torch.is_grad_enabled() and given.requires_grad) or not on_cpu
        answer = pooled_answers if plain else compiled.patches.pooled_answers
        damping = self.damping if traced else float(self.damping)
        how = Patching(self.side, self.stride, damping, self.threshold, self.grid)
        features = answer(given, self.weight, self.bias, how)
        if self.mirrored:
            features = (features + answer(given.flip(3), self.weight, self.bias, how)) / 2
        return features

    def _looked_at(self, x: Float[Tensor, "n c h w"]) -> Float[Tensor, "n c height width"]:
        if x.shape[1] != self.channels or min(x.shape[2:]) + 2 * self.padding < self.side:
            raise ValueError(
                f"images are {tuple(x.shape[1:])}; this front needs {self.channels} channels and at least "
                f"{self.side - 2 * self.padding} pixels a side"
            )
        return pad(x, (self.padding,) * 4) if self.padding else x

    def _patches(self, x: Float[Tensor, "n c h w"], rng: torch.Generator) -> Float[Tensor, "m p"]:
        x = self._looked_at(x)
        h, w = x.shape[2:]
        image, top, left = (
            torch.randint(high, (PATCHES,), generator=rng, device=rng.device).to(x.device)
            for high in (len(x), h - self.side + 1, w - self.side + 1)
        )
        step = torch.arange(self.side, device=x.device)
        rows, columns = (top[:, None] + step)[:, :, None], (left[:, None] + step)[:, None, :]
        return x[image[:, None, None], :, rows, columns].permute(0, 3, 1, 2).flatten(1).contiguous()
