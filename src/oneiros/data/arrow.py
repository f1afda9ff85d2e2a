"""Sets that pyarrow reads; it is imported when one of them is asked for, since the library does without it."""

from pathlib import Path

from oneiros.data.errors import DataError
from oneiros.data.examples import Dataset


def read_parquet_set(name: str, folder: Path) -> Dataset:
    """As `oneiros.data.parquet` reads it; DataError where pyarrow is not installed."""
    try:
        from oneiros.data.parquet import read_parquet_set as read
    except ModuleNotFoundError as error:
        raise _without_arrow(name, error) from error
    return read(name, folder)


def read_csv_set(name: str, folder: Path) -> Dataset:
    """As `oneiros.data.table` reads it; DataError where pyarrow is not installed."""
    try:
        from oneiros.data.table import read_csv_set as read
    except ModuleNotFoundError as error:
        raise _without_arrow(name, error) from error
    return read(name, folder)


def _without_arrow(name: str, error: ModuleNotFoundError) -> DataError:
    return DataError(f"{name} is read by {error.name}, which is not installed: pip install 'oneiros[run]'")
