"""A run's folder: rows as they are measured, one checkpoint, and a seal when it is finished.

    OUT/runs/PAPER/EXPERIMENT/CONDITION/seed-K-HASH/
        manifest.json            what the run is
        rows.jsonl               rows, appended
        pictures/                galleries, as PNG; drawn again, the same, where a resumed run passes them again
        checkpoint.safetensors   the brain and how many bytes of rows.jsonl it vouches for
        done.json                the seal: number of rows and checksum; its presence means finished
        .lock                    held while a process works here; the system drops it when the process dies

The order of writing makes any moment a good one to be killed at: rows reach the disk before the checkpoint
that vouches for them, and whatever lies behind the vouched length is cut on resume.
"""

import contextlib
import dataclasses
import errno
import hashlib
import json
import os
import re
import shutil
import time
from collections.abc import Callable, Iterable, Iterator
from datetime import UTC, datetime
from pathlib import Path

import filelock

from oneiros.results import memory
from oneiros.results.errors import BusyError, DamagedError, StorageError
from oneiros.results.manifest import Manifest
from oneiros.results.picture import Picture, to_png
from oneiros.results.row import Row


@contextlib.contextmanager
def storing(path: Path) -> Iterator[None]:
    """Turn what the operating system says about writing into one clear error."""
    try:
        yield
    except OSError as error:
        if error.errno == errno.ENOSPC:
            why = "the disk is full; free some space, then the same command goes on from the last checkpoint"
        elif error.errno in (errno.EACCES, errno.EPERM, errno.EROFS):
            why = "the folder cannot be written to; choose another --out"
        else:
            why = str(error.strerror or error)
        raise StorageError(f"cannot write {path}: {why}") from error


def write_atomically(path: Path, write: Callable[[Path], object]) -> None:
    """Let `write` fill a temporary neighbour of `path`, then put it in place in one step, on the disk."""
    beside = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    with storing(path):
        try:
            write(beside)
            with beside.open("rb+") as file:
                os.fsync(file.fileno())
            beside.replace(path)
        finally:
            beside.unlink(missing_ok=True)


def safe_name(name: str) -> str:
    """`name` as one component of a path, whatever it contains.

    >>> safe_name("../a b")
    '..-a-b-2c2c79'
    >>> safe_name("src_rehearsal")
    'src_rehearsal'
    """
    if re.fullmatch(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,63}", name):
        return name
    # Names that had to be changed get a checksum, so that two of them never share a folder.
    return f"{re.sub(r'[^A-Za-z0-9_.-]+', '-', name)[:40]}-{hashlib.sha256(name.encode()).hexdigest()[:6]}"


