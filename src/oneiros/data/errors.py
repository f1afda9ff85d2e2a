"""What goes wrong with other people's files, said so that it can be put right."""

import contextlib
from collections.abc import Iterator, Sequence
from pathlib import Path


class DataError(ValueError):
    """Data that cannot be used: the message says what came, what was expected and what to do."""


class MissingFilesError(DataError):
    """Files that are not where they were looked for."""


@contextlib.contextmanager
def reading(source: object) -> Iterator[None]:
    """Put the name of what is being read before the message of any `DataError` inside.

    >>> with reading("train.csv"):
    ...     raise DataError("is empty")
    Traceback (most recent call last):
    oneiros.data.errors.DataError: train.csv: is empty
    """
    try:
        yield
    except DataError as error:
        raise DataError(f"{source}: {error}") from error


def no_more(allowed: int, wanted: int, what: str) -> None:
    """Refuse what a file says of itself and cannot hold, before memory is asked for.

    Raises:
        DataError: more is wanted than is allowed.
    """
    if wanted > allowed:
        raise DataError(f"it says that it holds {what}, more than a file of its size can; it is damaged")


def require_files(files: Sequence[Path]) -> None:
    """Raise `MissingFilesError`, naming every file that is not there and the first folder that is not."""
    missing = [file for file in files if not file.is_file()]
    if not missing:
        return
    folder = missing[0].parent
    message = "looked for " + ", ".join(map(str, missing)) + "; not found"
    if not folder.is_dir():
        message += f" (the folder {folder} does not exist)"
    raise MissingFilesError(message)
