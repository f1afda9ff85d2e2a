"""Rows, manifests and run folders. `oneiros.results.checkpoint` is apart, since it needs torch.

What needs pandas is imported when it is asked for: worker processes and `oneiros status` do without.
"""

from typing import TYPE_CHECKING

from oneiros.results.errors import BusyError as BusyError
from oneiros.results.errors import CheckpointError as CheckpointError
from oneiros.results.errors import DamagedError as DamagedError
from oneiros.results.errors import ForeignOutputError as ForeignOutputError
from oneiros.results.errors import ResultsError as ResultsError
from oneiros.results.errors import StorageError as StorageError
from oneiros.results.folder import Failure as Failure
from oneiros.results.folder import RunFolder as RunFolder
from oneiros.results.folder import note_failure as note_failure
from oneiros.results.folder import read_failure as read_failure
from oneiros.results.folder import run_path as run_path
from oneiros.results.manifest import Manifest as Manifest
from oneiros.results.manifest import code_version as code_version
from oneiros.results.manifest import config_hash as config_hash
from oneiros.results.manifest import environment as environment
from oneiros.results.picture import Picture as Picture
from oneiros.results.picture import PictureInfo as PictureInfo
from oneiros.results.row import COLUMNS as COLUMNS
from oneiros.results.row import Row as Row
from oneiros.results.store import RunInfo as RunInfo
from oneiros.results.store import mixed_code as mixed_code
from oneiros.results.store import read_pictures as read_pictures
from oneiros.results.store import read_runs as read_runs
from oneiros.results.store import require_same_configuration as require_same_configuration

if TYPE_CHECKING:
    from oneiros.results.table import Results as Results
    from oneiros.results.table import problems as problems
    from oneiros.results.table import read_results as read_results
    from oneiros.results.table import read_rows as read_rows
    from oneiros.results.table import write_tables as write_tables


def __getattr__(name: str) -> object:
    if name not in ("Results", "problems", "read_results", "read_rows", "write_tables"):
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from oneiros.results import table

    return getattr(table, name)
