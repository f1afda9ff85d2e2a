"""A run's folder: rows as they are measured, one checkpoint, and a seal when it is finished.

    OUT/runs/PAPER/EXPERIMENT/CONDITION/seed-K-HASH/
        manifest.json            what the run is
        rows.jsonl               rows, appended
        pictures/                galleries, as PNG; drawn again, the same, where a resumed run passes them again
        checkpoint.safetensors   the brain and how many bytes of rows.jsonl it vouches for
        weights.safetensors      the net at the end, if it is kept
        failed.json              what was raised, if the run failed; it is left alone until asked to try again
        done.json                the seal: number of rows and checksums; its presence means finished
        .lock, .claim-N.json     held while a process works here, see `lease`

The order of writing makes any moment a good one to be killed at: rows reach the disk before the checkpoint
that vouches for them, and whatever lies behind the vouched length is cut on resume.
"""

import contextlib
import dataclasses
import hashlib
import json
import os
import re
import shutil
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from oneiros.runs import peak_memory
from oneiros.runs.store.errors import DamagedError, storing
from oneiros.runs.store.lease import Lease
from oneiros.runs.store.manifest import Manifest
from oneiros.runs.store.picture import Picture, to_png
from oneiros.runs.store.row import Row


def write_atomically(path: Path, write: Callable[[Path], object]) -> None:
    """Let `write` fill a temporary neighbour of `path`, then put it in place in one step, on the disk."""
    beside = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    with storing(path):
        path.parent.mkdir(parents=True, exist_ok=True)
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


@dataclass(frozen=True, kw_only=True)
class Failure:
    """Why a run failed: type of the exception, what it said, and when."""

    error: str
    message: str
    when: str


class RunFolder:
    """One run's folder, leased while it is open. Use `with RunFolder.open(out, manifest) as folder`.

    Attributes:
        path: the folder.
        finished: whether the run is sealed, and the seal is whole; then the folder is not leased.
        restarted_because: why an unfinished earlier attempt was thrown away, or "".
        shared_by: runs that this process does at the same time, this one included; each took its share of the seconds.
    """

    def __init__(self, path: Path, manifest: Manifest) -> None:
        self.path = path
        self.manifest = manifest
        self.restarted_because = ""
        self.finished = False
        self.shared_by = 1
        self._lease: Lease | None = None
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
    def weights(self) -> Path:
        """Where the net is at the end, if it is kept."""
        return self.path / "weights.safetensors"

    @property
    def failure(self) -> Failure | None:
        """Why the run failed, if it did."""
        return read_failure(self.path)

    @classmethod
    @contextlib.contextmanager
    def open(cls, out: Path, manifest: Manifest, *, patience: float = 0.0) -> Iterator["RunFolder"]:
        """Lease the run's folder below `out`, made if need be.

        Args:
            out: the output folder.
            manifest: what the run is.
            patience: seconds to wait for another process that works there.

        Raises:
            BusyError: another process is working there.
            StorageError: it cannot be written to.
        """
        folder = cls(out / run_path(manifest), manifest)
        if (folder.path / "done.json").is_file():
            folder._find_finished()
            yield folder
            return
        with storing(folder.path):
            folder.path.mkdir(parents=True, exist_ok=True)
        folder._lease = Lease.take(folder.path, patience=patience)
        try:
            peak_memory.forget_peak()
            folder._prepare()
            yield folder
        finally:
            folder._lease.release(finished=(folder.path / "done.json").is_file())

    def tell(self, fraction: float, text: str) -> None:
        """Say how far the run is, for those who look at the folder."""
        if self._lease:
            self._lease.tell(fraction, text)

    def _find_finished(self) -> None:
        manifest = self.path / "manifest.json"
        if not manifest.exists():
            raise DamagedError(f"{self.path} is sealed but has no manifest.json; delete the folder, run again")
        read_seal(self.path)
        self.manifest = self._same_settings(manifest)
        self._drop_checkpoint()  # a process killed between seal and removal left it
        self.finished = True

    def _same_settings(self, manifest: Path) -> Manifest:
        before = read_manifest(manifest)
        if before.hash != self.manifest.hash:
            raise DamagedError(f"{manifest} was edited: its settings are not those of its folder; delete the folder")
        return before

    def _prepare(self) -> None:
        if (self.path / "done.json").is_file():  # by another process, between a look and the lease
            self._find_finished()
            return
        manifest = self.path / "manifest.json"
        with storing(self.path):
            for torn in self.path.glob(".*.tmp"):  # of a process killed while it wrote; the lease is ours
                torn.unlink(missing_ok=True)
        if not manifest.exists():
            self._write_manifest()
            return
        before = self._same_settings(manifest)
        if (before.code, before.versions) != (self.manifest.code, self.manifest.versions):
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
        self.forget_failure()
        with storing(self.pictures):
            shutil.rmtree(self.pictures, ignore_errors=True)
        self._write_manifest()

    def _drop_checkpoint(self) -> None:
        with storing(self.checkpoint):
            self.checkpoint.unlink(missing_ok=True)

    def _write_manifest(self) -> None:
        write_atomically(self.path / "manifest.json", lambda path: path.write_text(self.manifest.to_json()))

    def fail(self, error: Exception) -> None:
        """Note why the run failed."""
        note_failure(self.path, type(error).__name__, str(error))

    def forget_failure(self) -> None:
        """Let the run be tried again."""
        with storing(self.path):
            (self.path / "failed.json").unlink(missing_ok=True)

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
        if self._lease:
            self._lease.require()
        with storing(self.rows), self.rows.open("ab") as file:
            file.truncate(self._length)  # a flush that failed half way may have left some of these rows
            file.write("".join(self._pending).encode())
            file.flush()
            os.fsync(file.fileno())
            self._length = file.tell()
        self._pending.clear()
        return {"length": self._length, "worked": self._worked + (time.monotonic() - self._began) / self.shared_by}

    def seal(self) -> None:
        """Declare the run finished. The checkpoint has done its duty and goes."""
        state = self.flush()
        self.forget_failure()
        content = self.rows.read_bytes()
        seal = {
            "rows": content.count(b"\n"),
            "sha256": hashlib.sha256(content).hexdigest(),
            "manifest": _checksum(self.path / "manifest.json"),
            "weights": _checksum(self.weights) if self.weights.exists() else None,
            "pictures": {file.name: _checksum(file) for file in sorted(self.pictures.glob("*.png"))},
            "seconds": round(state["worked"], 3),
            "peak_memory": peak_memory.peak(),
            "stack": self.shared_by,
            "ended": datetime.now(UTC).isoformat(timespec="seconds"),
        }
        write_atomically(self.path / "done.json", lambda path: path.write_text(json.dumps(seal) + "\n"))
        self._drop_checkpoint()


