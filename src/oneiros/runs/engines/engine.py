"""What every engine can do: take independent jobs, say what came of them, drop them."""

import traceback
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Protocol, runtime_checkable

Progress = Callable[[float, str], None]
Work = Callable[[Any, Progress], Any]
OnProgress = Callable[[str, float, str], None]

CANCELLED = "Cancelled"
DIED = "WorkerDied"


@dataclass(frozen=True, kw_only=True)
class Job:
    """Something to do: a name, and what `work` is called with (it must survive pickling)."""

    key: str
    payload: Any


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """What came of a job: its result, or what went wrong.

    Attributes:
        key: the job's.
        result: what `work` returned.
        error: type of the exception, or "" where there was none; `DIED` and `CANCELLED` where there was no exception.
        message: what it said.
        trace: where it was raised.
        peak: bytes that the process held at most while it did the job; 0 where nobody counts.
    """

    key: str
    result: Any = None
    error: str = ""
    message: str = ""
    trace: str = ""
    peak: int = 0


@runtime_checkable
class Engine(Protocol):
    """Does independent jobs somewhere. A context manager: what is not done when it is left is dropped."""

    def submit(self, job: Job) -> None:
        """Take a job; also while outcomes are streamed."""
        ...

    def stream(self, on_progress: OnProgress) -> Iterator[Outcome]:
        """Outcomes as they come, until no job is left; progress goes to `on_progress(key, fraction, text)`."""
        ...

    def cancel(self, key: str) -> None:
        """Drop a job that waits or runs; its outcome is `CANCELLED`. One that is over stays as it is."""
        ...

    def __enter__(self) -> "Engine": ...

    def __exit__(self, *raised: object) -> None: ...


def run_jobs(engine: Engine, jobs: Sequence[Job], on_progress: OnProgress) -> Iterator[Outcome]:
    """Do all jobs and yield their outcomes as they come; a job that fails does not stop the others."""
    with engine:
        for job in jobs:
            engine.submit(job)
        yield from engine.stream(on_progress)


def attempt(work: Work, job: Job, progress: Progress) -> Outcome:
    """Do a job here."""
    try:
        return Outcome(key=job.key, result=work(job.payload, progress))
    except Exception as error:  # noqa: BLE001 (whatever it is, the other jobs go on)
        return failure(job.key, error)


def failure(key: str, error: Exception) -> Outcome:
    """The outcome of a job that raised; called where it is handled."""
    return Outcome(key=key, error=type(error).__name__, message=str(error), trace=traceback.format_exc())


def cancelled(key: str) -> Outcome:
    """The outcome of a job that was dropped."""
    return Outcome(key=key, error=CANCELLED, message="it was cancelled; the same command goes on from here")
