"""The same jobs on a Ray cluster, which decides what runs where and starts a job anew when its node is lost.

Results are not sent through Ray: runs write to a folder that all nodes share, and leases there (`results.lease`) see
to it that a job which Ray started twice is done once.
"""

import functools
import logging
import os
import time
from collections import deque
from collections.abc import Iterator
from typing import Any

from oneiros.runs.engines.engine import DIED, Job, OnProgress, Outcome, Work, attempt, cancelled, failure

POLL_SECONDS = 0.2
LOOPBACK = "127.0.0.1"
ATTEMPTS = 4  # nodes that a job may lose


class Ear:
    """Keeps what jobs say until the driver asks: an actor beside the driver."""

    def __init__(self) -> None:
        self._heard: dict[str, tuple[float, str]] = {}

    def tell(self, key: str, fraction: float, text: str) -> None:
        """A job says how far it is; only its last word counts."""
        self._heard[key] = fraction, text

    def listen(self) -> dict[str, tuple[float, str]]:
        """What was said since the last time."""
        heard, self._heard = self._heard, {}
        return heard


def carry_out(work: Work, job: Job, ear: Any) -> Outcome:
    """Do a job on a node of the cluster."""
    spoken = 0.0

    def progress(fraction: float, text: str) -> None:
        nonlocal spoken
        if fraction >= 1 or time.monotonic() - spoken > POLL_SECONDS:
            spoken = time.monotonic()
            ear.tell.remote(job.key, fraction, text)

    return attempt(work, job, progress)


class RayEngine:
    """Does `work` on a Ray cluster; an `Engine`.

    Args:
        work: called as `work(payload, progress)`; it must be importable on every node.
        address: of the cluster; "auto" finds the one that this machine belongs to, "local" starts one here,
            for this machine alone.
        cpus: cores for each job.
        gpus: GPUs for each job; a fraction lets several share one.
    """

    def __init__(self, work: Work, *, address: str = "auto", cpus: float = 1.0, gpus: float = 0.0) -> None:
        # Ray would start its workers through `uv run`, in a copy of the working directory, where this process was.
        os.environ.setdefault("RAY_ENABLE_UV_RUN_RUNTIME_ENV", "0")
        # Imported here: an extra, and slow to import.
        import ray
        from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy

        self._ray: Any = ray
        self._ours = not ray.is_initialized()
        if self._ours:
            # Ray unpickles what reaches its ports: a cluster that begins here listens to this machine alone.
            begin = functools.partial(ray.init, _node_ip_address=LOOPBACK) if address == "local" else ray.init
            begin(address=address, logging_level=logging.WARNING, log_to_driver=False, include_dashboard=False)
        here = NodeAffinitySchedulingStrategy(ray.get_runtime_context().get_node_id(), soft=False)
        self._ear = ray.remote(Ear).options(num_cpus=0, scheduling_strategy=here).remote()
        # Ray starts a job again when its worker or node is lost; what it raises itself is its outcome.
        options = {"num_cpus": cpus, "num_gpus": gpus, "max_retries": ATTEMPTS - 1}
        self._task = ray.remote(**options)(carry_out)
        self._work = work
        self._running: dict[Any, Job] = {}
        self._over: deque[Outcome] = deque()

    def submit(self, job: Job) -> None:
        """Take a job."""
        self._running[self._task.remote(self._work, job, self._ear)] = job

    def stream(self, on_progress: OnProgress) -> Iterator[Outcome]:
        """Outcomes as they come."""
        while self._running or self._over:
            ready, _ = self._ray.wait(list(self._running), timeout=POLL_SECONDS) if self._running else ([], [])
            for key, said in self._ray.get(self._ear.listen.remote()).items():
                on_progress(key, *said)
            for reference in ready:
                self._over.append(self._outcome(reference, self._running.pop(reference)))
            while self._over:
                yield self._over.popleft()

    def cancel(self, key: str) -> None:
        """Drop a job that waits or runs."""
        for reference, job in list(self._running.items()):
            if job.key == key:
                del self._running[reference]
                self._ray.cancel(reference, force=True)
                self._over.append(cancelled(key))

    def __enter__(self) -> "RayEngine":
        return self

    def __exit__(self, *raised: object) -> None:
        for reference in self._running:
            self._ray.cancel(reference, force=True)
        self._running.clear()
        self._ray.kill(self._ear)
        if self._ours:
            self._ray.shutdown()

    def _outcome(self, reference: Any, job: Job) -> Outcome:
        try:
            return self._ray.get(reference)
        except self._ray.exceptions.RayTaskError as error:  # what a result raises when pickled
            return failure(job.key, error)
        except self._ray.exceptions.RayError as error:
            first = str(error).strip().splitlines()[0]
            message = f"its worker or node was lost {ATTEMPTS} times ({type(error).__name__}: {first})"
            return Outcome(key=job.key, error=DIED, message=message)
