"""Who works in a run folder: a lease that one process at a time holds, that beats while it lives, and that is fenced.

Two things say that a folder is taken. A lock of the operating system, which goes with its process, so that on one
machine a dead owner is known at once. And a file `.claim-N.json` that its owner rewrites every few seconds, for
machines that share a folder but no locks. Whoever takes over creates `.claim-(N+1)`, which only one can; the owner of
an older one notices before it writes anything and gives up. Clocks are not trusted: a lease is stale when whoever
waits has seen it unchanged for long enough by its own monotonic clock.
"""

import contextlib
import json
import math
import os
import platform
import threading
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import filelock

from oneiros.runs.store.disk import create_once, write_atomically
from oneiros.runs.store.errors import BusyError, StorageError, storing

BEAT_SECONDS = 5.0
# Longer than a night that holds Python's lock and than the caches of network file systems.
STALE_SECONDS = 120.0
POLL_SECONDS = 0.5
# Where a name alone would not tell machines apart ("localhost"), this does, and it survives a reboot.
MACHINE = Path("/etc/machine-id")


@dataclass(frozen=True, kw_only=True)
class LeaseInfo:
    """What a lease says.

    Attributes:
        host, machine, pid: who holds it.
        since: when it was taken, by that machine's clock; for people.
        released: whether it was given back.
        beats: how often it was rewritten.
        seconds: since it was taken.
        first, fraction: how much of the run was done when it was taken, and is now; first is None before it is known.
        text: what the run says of itself.
    """

    host: str
    machine: str
    pid: int
    since: str
    released: bool = False
    beats: int = 0
    seconds: float = 0.0
    first: float | None = None
    fraction: float = 0.0
    text: str = ""

    @property
    def here(self) -> bool:
        """Whether this machine took it."""
        return (self.host, self.machine) == (platform.node(), _machine())


class Lease:
    """A lease that this process holds; see `take`."""

    def __init__(self, folder: Path, generation: int, lock: filelock.BaseFileLock, info: LeaseInfo) -> None:
        self._folder = folder
        self._generation = generation
        self._lock = lock
        self._info = info
        self._began = time.monotonic()
        self._over = threading.Event()
        self._writing = threading.Lock()
        self._heart = threading.Thread(target=self._beat, daemon=True)
        self._heart.start()

    @classmethod
    def take(cls, folder: Path, *, patience: float = 0.0, stale: float = STALE_SECONDS) -> "Lease":
        """Take the lease of `folder`, which exists; a dead owner's is taken over.

        Args:
            folder: the run's.
            patience: seconds to wait for an owner that lives. One on another machine is known to be dead only to
                those who wait for `stale` seconds.
            stale: seconds without a beat after which an owner on another machine counts as dead.

        Raises:
            BusyError: somebody works there.
            StorageError: the folder cannot be written to.
        """
        ends, watch = time.monotonic() + patience, _Watch(stale)
        while True:
            lease = cls._try(folder, watch)
            if lease is not None:
                return lease
            if time.monotonic() >= ends:
                raise BusyError(f"another process is running {folder}{_who(folder)}; it is left to that process")
            time.sleep(POLL_SECONDS)

    @classmethod
    def _try(cls, folder: Path, watch: "_Watch") -> "Lease | None":
        with storing(folder):
            lock = filelock.FileLock(folder / ".lock")
            try:
                lock.acquire(timeout=0)
            except filelock.Timeout:
                return None
            generation = newest(folder)
            if generation and not watch.dead(folder, generation):
                lock.release()
                return None
            now = datetime.now(UTC).isoformat(timespec="seconds")
            info = LeaseInfo(host=platform.node(), machine=_machine(), pid=os.getpid(), since=now)
            try:
                if _create(_file(folder, generation + 1), info):
                    _sweep(folder, generation)
                    return cls(folder, generation + 1, lock, info)
            except (OSError, StorageError):
                lock.release()
                raise
        lock.release()
        return None

    @property
    def generation(self) -> int:
        """Its number; one that follows it has a larger one."""
        return self._generation

    def tell(self, fraction: float, text: str) -> None:
        """Say how far the run is; it is written with the next beat."""
        first = fraction if self._info.first is None else self._info.first
        self._info = replace(self._info, first=first, fraction=fraction, text=text)

    def require(self) -> None:
        """Make sure that nobody has taken the lease over; called before anything is written.

        Raises:
            BusyError: somebody did, since this process stood still for so long.
        """
        if not self._mine():
            raise BusyError(
                f"{self._folder} was taken over by another process{_who(self._folder)} while this one stood still; "
                "what it had not yet written is dropped"
            )

    def release(self, *, finished: bool = False) -> None:
        """Give it back; of a folder that is `finished`, which nobody needs to lease again, nothing is left."""
        self._over.set()
        self._heart.join()
        with contextlib.suppress(OSError, StorageError):  # a lease that cannot be given back is taken over
            if newest(self._folder) == self._generation:
                _sweep(self._folder, self._generation) if finished else self._write(replace(self._info, released=True))
        self._lock.release()

    def _mine(self) -> bool:
        """Whether nobody has followed, nor followed, finished and left."""
        return newest(self._folder) == self._generation and not (self._folder / "done.json").exists()

    def _beat(self) -> None:
        beats = 0
        while not self._over.wait(BEAT_SECONDS) and self._mine():
            beats += 1
            seconds = round(time.monotonic() - self._began, 1)
            with contextlib.suppress(StorageError):  # a full disk: what it means is for the next commit to say
                self._write(replace(self._info, beats=beats, seconds=seconds))

    def _write(self, info: LeaseInfo) -> None:
        with self._writing:
            text = json.dumps(asdict(info)) + "\n"
            write_atomically(_file(self._folder, self._generation), lambda path: path.write_text(text))


