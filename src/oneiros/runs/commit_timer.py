"""When a run puts itself on the disk between two epochs."""

import contextlib
import time
from collections.abc import Iterator

SHARE = 0.02  # of a run's time, at most, goes into commits between epochs


class CommitTimer:
    """A commit is due after `seconds`, or later where commits are so slow that they would take more than `SHARE`."""

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self._last = time.monotonic()
        self._cost = 0.0

    def due(self) -> bool:
        """Whether enough time has passed since the last commit; with `seconds` 0 it always has."""
        if self._seconds == 0:
            return True
        return time.monotonic() - self._last >= max(self._seconds, self._cost / SHARE)

    @contextlib.contextmanager
    def committing(self) -> Iterator[None]:
        """Around a commit."""
        began = time.monotonic()
        yield
        self._last = time.monotonic()
        self._cost = self._last - began