class RunFolder:
    """One run's folder, locked while it is open. Use `with RunFolder.open(out, manifest) as folder`.

    Attributes:
        path: the folder.
        restarted_because: why an unfinished earlier attempt was thrown away, or "".
    """

    def __init__(self, path: Path, manifest: Manifest) -> None:
        self.path = path
        self.manifest = manifest
        self.restarted_because = ""
        self._pending: list[str] = []
        self._length = 0  # bytes of rows.jsonl that are known to be ours and whole
        self._began = time.monotonic()
        self._worked = 0.0

    @property
    def checkpoint(self) -> Path:
        """Where the checkpoint is, if there is one."""
        return self.path / "checkpoint.safetensors"

    @property
    def rows(self) -> Path:
        """Where the rows are."""
        return self.path / "rows.jsonl"

    @property
    def pictures(self) -> Path:
        """Where the pictures are, if there are any."""
        return self.path / "pictures"

    @property
    def finished(self) -> bool:
        """Whether the run is sealed, and the seal is whole."""
        return (self.path / "done.json").is_file() and bool(read_seal(self.path))

    @classmethod
    @contextlib.contextmanager
    def open(cls, out: Path, manifest: Manifest) -> Iterator["RunFolder"]:
        """Lock the run's folder below `out`, made if need be.

        Raises:
            BusyError: another process is working there.
            StorageError: it cannot be written to.
        """
        parts = (manifest.paper, manifest.experiment, manifest.condition, f"seed-{manifest.seed}-{manifest.hash}")
        path = out.joinpath("runs", *map(safe_name, parts))
        folder = cls(path, manifest)
        with storing(path):
            path.mkdir(parents=True, exist_ok=True)
            lock = filelock.FileLock(path / ".lock")
            try:
                lock.acquire(timeout=0)
            except filelock.Timeout:
                raise BusyError(
                    f"another process is running {path}; wait until it is done, or stop it, or choose another --out"
                ) from None
        try:
            memory.forget_peak()
            folder._prepare()
            yield folder
        finally:
            lock.release()

    def _prepare(self) -> None:
        manifest = self.path / "manifest.json"
        with storing(self.path):
            for torn in self.path.glob(".*.tmp"):  # of a process killed while it wrote; the lock is ours
                torn.unlink()
        if not manifest.exists():
            if self.finished:
                raise DamagedError(f"{self.path} is sealed but has no manifest.json; delete the folder, run again")
            self._write_manifest()
            return
        before = Manifest.from_json(manifest.read_text(), str(manifest))
        if before.hash != self.manifest.hash:
            raise DamagedError(f"{manifest} was edited: its settings are not those of its folder; delete the folder")
        if self.finished:
            self.manifest = before
            self._drop_checkpoint()  # a process killed between seal and removal left it
        elif (before.code, before.versions) != (self.manifest.code, self.manifest.versions):
            self._restart(before)

    def _restart(self, before: Manifest) -> None:
        """Throw the unfinished attempt away: rows from two codes must not end up in one run."""
        mine, theirs = self.manifest.versions, before.versions
        changed = [
            f"{name} {theirs.get(name)}" for name in sorted({**mine, **theirs}) if mine.get(name) != theirs.get(name)
        ]
        code = [f"another version of the code ({before.code})"] if before.code != self.manifest.code else []
        self.restarted_because = f"it was begun by {' and '.join(code + changed)}"
        self._drop_checkpoint()
        with storing(self.pictures):
            shutil.rmtree(self.pictures, ignore_errors=True)
        self._write_manifest()

    def _drop_checkpoint(self) -> None:
        with storing(self.checkpoint):
            self.checkpoint.unlink(missing_ok=True)

    def _write_manifest(self) -> None:
        write_atomically(self.path / "manifest.json", lambda path: path.write_text(self.manifest.to_json()))

    def describe_data(self, checksums: dict[str, str], note: str = "") -> None:
        """Say in the manifest which data files were read, and what stands in for what the paper used."""
        self.manifest = dataclasses.replace(self.manifest, data=checksums, note=note)
        self._write_manifest()

    def rewind(self, length: int, worked: float) -> None:
        """Cut the rows to the `length` in bytes that a checkpoint vouches for (0 without one)."""
        with storing(self.rows):
            self.rows.touch()
            if self.rows.stat().st_size < length:
                raise DamagedError(f"{self.rows} is shorter than its checkpoint says; delete {self.path} and run again")
            os.truncate(self.rows, length)
        self._pending.clear()
        self._length = length
        self._worked, self._began = worked, time.monotonic()

    def add(self, rows: Iterable[Row]) -> None:
        """Take rows; they reach the disk with the next `flush`."""
        self._pending += [json.dumps(dataclasses.asdict(row), allow_nan=False) + "\n" for row in rows]

    def keep(self, picture: Picture) -> None:
        """Put a picture on the disk, in place of an earlier one at the same name, day and step."""
        with storing(self.pictures):
            self.pictures.mkdir(exist_ok=True)
        content = to_png(picture)
        name = safe_name(Path(picture.file).stem) + ".png"
        write_atomically(self.pictures / name, lambda path: path.write_bytes(content))

    def flush(self) -> dict[str, int | float]:
        """Put all rows taken on the disk. Returns what a checkpoint must record to vouch for them."""
        with storing(self.rows), self.rows.open("ab") as file:
            file.truncate(self._length)  # a flush that failed half way may have left some of these rows
            file.write("".join(self._pending).encode())
            file.flush()
            os.fsync(file.fileno())
            self._length = file.tell()
        self._pending.clear()
        return {"length": self._length, "worked": self._worked + time.monotonic() - self._began}

    def seal(self) -> None:
        """Declare the run finished. The checkpoint has done its duty and goes."""
        state = self.flush()
        content = self.rows.read_bytes()
        seal = {
            "rows": content.count(b"\n"),
            "sha256": hashlib.sha256(content).hexdigest(),
            "pictures": {file.name: _checksum(file) for file in sorted(self.pictures.glob("*.png"))},
            "seconds": round(state["worked"], 3),
            "peak_memory": memory.peak(),
            "ended": datetime.now(UTC).isoformat(timespec="seconds"),
        }
        write_atomically(self.path / "done.json", lambda path: path.write_text(json.dumps(seal) + "\n"))
        self._drop_checkpoint()


def _checksum(file: Path) -> str:
    return hashlib.sha256(file.read_bytes()).hexdigest()


def read_seal(path: Path) -> dict:
    """The seal of a finished run folder, checked against its rows.

    Raises:
        DamagedError: the seal cannot be read or does not fit the rows.
    """
    try:
        seal = json.loads((path / "done.json").read_text())
        content = (path / "rows.jsonl").read_bytes()
        whole = hashlib.sha256(content).hexdigest() == seal["sha256"] and content.count(b"\n") == seal["rows"]
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise DamagedError(
            f"{path}: done.json or rows.jsonl cannot be read ({error}); delete the folder, run again"
        ) from error
    if not whole:
        raise DamagedError(
            f"{path}: rows.jsonl was changed after the run was sealed; delete the folder and run it again"
        )
    return seal