class _Watch:
    """What somebody who waits has seen of a lease, by a clock that nobody can set."""

    def __init__(self, stale: float) -> None:
        self._stale = stale
        self._seen: tuple[int, bytes] | None = None
        self._since = 0.0

    def dead(self, folder: Path, generation: int) -> bool:
        """Whether its owner is gone. The caller holds the lock, so an owner on this machine is."""
        info = read_lease(folder)
        if info is not None and (info.released or info.here):
            return True
        try:
            now = generation, _file(folder, generation).read_bytes()
        except FileNotFoundError:
            return False
        if now != self._seen:
            self._seen, self._since = now, time.monotonic()
        return time.monotonic() - self._since >= self._stale


def newest(folder: Path) -> int:
    """Number of the newest lease in `folder`; 0 where there was never one."""
    numbers = [path.name.removeprefix(".claim-").removesuffix(".json") for path in folder.glob(".claim-*.json")]
    return max((int(number) for number in numbers if number.isdecimal()), default=0)


def read_lease(folder: Path) -> LeaseInfo | None:
    """The newest lease; None where there is none that can be read."""
    try:
        said: dict[str, Any] = json.loads(_file(folder, newest(folder)).read_text())
        info = LeaseInfo(**said)
    except (OSError, ValueError, TypeError, RecursionError):
        return None
    return info if _is_sane(info) else None


def _is_sane(info: LeaseInfo) -> bool:
    """Whether every entry is what an owner writes; a file may say anything."""
    numbers = [info.seconds, info.fraction, *([] if info.first is None else [info.first])]
    return (
        all(isinstance(text, str) for text in (info.host, info.machine, info.since, info.text))
        and all(type(number) in (int, float) and 0 <= number < math.inf for number in numbers)
        and all(type(number) is int and 0 <= number < 2**31 for number in (info.pid, info.beats))
        and type(info.released) is bool
    )


def alive(folder: Path, wall_clock: Callable[[], float] = time.time) -> bool:
    """Whether somebody seems to work in `folder`: for a glance, which takes nothing and waits for nothing."""
    info = read_lease(folder)
    if info is None or info.released:
        return False
    if info.here and os.name == "posix":
        try:
            os.kill(info.pid, 0)
        except ProcessLookupError:
            return False
        except PermissionError:
            return True
        return True
    with contextlib.suppress(OSError):
        return wall_clock() - _file(folder, newest(folder)).stat().st_mtime < STALE_SECONDS
    return False


def _file(folder: Path, generation: int) -> Path:
    # The name that earlier versions gave it, so that they and we see one another.
    return folder / f".claim-{generation}.json"


def _create(path: Path, info: LeaseInfo) -> bool:
    """Whether `path` was made by us: only one process can. It is never there without its content."""
    if not create_once(path, (json.dumps(asdict(info)) + "\n").encode()):
        return False
    # Somebody slower may have made an old number again after its removal: then the newest is not ours.
    return path == _file(path.parent, newest(path.parent))


def _sweep(folder: Path, up_to: int) -> None:
    """Remove leases that were taken over; the newest stays while there is work, so that no number is given twice."""
    for path in folder.glob(".claim-*.json"):
        number = path.name.removeprefix(".claim-").removesuffix(".json")
        if number.isdecimal() and int(number) <= up_to:
            path.unlink(missing_ok=True)


def _who(folder: Path) -> str:
    info = read_lease(folder)
    return f" (process {info.pid} on {info.host}, since {info.since})" if info else ""


def _machine() -> str:
    with contextlib.suppress(OSError):
        return MACHINE.read_text().strip()
    return ""
