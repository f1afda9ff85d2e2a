"""Independent jobs on the processes of this machine, one thread each.

For small nets, many processes beat many threads.
"""

import multiprocessing
import os
import queue
import signal
import time
import traceback
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass
from typing import Any

Progress = Callable[[float, str], None]
Work = Callable[[Any, Progress], Any]
OnProgress = Callable[[str, float, str], None]

POLL_SECONDS = 0.1
ATTEMPTS = 2  # a job whose worker died is tried once more


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
        error: type of the exception, or "" where there was none.
        message: what it said.
        trace: where it was raised.
    """

    key: str
    result: Any = None
    error: str = ""
    message: str = ""
    trace: str = ""


def usable_cores() -> int:
    """Cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def run_jobs(work: Work, jobs: Sequence[Job], *, workers: int, on_progress: OnProgress) -> Iterator[Outcome]:
    """Do all jobs and yield their outcomes as they come; a job that fails does not stop the others.

    Args:
        work: called as `work(payload, progress)`; with more than one worker it must be importable.
        jobs: independent of each other.
        workers: processes; 1 works in this one.
        on_progress: called in this process with (key, fraction, text).
    """
    if workers <= 1 or len(jobs) <= 1:
        for job in jobs:
            yield _do(work, job, lambda fraction, text, key=job.key: on_progress(key, fraction, text))
        return
    remaining = {job.key: job for job in jobs}
    for _ in range(ATTEMPTS):
        for outcome in _pooled(work, list(remaining.values()), workers, on_progress):
            del remaining[outcome.key]
            yield outcome
        if not remaining:
            return
    for key in remaining:
        message = "its worker process died (out of memory, or killed); the same command tries it again"
        yield Outcome(key=key, error="WorkerDied", message=message)


def _do(work: Work, job: Job, progress: Progress) -> Outcome:
    try:
        return Outcome(key=job.key, result=work(job.payload, progress))
    except Exception as error:  # noqa: BLE001 (whatever it is, the other jobs go on)
        name, message = type(error).__name__, str(error)
        return Outcome(key=job.key, error=name, message=message, trace=traceback.format_exc())


_messages: Any = None


def _start_worker(messages: Any) -> None:
    global _messages  # noqa: PLW0603 (one queue a worker, handed over when it starts)
    _messages = messages
    # Ctrl-C reaches the whole process group; the parent decides what it means.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    import torch

    torch.set_num_threads(1)


def _do_in_worker(work: Work, job: Job) -> Outcome:
    last = 0.0

    def progress(fraction: float, text: str) -> None:
        nonlocal last
        if fraction >= 1 or time.monotonic() - last > POLL_SECONDS:
            last = time.monotonic()
            _messages.put((job.key, fraction, text))

    return _do(work, job, progress)


def _pooled(work: Work, jobs: Sequence[Job], workers: int, on_progress: OnProgress) -> Iterator[Outcome]:
    """Outcomes of the jobs that a pool finishes; it ends early if a worker dies."""
    context = multiprocessing.get_context("spawn")
    messages = context.Queue()
    pool = ProcessPoolExecutor(workers, context, _start_worker, (messages,))
    pending: set[Future] = set()
    try:
        pending = {pool.submit(_do_in_worker, work, job) for job in jobs}
        while pending:
            done, pending = wait(pending, timeout=POLL_SECONDS, return_when=FIRST_COMPLETED)
            _pass_on(messages, on_progress)
            for future in done:
                yield future.result()
        pool.shutdown(wait=True)  # workers flush their messages when they end
        _pass_on(messages, on_progress)
    except BrokenProcessPool:
        return
    except BaseException:
        for process in list((pool._processes or {}).values()):
            process.terminate()
        raise
    finally:
        pool.shutdown(wait=True, cancel_futures=True)
        messages.close()


def _pass_on(messages: Any, on_progress: OnProgress) -> None:
    latest: dict[str, tuple[float, str]] = {}
    while True:
        try:
            key, fraction, text = messages.get_nowait()
        except queue.Empty:
            break
        latest[key] = fraction, text
    for key, (fraction, text) in latest.items():
        on_progress(key, fraction, text)
