"""What can go wrong between a number and the disk."""

import contextlib
import errno
from collections.abc import Iterator
from pathlib import Path


class ResultsError(RuntimeError):
    """Base of all errors of this room."""


class StorageError(ResultsError):
    """The disk is full, read-only or not ours."""


class DamagedError(ResultsError):
    """A file of a run does not say what it should."""


class BusyError(ResultsError):
    """Another process is working in the run folder."""


class ForeignOutputError(ResultsError):
    """The output folder belongs to another configuration."""


class CheckpointError(ResultsError):
    """A file is no checkpoint of ours, or not of this brain."""


@contextlib.contextmanager
def storing(path: Path) -> Iterator[None]:
    """Turn what the operating system says about writing into one clear error."""
    try:
        yield
    except OSError as error:
        if error.errno in (errno.ENOSPC, errno.EDQUOT):
            why = "the disk is full; free some space, then the same command goes on from the last checkpoint"
        elif error.errno in (errno.EACCES, errno.EPERM, errno.EROFS):
            why = "the folder cannot be written to; choose another --out"
        else:
            why = str(error.strerror or error)
        raise StorageError(f"cannot write {path}: {why}") from error
