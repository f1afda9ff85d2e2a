"""The same examples in another guise: domains made from real data sets."""

from dataclasses import replace

import torch
from jaxtyping import UInt8
from torch import Tensor
from torch.nn.functional import pad

from oneiros.data import DataError, Dataset, Examples

Images = UInt8[Tensor, "n c h w"]
CHUNK = 4096  # images at a time, so that 16-bit intermediates stay small


def in_colour(dataset: Dataset, *, side: int = 32) -> Dataset:
    """Images padded with black to `side` x `side` and given three equal channels, where they have fewer.

    Raises:
        DataError: when an image is larger than `side`, or is no image of one or three channels.
    """
    parts = {part: replace(e, images=_padded(e.images, side)) for part, e in _parts(dataset).items()}
    return replace(dataset, **parts)


def blended(digits: Dataset, scenes: Dataset, *, rng: torch.Generator) -> Dataset:
    """Digits over patches of natural images: `|scene - digit|` in each channel, as in MNIST-M (Ganin et al. 2016, 5.1).

    Every digit gets a scene drawn from the same split of `scenes`, whose images give the size; labels are the digits'.
    The result is no published data set and is called after both.
    """
    side = scenes.train.images.shape[-1]
    grey = _parts(in_colour(digits, side=side))
    behind = _parts(scenes)
    parts = {}
    for part, examples in grey.items():
        chosen = torch.randint(len(behind[part]), (len(examples),), generator=rng, device=rng.device)
        pieces = zip(examples.images.split(CHUNK), chosen.to(behind[part].images.device).split(CHUNK), strict=True)
        images = torch.cat([_difference(behind[part].images[scene], digit) for digit, scene in pieces])
        parts[part] = replace(examples, images=images)
    checksums = {**digits.checksums, **scenes.checksums}
    return Dataset(name=f"{digits.name}-on-{scenes.name}", checksums=checksums, **parts)


def relabelled(examples: Examples, *, first: int, classes: tuple[str, ...]) -> Examples:
    """The same examples with labels that begin at `first`, among `classes`: a task with a head of its own."""
    return Examples(images=examples.images, labels=examples.labels + first, classes=classes)


def _difference(one: Images, other: Images) -> Images:
    # In 16 bits, since a difference of bytes would wrap around.
    return (one.to(torch.int16) - other.to(torch.int16)).abs().to(torch.uint8)


def _parts(dataset: Dataset) -> dict[str, Examples]:
    return {"train": dataset.train, "test": dataset.test}


def _padded(images: Tensor, side: int) -> Tensor:
    if images.ndim != 4 or images.shape[1] not in (1, 3) or max(images.shape[2:]) > side:
        raise DataError(
            f"images of shape {list(images.shape[1:])} cannot become 3 x {side} x {side}; expected 1 or 3 channels and "
            f"sides up to {side}"
        )
    rows, columns = side - images.shape[2], side - images.shape[3]
    framed = pad(images, (columns // 2, columns - columns // 2, rows // 2, rows - rows // 2))
    return framed.expand(-1, 3, -1, -1).contiguous()
