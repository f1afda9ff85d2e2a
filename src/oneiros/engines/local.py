"""Independent jobs on the processes of this machine, one thread each.

For small nets, many processes beat many threads. Each process does one job at a time and has a pipe of its
own, so that the death of one is known to be that of its job, and disturbs no other.
"""

import multiprocessing
import os
import signal
import sys
import threading
import time
import traceback
from collections import Counter, deque
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from multiprocessing.connection import Connection, wait
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
    yield from _spread(work, jobs, workers, on_progress)


def _spread(work: Work, jobs: Sequence[Job], workers: int, on_progress: OnProgress) -> Iterator[Outcome]:
    waiting, deaths = deque(jobs), Counter[str]()
    idle: list[_Worker] = []
    busy: dict[Connection, tuple[_Worker, Job]] = {}
    try:
        while waiting or busy:
            while waiting and len(busy) < workers:
                worker, job = idle.pop() if idle else _Worker(work), waiting.popleft()
                busy[worker.connection] = worker, job
                worker.give(job)
            ready = wait(list(busy), timeout=POLL_SECONDS)
            for connection in [c for c in busy if c in ready]:
                worker, job = busy[connection]
                heard = worker.hear()
                if isinstance(heard, tuple):
                    on_progress(job.key, *heard)
                    continue
                del busy[connection]
                if heard is not None:
                    idle.append(worker)
                    yield heard
                    continue
                exit_code = worker.bury()
                deaths[job.key] += 1
                if deaths[job.key] < ATTEMPTS:
                    waiting.append(job)
                else:
                    yield _death(job, exit_code)
    finally:
        # Normally all are idle; after Ctrl-C, or when the caller looks no further, some are not.
        for worker in [*idle, *(worker for worker, _ in busy.values())]:
            worker.process.terminate()
            worker.bury()


def _do(work: Work, job: Job, progress: Progress) -> Outcome:
    try:
        return Outcome(key=job.key, result=work(job.payload, progress))
    except Exception as error:  # noqa: BLE001 (whatever it is, the other jobs go on)
        return _failure(job, error)


def _failure(job: Job, error: Exception) -> Outcome:
    return Outcome(key=job.key, error=type(error).__name__, message=str(error), trace=traceback.format_exc())


def _death(job: Job, exit_code: int | None) -> Outcome:
    message = (
        f"its worker process died {ATTEMPTS} times (out of memory, or killed; exit code {exit_code}); "
        "the same command tries it again"
    )
    return Outcome(key=job.key, error="WorkerDied", message=message)


class _Worker:
    """This side of a worker process."""

    def __init__(self, work: Work) -> None:
        context = multiprocessing.get_context("spawn")
        self.connection, theirs = context.Pipe()
        self.process = context.Process(target=_serve, args=(theirs, work))
        self.process.start()
        theirs.close()  # so that the end of the process is the end of the pipe

    def give(self, job: Job) -> None:
        """Send a job; a process that died before it came is noticed by `hear`."""
        try:
            self.connection.send(job)
        except ConnectionError:
            return

    def hear(self) -> Outcome | tuple[float, str] | None:
        """The outcome of its job, or progress, or None if the process died."""
        try:
            return self.connection.recv()
        except (EOFError, ConnectionError):
            return None

    def bury(self) -> int | None:
        """Wait for the end of the process; its exit code."""
        self.process.join()
        self.connection.close()
        return self.process.exitcode


def _serve(connection: Connection, work: Work) -> None:
    """Do the jobs that come through the pipe until it is closed."""
    # Ctrl-C reaches the whole process group; the parent decides what it means.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    threading.Thread(target=_die_with_parent, daemon=True).start()
    _use_one_thread()
    while True:
        try:
            job: Job = connection.recv()
        except (EOFError, ConnectionError):
            return
        outcome = _do(work, job, _progress_through(connection))
        try:
            connection.send(outcome)
        except Exception as error:  # noqa: BLE001 (what a result raises when pickled is up to the result)
            connection.send(_failure(job, error))


def _use_one_thread() -> None:
    # Libraries read the variables when they are imported; a torch that `work` has imported by now is told.
    os.environ |= dict.fromkeys(("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS"), "1")
    if "torch" in sys.modules:
        sys.modules["torch"].set_num_threads(1)


def _progress_through(connection: Connection) -> Progress:
    last = 0.0

    def progress(fraction: float, text: str) -> None:
        nonlocal last
        if fraction >= 1 or time.monotonic() - last > POLL_SECONDS:
            last = time.monotonic()
            connection.send((fraction, text))

    return progress


def _die_with_parent() -> None:
    """Otherwise a worker would outlive a killed parent, and its lock keep the same command from going on."""
    parent = multiprocessing.parent_process()
    if parent is not None:
        wait([parent.sentinel])
        os._exit(1)
