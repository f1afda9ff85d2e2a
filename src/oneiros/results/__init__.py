"""Rows, manifests and run folders. `oneiros.results.checkpoint` is apart, since it alone needs torch."""

from oneiros.results.errors import BusyError as BusyError
from oneiros.results.errors import CheckpointError as CheckpointError
from oneiros.results.errors import DamagedError as DamagedError
from oneiros.results.errors import ForeignOutputError as ForeignOutputError
from oneiros.results.errors import ResultsError as ResultsError
from oneiros.results.errors import StorageError as StorageError
from oneiros.results.folder import RunFolder as RunFolder
from oneiros.results.manifest import Manifest as Manifest
from oneiros.results.manifest import code_version as code_version
from oneiros.results.manifest import config_hash as config_hash
from oneiros.results.manifest import environment as environment
from oneiros.results.picture import Picture as Picture
from oneiros.results.picture import PictureInfo as PictureInfo
from oneiros.results.row import COLUMNS as COLUMNS
from oneiros.results.row import Row as Row
from oneiros.results.store import Results as Results
from oneiros.results.store import RunInfo as RunInfo
from oneiros.results.store import mixed_code as mixed_code
from oneiros.results.store import problems as problems
from oneiros.results.store import read_pictures as read_pictures
from oneiros.results.store import read_results as read_results
from oneiros.results.store import read_rows as read_rows
from oneiros.results.store import read_runs as read_runs
from oneiros.results.store import require_same_configuration as require_same_configuration
from oneiros.results.store import write_tables as write_tables
