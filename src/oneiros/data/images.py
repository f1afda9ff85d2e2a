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

from oneiros.data.errors import DataError, no_more, reading

PIXELS_A_BYTE = 10_000  # more than a picture of one colour gets into a byte


class OtherSizeError(Exception):
    """A picture is not of the size that all others have: width and height."""


_GREY = ("L", "1")
_COLOUR = ("RGB", "RGBA", "P", "CMYK", "YCbCr", "LA", "PA")


def decode_image(
    data: bytes, size: tuple[int, int] | None = None
) -> UInt8[np.ndarray, "height width"] | UInt8[np.ndarray, "height width 3"]:
    """One encoded picture; grey ones `[height, width]`, all others as RGB `[height, width, 3]`.

    Args:
        data: the content of a file.
        size: width and height that it must have; any, if left out.

    Raises:
        DataError: when the bytes are no picture, or one with more than 8 bits a channel.
        OtherSizeError: it is of another size.
    """
    try:
        with Image.open(io.BytesIO(data)) as image:
            require_plausible(image, len(data))
            if size not in (None, image.size):
                raise OtherSizeError(image.size)
            image.load()
    except (DataError, OtherSizeError):
        raise
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
    with reading(names[0]):
        first = decode_image(encoded[0])
    height, width = first.shape[:2]

    def decode(data: bytes, name: str) -> np.ndarray:
        try:
            with reading(name):
                return decode_image(data, (width, height))
        except OtherSizeError as error:
            wide, high = error.args[0]
            raise DataError(
                f"{name} is {high} x {wide} pixels (height x width), but {names[0]} is "
                f"{height} x {width}; expected images of one size: resize or crop them first"
            ) from error

    with ThreadPoolExecutor(os.cpu_count()) as threads:
        decoded = [first, *threads.map(decode, encoded[1:], names[1:])]
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


def require_plausible(image: Image.Image, length: int) -> None:
    """Refuse a picture whose `length` bytes cannot hold the pixels it says it has, before memory is asked for them.

    Raises:
        DataError: saying how many it says.
    """
    width, height = image.size
    no_more(PIXELS_A_BYTE * length, width * height, f"{height} x {width} pixels")
