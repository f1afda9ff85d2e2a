"""Jobs in this very process, one after the other: nothing to start, and a debugger reaches them."""

from collections import deque
from collections.abc import Iterator

from oneiros.runs.engines.engine import Job, OnProgress, Outcome, Work, attempt, cancelled


class InlineEngine:
    """Does `work` here; an `Engine`."""

    def __init__(self, work: Work) -> None:
        self._work = work
        self._waiting: deque[Job] = deque()
        self._dropped: deque[str] = deque()

    def submit(self, job: Job) -> None:
        """Take a job."""
        self._waiting.append(job)

    def stream(self, on_progress: OnProgress) -> Iterator[Outcome]:
        """Outcomes as they come."""
        while self._waiting or self._dropped:
            if self._dropped:
                yield cancelled(self._dropped.popleft())
                continue
            job = self._waiting.popleft()
            yield attempt(self._work, job, lambda fraction, text, key=job.key: on_progress(key, fraction, text))

    def cancel(self, key: str) -> None:
        """Drop a job that waits."""
        if any(job.key == key for job in self._waiting):
            self._waiting = deque(job for job in self._waiting if job.key != key)
            self._dropped.append(key)

    def __enter__(self) -> "InlineEngine":
        return self

    def __exit__(self, *raised: object) -> None:
        self._waiting.clear()
