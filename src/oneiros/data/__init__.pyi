from .catalogue import load as load
from .catalogue import names as names
from .errors import DataError as DataError
from .errors import MissingFilesError as MissingFilesError
from .examples import Dataset as Dataset
from .examples import Examples as Examples
