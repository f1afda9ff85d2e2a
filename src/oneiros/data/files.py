"""Where data lie on this machine, reading their bytes, and a cache of decoded images that may always be lost."""

import contextlib
import gzip
import hashlib
import io
import os
import tempfile
import zlib
from collections.abc import Callable
from pathlib import Path

import safetensors.torch
from jaxtyping import UInt8
from safetensors import SafetensorError, safe_open
from torch import Tensor

from oneiros.data.errors import DataError, no_more

HEAD = 64
RATIO = 1032  # what zlib can save at most, and one byte of a thousand
# The number changes when the same file would decode to other pixels.
_DECODED = "decoded-1"


def user_cache() -> Path:
    """The user's cache folder for oneiros: $XDG_CACHE_HOME/oneiros, by default ~/.cache/oneiros."""
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "oneiros"


def data_root() -> Path:
    """Where data sets are looked for when nobody says: $ONEIROS_DATA, by default `data` in the user's cache."""
    named = os.environ.get("ONEIROS_DATA")
    return Path(named).expanduser() if named else user_cache() / "data"


def sha256_of(data: bytes) -> str:
    """Sha256 of bytes, hexadecimal."""
    return hashlib.sha256(data).hexdigest()


def raw_bytes(file: Path) -> bytes:
    """A file's bytes as they lie on disk.

    Raises:
        DataError: it cannot be read, such as a folder of that name.
    """
    try:
        return file.read_bytes()
    except FileNotFoundError:
        raise
    except OSError as error:
        raise DataError(f"it cannot be read ({error.strerror}); expected a file") from error


def read_bytes(file: Path, size: Callable[[bytes], int] | None = None) -> tuple[bytes, str]:
    """A file's content, unzipped if its name ends in .gz, and the sha256 of its bytes as they lie on disk.

    Args:
        file: which.
        size: how many bytes an archive's content has, by its first `HEAD` ones; no more than one beyond are unzipped.

    Raises:
        DataError: when the file cannot be read or is empty, or is not a whole gzip archive though its name says so.
    """
    raw = raw_bytes(file)
    if not raw:
        raise DataError("the file is empty (0 bytes); fetch it again")
    digest = sha256_of(raw)
    if file.suffix != ".gz":
        return raw, digest
    try:
        with gzip.GzipFile(fileobj=io.BytesIO(raw)) as archive:
            head = archive.read(HEAD)
            most = RATIO * len(raw)
            if size is not None:
                no_more(most, size(head), f"{size(head)} bytes")
                most = size(head)
            content = head + archive.read(max(0, most - len(head)) + 1)
    except (EOFError, OSError, zlib.error) as error:
        raise DataError(f"not a whole gzip archive ({error}); it is truncated or damaged, fetch it again") from error
    return content, digest


def cached_images(
    digest: str, decode: Callable[[], UInt8[Tensor, "n channels height width"]]
) -> UInt8[Tensor, "n channels height width"]:
    """What `decode()` returns, remembered under `digest`, the sha256 of the file it decodes.

    The cache is one safetensors file per decoded file, under `decoded-1` in the user's cache. It is only ever
    a saving of time: one that is damaged, cannot be read or cannot be written is passed over, never an error.
    """
    file = user_cache() / _DECODED / f"{digest}.safetensors"
    images = _read_cache(file)
    if images is None:
        images = decode()
        with contextlib.suppress(OSError, SafetensorError):
            _write_cache(file, images)
    return images


def _read_cache(file: Path) -> UInt8[Tensor, "n channels height width"] | None:
    try:
        with safe_open(file, framework="pt") as archive:
            images = archive.get_tensor("images")
            expected = (archive.metadata() or {}).get("sha256")
    except (OSError, SafetensorError):
        return None
    # The header can be whole while the pixels are not.
    return images if expected == sha256_of(images.numpy().tobytes()) else None


def _write_cache(file: Path, images: UInt8[Tensor, "n channels height width"]) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    content = safetensors.torch.save({"images": images}, {"sha256": sha256_of(images.numpy().tobytes())})
    # Several processes may decode the same file at once: write aside, then move into place in one step.
    with tempfile.TemporaryDirectory(dir=file.parent) as aside:
        written = Path(aside) / file.name
        written.write_bytes(content)
        os.replace(written, file)
