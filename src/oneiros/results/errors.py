"""What can go wrong between a number and the disk."""


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
