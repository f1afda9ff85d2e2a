"""Random views of images, a whole batch at once on its device: rotation, shift, zoom per axis, flip, reflected edges.

The transformations and their order are those of Keras's ImageDataGenerator, which Barry & Love 2022 use.
"""

import math

import torch
from jaxtyping import Float
from torch import Tensor
from torch.nn.functional import grid_sample


def view_maps(
    angle: Float[Tensor, " n"],
    shift: Float[Tensor, "n 2"],
    zoom: Float[Tensor, "n 2"],
    flip: Float[Tensor, " n"],
) -> Float[Tensor, "n 2 3"]:
    """Where each pixel of a view comes from: p = R(angle) (zoom * flipped q + shift), about the image's centre.

    q and p are (row, column), in half-heights and half-widths of a square image from its centre.

    Args:
        angle: radians.
        shift: down and right, as a fraction of the image's height and width.
        zoom: step in the image for one step in the view, per axis: above 1 shrinks.
        flip: -1 mirrors left and right, 1 does not.

    >>> view_maps(torch.zeros(1), torch.tensor([[0.0, 0.25]]), torch.ones(1, 2), torch.ones(1))[0, :, 2]
    tensor([0.0000, 0.5000])
    """
    rotation = torch.stack([angle.cos(), -angle.sin(), angle.sin(), angle.cos()], 1).view(-1, 2, 2)
    scale = torch.stack([zoom[:, 0], zoom[:, 1] * flip], 1)
    moved = rotation @ (2 * shift)[:, :, None]
    return torch.cat([rotation * scale[:, None, :], moved], 2)


def warp(images: Float[Tensor, "n c s s"], maps: Float[Tensor, "n 2 3"]) -> Float[Tensor, "n c s s"]:
    """Views of square images: bilinear between pixels, edges continued by reflection (d c b a | a b c d | d c b a).

    >>> picture = torch.tensor([[[[1.0, 2.0], [3.0, 4.0]]]])
    >>> warp(picture, torch.tensor([[[1.0, 0.0, 0.0], [0.0, -1.0, 0.0]]]))
    tensor([[[[2., 1.],
              [4., 3.]]]])
    """
    size = images.shape[-1]
    steps = (torch.arange(size, device=images.device, dtype=images.dtype) + 0.5) * (2 / size) - 1
    row, column = torch.meshgrid(steps, steps, indexing="ij")
    where = torch.stack([row, column, torch.ones_like(row)], -1).view(1, -1, 3)
    source = (where @ maps.transpose(1, 2)).view(len(images), size, size, 2)
    # grid_sample wants (column, row).
    return grid_sample(images, source.flip(-1), mode="bilinear", padding_mode="reflection", align_corners=False)


def random_views(
    images: Float[Tensor, "n c s s"], *, degrees: float, shift: float, zoom: float, rng: torch.Generator
) -> Float[Tensor, "n c s s"]:
    """One random view of each image: angle, shifts and zooms uniform within their ranges, mirrored or not."""
    n = len(images)
    # One draw for all, so that ranges of zero leave the other numbers as they are.
    u = torch.rand(n, 6, generator=rng, device=rng.device).to(images.device, images.dtype)
    maps = view_maps(
        math.radians(degrees) * (2 * u[:, 0] - 1),
        shift * (2 * u[:, 1:3] - 1),
        1 + zoom * (2 * u[:, 3:5] - 1),
        torch.where(u[:, 5] < 0.5, 1.0, -1.0).to(images.dtype),
    )
    return warp(images, maps)
