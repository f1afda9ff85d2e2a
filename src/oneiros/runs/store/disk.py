"""Writing to the disk so that any moment is a good one for a power cut, and nothing of anybody else's is touched.

Every name that is made here is either new, with a random part, or takes its place in one step by a rename or a hard
link. No link is followed: what stands at the other end of one is somebody else's.
"""

import contextlib
import errno
import hashlib
import os
import secrets
from collections.abc import Callable, Iterator
from pathlib import Path

from oneiros.runs.store.errors import StorageError, storing

# Absent on Windows, where links need a privilege.
NO_FOLLOW = getattr(os, "O_NOFOLLOW", 0)


def beside(path: Path) -> Path:
    """A new name in the folder of `path`: no other process has it, not on another machine either."""
    # Process numbers are not enough: two containers that share a folder may have the same.
    return path.with_name(f".{path.name[:200]}.{secrets.token_hex(8)}.tmp")


def write_atomically(path: Path, write: Callable[[Path], object]) -> None:
    """Let `write` fill a new neighbour of `path`, then put it in place in one step, on the disk.

    Args:
        path: where the file shall be, in a folder that is there; a link that stands there is replaced, not followed.
        write: called with the neighbour's path.

    Raises:
        StorageError: it cannot be written; `path` is then as it was.
    """
    new = beside(path)
    with storing(path):
        try:
            write(new)
            sync_file(new)
            os.replace(new, path)
        finally:
            with contextlib.suppress(OSError):
                new.unlink(missing_ok=True)
        sync_folder(path.parent)


def create_once(path: Path, content: bytes) -> bool:
    """Whether `path` was made by us, with this content, on the disk: of all who try, one succeeds, and for good."""
    new = beside(path)
    with storing(path):
        try:
            new.write_bytes(content)
            sync_file(new)
            os.link(new, path)
        except FileExistsError:
            return False
        finally:
            with contextlib.suppress(OSError):
                new.unlink(missing_ok=True)
        sync_folder(path.parent)
    return True


def copy_new(source: Path, target: Path) -> None:
    """Copy a file to a name that is not there yet, on the disk."""
    with open_new(target) as descriptor:
        write_all(descriptor, source.read_bytes())
        os.fsync(descriptor)


@contextlib.contextmanager
def open_new(path: Path) -> Iterator[int]:
    """A descriptor of a file that is made here and was not there."""
    with _closing(os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL | NO_FOLLOW, 0o666)) as descriptor:
        yield descriptor


@contextlib.contextmanager
def open_old(path: Path) -> Iterator[int]:
    """A descriptor, to read and write, of a file that is there and is no link."""
    with _closing(os.open(path, os.O_RDWR | NO_FOLLOW)) as descriptor:
        yield descriptor


@contextlib.contextmanager
def _closing(descriptor: int) -> Iterator[int]:
    try:
        yield descriptor
    finally:
        os.close(descriptor)


def write_all(descriptor: int, content: bytes) -> None:
    """Write every byte where the descriptor stands."""
    rest = memoryview(content)
    while rest:
        rest = rest[os.write(descriptor, rest) :]


def sync_file(path: Path) -> None:
    """See to it that the content of a file survives a power cut."""
    with open_old(path) as descriptor:
        os.fsync(descriptor)


def sync_folder(path: Path) -> None:
    """See to it that the names in a folder survive a power cut; where folders cannot be synced, nothing."""
    if os.name == "nt":
        return
    with _closing(os.open(path, os.O_RDONLY)) as descriptor:
        try:
            os.fsync(descriptor)
        except OSError as error:
            if error.errno not in (errno.EINVAL, errno.ENOTSUP):
                raise


def own_folder(path: Path) -> Path:
    """Make the folder `path` if need be.

    Raises:
        StorageError: it cannot be made, or is a link, through which somebody else's files would be written.
    """
    with storing(path):
        path.mkdir(parents=True, exist_ok=True)
    if path.is_symlink():
        raise StorageError(f"cannot write {path}: it is a link to {os.readlink(path)}; remove the link, run again")
    return path


def checksum(file: Path) -> str:
    """SHA-256 of a file's bytes, read in pieces."""
    with file.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()
