"""Data sets: find or download, check, decode; the only room that knows file formats and torchvision."""

from oneiros.data.catalogue import load as load
from oneiros.data.catalogue import names as names
from oneiros.data.errors import DataError as DataError
from oneiros.data.errors import MissingFilesError as MissingFilesError
from oneiros.data.examples import Dataset as Dataset
from oneiros.data.examples import Examples as Examples
