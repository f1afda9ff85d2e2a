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
from collections import Counter, deque
from collections.abc import Iterator, Sequence
from dataclasses import replace
from multiprocessing.connection import Connection, wait

from oneiros.runs import peak_memory
from oneiros.runs.engines.engine import DIED, Job, OnProgress, Outcome, Progress, Work, attempt, cancelled, failure
from oneiros.runs.engines.memory_budget import MemoryBudget, available, held

POLL_SECONDS = 0.1
ATTEMPTS = 2  # a job whose worker died is tried once more


def usable_cores() -> int:
    """Cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def visible_devices(count: int) -> tuple[str, ...]:
    """Names of the first `count` CUDA devices that this process sees, as CUDA_VISIBLE_DEVICES takes them."""
    named = [name for name in os.environ.get("CUDA_VISIBLE_DEVICES", "").split(",") if name]
    return tuple((named or [str(n) for n in range(count)])[:count])


class LocalEngine:
    """Does `work` in worker processes; an `Engine`.

    Args:
        work: called as `work(payload, progress)`; it must be importable.
        workers: processes at most; fewer where memory is short.
        devices: CUDA devices to spread the workers over, each of which sees one; none leaves them as they are.
    """

    def __init__(self, work: Work, *, workers: int, devices: Sequence[str] = ()) -> None:
        if workers < 1:
            raise ValueError(f"workers is {workers}; expected at least 1")
        self._work, self._workers = work, workers
        self._waiting: deque[Job] = deque()
        self._over: deque[Outcome] = deque()
        self._deaths = Counter[str]()
        self._idle: list[_Worker] = []
        self._busy: dict[Connection, tuple[_Worker, Job]] = {}
        self._devices = list(devices) or [""]
        self._budget = MemoryBudget()

    def submit(self, job: Job) -> None:
        """Take a job."""
        self._waiting.append(job)

    def stream(self, on_progress: OnProgress) -> Iterator[Outcome]:
        """Outcomes as they come."""
        while self._waiting or self._busy or self._over:
            self._start_what_fits()
            for connection in wait(list(self._busy), timeout=0 if self._over else POLL_SECONDS):
                assert isinstance(connection, Connection), "all that is waited for"
                self._listen(connection, on_progress)
            while self._over:
                yield self._over.popleft()

    def cancel(self, key: str) -> None:
        """Drop a job that waits or runs."""
        if any(job.key == key for job in self._waiting):
            self._waiting = deque(job for job in self._waiting if job.key != key)
            self._over.append(cancelled(key))
        for connection, (worker, job) in list(self._busy.items()):
            if job.key == key:
                del self._busy[connection]
                self._end(worker)
                self._over.append(cancelled(key))

    def __enter__(self) -> "LocalEngine":
        return self

    def __exit__(self, *raised: object) -> None:
        # Normally all are idle; after Ctrl-C, or when the caller looks no further, some are not.
        for worker in [*self._idle, *(worker for worker, _ in self._busy.values())]:
            self._end(worker)
        self._idle, self._busy = [], {}
        self._waiting.clear()

    def _start_what_fits(self) -> None:
        while self._waiting and len(self._busy) < self._workers:
            running = [held(worker.process.pid) for worker, _ in self._busy.values()]
            if not self._budget.for_another(running, available()):
                return
            worker = self._idle.pop() if self._idle else self._hire()
            job = self._waiting.popleft()
            self._busy[worker.connection] = worker, job
            worker.give(job)

    def _hire(self) -> "_Worker":
        taken = Counter(worker.device for worker, _ in self._busy.values())
        return _Worker(self._work, min(self._devices, key=lambda device: taken[device]))

    def _listen(self, connection: Connection, on_progress: OnProgress) -> None:
        if connection not in self._busy:  # cancelled meanwhile
            return
        worker, job = self._busy[connection]
        heard = worker.hear()
        if isinstance(heard, tuple):
            on_progress(job.key, *heard)
            return
        del self._busy[connection]
        if heard is not None:
            self._idle.append(worker)
            self._budget.saw(heard.peak)
            self._over.append(heard)
            return
        exit_code = worker.bury()
        self._deaths[job.key] += 1
        if self._deaths[job.key] < ATTEMPTS:
            self._waiting.append(job)
        else:
            self._over.append(_death(job, exit_code))

    def _end(self, worker: "_Worker") -> None:
        worker.process.terminate()
        worker.bury()


def _death(job: Job, exit_code: int | None) -> Outcome:
    message = f"its worker process died {ATTEMPTS} times (out of memory, or killed; exit code {exit_code})"
    return Outcome(key=job.key, error=DIED, message=message)


class _Worker:
    """This side of a worker process."""

    def __init__(self, work: Work, device: str) -> None:
        context = multiprocessing.get_context("spawn")
        self.device = device
        self.connection, theirs = context.Pipe()
        self.process = context.Process(target=_serve, args=(theirs, work, device))
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


def _serve(connection: Connection, work: Work, device: str) -> None:
    """Do the jobs that come through the pipe until it is closed."""
    # Ctrl-C reaches the whole process group; the parent decides what it means.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    threading.Thread(target=_die_with_parent, daemon=True).start()
    _use_one_thread()
    if device:
        os.environ["CUDA_VISIBLE_DEVICES"] = device  # read when the first tensor goes there
    while True:
        try:
            job: Job = connection.recv()
        except (EOFError, ConnectionError):
            return
        peak_memory.forget_peak()
        outcome = replace(attempt(work, job, _progress_through(connection)), peak=peak_memory.peak() or 0)
        try:
            connection.send(outcome)
        except Exception as error:  # noqa: BLE001 (what a result raises when pickled is up to the result)
            connection.send(failure(job.key, error))


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
