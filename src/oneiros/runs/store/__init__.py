"""Rows, manifests and run folders. `oneiros.runs.store.checkpoint` is apart, since it needs torch.

What needs pandas is imported when it is asked for: worker processes and `oneiros status` do without.
"""

from typing import TYPE_CHECKING

from oneiros.runs.store.errors import BusyError as BusyError
from oneiros.runs.store.errors import CheckpointError as CheckpointError
from oneiros.runs.store.errors import DamagedError as DamagedError
from oneiros.runs.store.errors import ForeignOutputError as ForeignOutputError
from oneiros.runs.store.errors import ResultsError as ResultsError
from oneiros.runs.store.errors import StorageError as StorageError
from oneiros.runs.store.folder import Failure as Failure
from oneiros.runs.store.folder import RunFolder as RunFolder
from oneiros.runs.store.folder import note_failure as note_failure
from oneiros.runs.store.folder import read_failure as read_failure
from oneiros.runs.store.folder import run_path as run_path
from oneiros.runs.store.manifest import Manifest as Manifest
from oneiros.runs.store.manifest import code_version as code_version
from oneiros.runs.store.manifest import config_hash as config_hash
from oneiros.runs.store.manifest import environment as environment
from oneiros.runs.store.picture import Picture as Picture
from oneiros.runs.store.picture import PictureInfo as PictureInfo
from oneiros.runs.store.reading import RunInfo as RunInfo
from oneiros.runs.store.reading import mixed_code as mixed_code
from oneiros.runs.store.reading import read_pictures as read_pictures
from oneiros.runs.store.reading import read_runs as read_runs
from oneiros.runs.store.reading import require_same_configuration as require_same_configuration
from oneiros.runs.store.row import COLUMNS as COLUMNS
from oneiros.runs.store.row import Row as Row

if TYPE_CHECKING:
    from oneiros.runs.store.table import Results as Results
    from oneiros.runs.store.table import problems as problems
    from oneiros.runs.store.table import read_results as read_results
    from oneiros.runs.store.table import read_rows as read_rows
    from oneiros.runs.store.table import write_tables as write_tables


def __getattr__(name: str) -> object:
    if name not in ("Results", "problems", "read_results", "read_rows", "write_tables"):
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from oneiros.runs.store import table

    return getattr(table, name)