def _checksum(file: Path) -> str:
    return hashlib.sha256(file.read_bytes()).hexdigest()


def run_path(manifest: Manifest) -> Path:
    """Where a run lies below the output folder."""
    parts = (manifest.paper, manifest.experiment, manifest.condition, f"seed-{manifest.seed}-{manifest.hash}")
    return Path("runs", *map(safe_name, parts))


def read_manifest(path: Path) -> Manifest:
    """The manifest at `path`.

    Raises:
        DamagedError: it is none.
    """
    try:
        return Manifest.from_json(path.read_text(encoding="utf-8"), str(path))
    except UnicodeDecodeError as error:
        raise DamagedError(f"{path} is not a manifest ({error}); delete the run's folder and run it again") from error


def note_failure(path: Path, error: str, message: str) -> None:
    """Note in a run's folder why it failed, also for a process that died before it could."""
    now = datetime.now(UTC).isoformat(timespec="seconds")
    text = json.dumps({"error": error, "message": message, "when": now}) + "\n"
    write_atomically(path / "failed.json", lambda beside: beside.write_text(text))


def read_failure(path: Path) -> Failure | None:
    """Why the run at `path` failed, if it did and is not finished."""
    file = path / "failed.json"
    if not file.is_file() or (path / "done.json").is_file():
        return None
    try:
        said = json.loads(file.read_text())
        return Failure(error=str(said["error"]), message=str(said["message"]), when=str(said["when"]))
    except (OSError, ValueError, KeyError, TypeError, RecursionError) as error:
        return Failure(error="DamagedError", message=f"failed.json cannot be read ({error})", when="")


def read_seal(path: Path) -> dict:
    """The seal of a finished run folder, checked against its rows and manifest.

    Raises:
        DamagedError: the seal cannot be read or does not fit.
    """
    return read_sealed(path)[0]


def read_sealed(path: Path) -> tuple[dict, bytes]:
    """The seal of a finished run folder and the rows that it vouches for, read once.

    Raises:
        DamagedError: the seal cannot be read or does not fit rows or manifest.
    """
    try:
        seal = json.loads((path / "done.json").read_text())
        content = (path / "rows.jsonl").read_bytes()
        whole = hashlib.sha256(content).hexdigest() == seal["sha256"] and content.count(b"\n") == seal["rows"]
        # Seals of earlier versions say nothing of their manifest.
        untouched = seal.get("manifest") in (None, _checksum(path / "manifest.json"))
        seal |= {"seconds": float(seal["seconds"]), "pictures": dict(seal.get("pictures", {}))}
    except (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise DamagedError(
            f"{path}: done.json or rows.jsonl cannot be read ({error}); delete the folder, run again"
        ) from error
    if not whole or not untouched:
        changed = "manifest.json" if whole else "rows.jsonl"
        raise DamagedError(
            f"{path}: {changed} was changed after the run was sealed; delete the folder and run it again"
        )
    return seal, content
