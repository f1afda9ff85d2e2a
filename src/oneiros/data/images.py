"""Encoded pictures (PNG, JPEG, WebP, ...) to grey values."""

import io
import os
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import torch
from jaxtyping import UInt8
from PIL import Image
from torch import Tensor

from oneiros.data.errors import DataError, reading

_GREY = ("L", "1")
_COLOUR = ("RGB", "RGBA", "P", "CMYK", "YCbCr", "LA", "PA")


def decode_image(data: bytes) -> UInt8[np.ndarray, "height width"] | UInt8[np.ndarray, "height width 3"]:
    """One encoded picture; grey ones `[height, width]`, all others as RGB `[height, width, 3]`.

    Raises:
        DataError: when the bytes are no picture, or one with more than 8 bits a channel.
    """
    try:
        with Image.open(io.BytesIO(data)) as image:
            image.load()
    # Pillow's decoders raise OSError, SyntaxError, ValueError, struct.error and others on damaged bytes.
    except Exception as error:
        raise DataError(f"{len(data)} bytes that cannot be decoded as an image ({error})") from error
    if image.mode not in _GREY + _COLOUR:
        raise DataError(f"an image of mode {image.mode!r}; expected 8 bits a channel: convert it to grey or RGB first")
    return np.asarray(image.convert("L" if image.mode in _GREY else "RGB"))


def decode_images(encoded: Sequence[bytes], names: Sequence[str]) -> UInt8[Tensor, "n channels height width"]:
    """Decode with one thread per processor. All grey: one channel; any in colour: three, grey ones repeated.

    Args:
        encoded: at least one file's content.
        names: what to call each in an error.

    Raises:
        DataError: naming the first image that cannot be decoded or differs in size from the first one.
    """

    def decode(data: bytes, name: str) -> np.ndarray:
        with reading(name):
            return decode_image(data)

    with ThreadPoolExecutor(os.cpu_count()) as threads:
        decoded = list(threads.map(decode, encoded, names))
    size = decoded[0].shape[:2]
    for image, name in zip(decoded, names, strict=True):
        if image.shape[:2] != size:
            raise DataError(
                f"{name} is {image.shape[0]} x {image.shape[1]} pixels (height x width), but {names[0]} is "
                f"{size[0]} x {size[1]}; expected images of one size: resize or crop them first"
            )
    if any(image.ndim == 3 for image in decoded):
        decoded = [image if image.ndim == 3 else image[..., None].repeat(3, axis=-1) for image in decoded]
        return torch.from_numpy(np.stack(decoded)).permute(0, 3, 1, 2).contiguous()
    return torch.from_numpy(np.stack(decoded))[:, None]


def same_channels(
    train: UInt8[Tensor, "n a height width"], test: UInt8[Tensor, "m b h w"]
) -> tuple[UInt8[Tensor, "n c height width"], UInt8[Tensor, "m c h w"]]:
    """Repeat grey to RGB in the one split that is all grey where the other is in colour."""
    channels = max(train.shape[1], test.shape[1])
    return (
        train.expand(-1, channels, -1, -1).contiguous(),
        test.expand(-1, channels, -1, -1).contiguous(),
    )
