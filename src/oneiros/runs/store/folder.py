"""A run's folder: rows as they are measured, one checkpoint, and a seal when it is finished.

    OUT/runs/PAPER/EXPERIMENT/CONDITION/seed-K-HASH/
        manifest.json            what the run is
        rows.jsonl               rows, appended
        pictures/                galleries, as PNG; drawn again, the same, where a resumed run passes them again
        checkpoint.safetensors   the brain, and length and checksum of the rows that it vouches for
        weights.safetensors      the net at the end, if it is kept
        failed.json              what was raised, if the run failed; it is left alone until asked to try again
        done.json                the seal: number of rows and checksums; its presence means finished
        .lock, .claim-N.json     held while a process works here, see `lease`

While a process works, its rows, checkpoint, pictures and weights lie in a folder of its own, `attempt-N-TOKEN`, see
`attempt`; what is sealed is moved up.

The order of writing makes any moment a good one to be killed at: rows reach the disk before the checkpoint
that vouches for them, and whatever lies behind the vouched length is cut on resume.
"""

import contextlib
import dataclasses
import errno
import hashlib
import json
import math
import os
import re
import time
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from oneiros.runs import peak_memory
from oneiros.runs.store import attempt
from oneiros.runs.store.attempt import located
from oneiros.runs.store.disk import (
    checksum,
    create_once,
    open_old,
    own_folder,
    sync_folder,
    write_all,
    write_atomically,
)
from oneiros.runs.store.errors import BusyError, DamagedError, StorageError, storing
from oneiros.runs.store.lease import Lease
from oneiros.runs.store.manifest import Manifest
from oneiros.runs.store.picture import Picture, to_png
from oneiros.runs.store.row import Row

NOTHING = hashlib.sha256().hexdigest()


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
        work: where this process writes: its attempt; the folder itself, once the run is finished.
        finished: whether the run is sealed, and the seal is whole; then the folder is not leased.
        restarted_because: why an unfinished earlier attempt was thrown away, or "".
        shared_by: runs that this process does at the same time, this one included; each took its share of the seconds.
    """

    def __init__(self, path: Path, manifest: Manifest) -> None:
        self.path = self.work = path
        self.manifest = manifest
        self.restarted_because = ""
        self.finished = False
        self.shared_by = 1
        self._lease: Lease | None = None
        self._pending: list[str] = []
        self._length = 0  # bytes of rows.jsonl that are known to be ours and whole, and their checksum
        self._digest = hashlib.sha256()
        self._drawn: dict[str, str] = {}  # pictures that were kept: name of the file -> checksum
        self._began = time.monotonic()
        self._worked = 0.0

    @property
    def checkpoint(self) -> Path:
        """Where the checkpoint is, if there is one."""
        return self.work / attempt.CHECKPOINT

    @property
    def rows(self) -> Path:
        """Where the rows are."""
        return self.work / attempt.ROWS

    @property
    def pictures(self) -> Path:
        """Where the pictures are, if there are any."""
        return self.work / attempt.PICTURES

    @property
    def weights(self) -> Path:
        """Where the net is at the end, if it is kept."""
        return self.work / attempt.WEIGHTS

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
            DamagedError: what lies there is not what was sealed.
            StorageError: it cannot be written to.
        """
        folder = cls(out / run_path(manifest), manifest)
        if folder._find_finished():
            yield folder
            return
        own_folder(folder.path)
        folder._lease = Lease.take(folder.path, patience=patience)
        try:
            peak_memory.forget_peak()
            folder._prepare()
            yield folder
        except (StorageError, DamagedError):
            if not folder.finished:
                folder._lease.require()  # whoever took it over and finished also removed what was to be written to
            raise
        finally:
            sealed = (folder.path / attempt.SEAL).is_file()
            if sealed and not folder.finished:
                folder._leave_to_who_sealed()
            folder._lease.release(finished=sealed)

    def _leave_to_who_sealed(self) -> None:
        """Another process finished the run while this one stood still: nothing of this one's stays."""
        with contextlib.suppress(DamagedError, OSError):
            attempt.settle(self.path, _read_seal(self.path / attempt.SEAL)["attempt"])

    def tell(self, fraction: float, text: str) -> None:
        """Say how far the run is, for those who look at the folder."""
        if self._lease:
            self._lease.tell(fraction, text)

    def _find_finished(self) -> bool:
        if not os.path.lexists(self.path / attempt.SEAL):
            return False
        seal = read_seal(self.path)
        with storing(self.path):
            attempt.settle(self.path, seal["attempt"])  # a process killed after the seal left it
        self.manifest = self._same_settings(self.path / attempt.MANIFEST)
        self.work, self.finished = self.path, True
        return True

    def _same_settings(self, manifest: Path) -> Manifest:
        before = read_manifest(manifest)
        if before.hash != self.manifest.hash:
            raise DamagedError(f"{manifest} was edited: its settings are not those of its folder; delete the folder")
        return before

    def _prepare(self) -> None:
        if self._find_finished():  # by another process, between a look and the lease
            return
        assert self._lease is not None, "prepared by its owner"
        with storing(self.path):
            for torn in self.path.glob(".*.tmp"):  # of a process killed while it wrote; the lease is ours
                torn.unlink(missing_ok=True)
        manifest = self.path / attempt.MANIFEST
        if os.path.lexists(manifest) or not create_once(manifest, self.manifest.to_json().encode()):
            self._same_settings(manifest)
            self._note_another_code()
        with storing(self.path):
            source = attempt.newest_of(
                self.path, lambda path: self._has_this_code(read_manifest(path / attempt.MANIFEST))
            )
            self.work = attempt.begin(self.path, self._lease.generation, self.manifest, source)
        self._length, self._digest = 0, hashlib.sha256()

    def _has_this_code(self, before: Manifest) -> bool:
        mine = self.manifest
        return (before.maker, before.versions, before.hash) == (mine.maker, mine.versions, mine.hash)

    def _newest_manifest(self) -> Manifest:
        for work in attempt.attempts(self.path):
            with contextlib.suppress(DamagedError, OSError):  # of an attempt that a power cut ended at its beginning
                return read_manifest(work / attempt.MANIFEST)
        return read_manifest(self.path / attempt.MANIFEST)

    def _note_another_code(self) -> None:
        """Say why what was done is thrown away: rows from two codes must not end up in one run."""
        before = self._newest_manifest()
        if self._has_this_code(before):
            return
        mine, theirs = self.manifest.versions, before.versions
        changed = [
            f"{name} {theirs.get(name)}" for name in sorted({**mine, **theirs}) if mine.get(name) != theirs.get(name)
        ]
        code = [f"another version of the code ({before.code})"] if before.code != self.manifest.code else []
        products = [f"products of {before.products or 'a library not noted'}"]
        code += products if before.products != self.manifest.products else []
        self.restarted_because = f"it was begun by {' and '.join(code + changed)}"
        self.forget_failure()

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
        text = self.manifest.to_json()
        write_atomically(self.work / attempt.MANIFEST, lambda path: path.write_text(text))

    def rewind(
        self, length: int = 0, worked: float = 0.0, sha256: str = NOTHING, pictures: Mapping[str, str] | None = None
    ) -> None:
        """Cut the rows to those that a checkpoint vouches for (none without one).

        Args:
            length: of the rows, in bytes.
            worked: seconds of work that made them.
            sha256: their checksum.
            pictures: checksum of every picture that was kept by then, by name of its file.

        Raises:
            DamagedError: rows or pictures are not those.
        """
        hint = f"delete {self.path} and run again"
        with self._opened_rows() as descriptor:
            content = _read(descriptor, length)
            if len(content) < length:
                raise DamagedError(f"{self.rows} is shorter than its checkpoint says; {hint}")
            digest = hashlib.sha256(content)
            if digest.hexdigest() != sha256:
                raise DamagedError(
                    f"{self.rows} was changed: its rows are not those its checkpoint vouches for; {hint}"
                )
            os.ftruncate(descriptor, length)
            os.fsync(descriptor)
        self._drawn = dict(pictures or {})
        self._require_pictures()
        self._pending.clear()
        self._length, self._digest = length, digest
        self._worked, self._began = worked, time.monotonic()

    def add(self, rows: Iterable[Row]) -> None:
        """Take rows; they reach the disk with the next `flush`."""
        self._pending += [json.dumps(dataclasses.asdict(row), allow_nan=False) + "\n" for row in rows]

    def keep(self, picture: Picture) -> None:
        """Put a picture on the disk, in place of an earlier one at the same name, day and step."""
        if not self.pictures.is_dir():
            own_folder(self.pictures)
            with storing(self.work):
                sync_folder(self.work)  # before a checkpoint says that there are pictures
        content = to_png(picture)
        name = safe_name(Path(picture.file).stem) + ".png"
        write_atomically(self.pictures / name, lambda path: path.write_bytes(content))
        self._drawn[name] = hashlib.sha256(content).hexdigest()

    def flush(self) -> dict[str, Any]:
        """Put all rows taken on the disk. Returns what a checkpoint must record to vouch for them.

        Raises:
            BusyError: another process has taken the folder over.
            DamagedError: rows that were written before are gone.
        """
        if self._lease:
            self._lease.require()
        content = "".join(self._pending).encode()
        with self._opened_rows() as descriptor:
            if os.fstat(descriptor).st_size < self._length:
                raise DamagedError(
                    f"{self.rows} is shorter than what was written to it: somebody emptied or cut it; "
                    f"delete {self.path} and run again"
                )
            os.ftruncate(descriptor, self._length)  # a flush that failed half way may have left some of these rows
            os.lseek(descriptor, self._length, os.SEEK_SET)
            write_all(descriptor, content)
            os.fsync(descriptor)
        self._length += len(content)
        self._digest.update(content)
        self._pending.clear()
        worked = self._worked + (time.monotonic() - self._began) / self.shared_by
        sums = {"sha256": self._digest.hexdigest(), "pictures": dict(self._drawn)}
        return {"length": self._length, "worked": worked, **sums}

    @contextlib.contextmanager
    def _opened_rows(self) -> Iterator[int]:
        with storing(self.rows):
            try:
                with open_old(self.rows) as descriptor:
                    yield descriptor
            except OSError as error:
                # A folder that is gone went with the lease, see `open`.
                if error.errno not in (errno.ENOENT, errno.ELOOP, errno.EISDIR) or not self.work.is_dir():
                    raise
                why = "was removed" if error.errno == errno.ENOENT else "was replaced by a link or a folder"
                raise DamagedError(f"{self.rows} {why}; delete {self.path} and run again") from error

    def _require_pictures(self) -> None:
        for name, digest in self._drawn.items():
            file = self.pictures / name
            if not file.is_file() or checksum(file) != digest:
                raise DamagedError(f"{file} is missing or was changed; delete {self.path} and run again")

    def seal(self) -> None:
        """Declare the run finished. The checkpoint has done its duty and goes.

        Raises:
            BusyError: another process has taken the folder over, or sealed it first.
            DamagedError: rows or pictures are no longer what was written.
        """
        with storing(self.work):
            seal = self._seal_of(self.flush())
            sync_folder(self.work)
        self.forget_failure()
        if not create_once(self.path / attempt.SEAL, (json.dumps(seal) + "\n").encode()):
            raise BusyError(f"{self.path} was finished by another process while this one stood still")
        with storing(self.path):
            attempt.settle(self.path, self.work.name)
        self.work, self.finished = self.path, True

    def _seal_of(self, state: Mapping[str, Any]) -> dict[str, Any]:
        """What the seal says: of this attempt's files, once they are known to be what was written."""
        self._require_pictures()
        content = self.rows.read_bytes()
        if hashlib.sha256(content).hexdigest() != state["sha256"]:
            raise DamagedError(f"{self.rows} was changed while the run worked; delete {self.path} and run again")
        return {
            "rows": content.count(b"\n"),
            "sha256": state["sha256"],
            "manifest": checksum(self.work / attempt.MANIFEST),
            "weights": checksum(self.weights) if self.weights.exists() else None,
            "pictures": dict(sorted(self._drawn.items())),
            "seconds": round(state["worked"], 3),
            "peak_memory": peak_memory.peak(),
            "stack": self.shared_by,
            "attempt": self.work.name,
            "ended": datetime.now(UTC).isoformat(timespec="seconds"),
        }


def _read(descriptor: int, length: int) -> bytes:
    os.lseek(descriptor, 0, os.SEEK_SET)
    pieces: list[bytes] = []
    while length > 0 and (piece := os.read(descriptor, min(length, 1 << 20))):
        pieces.append(piece)
        length -= len(piece)
    return b"".join(pieces)


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
    except (UnicodeDecodeError, IsADirectoryError) as error:
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
    """The seal of a finished run folder, checked against all that it names.

    Raises:
        DamagedError: the seal cannot be read or does not fit.
    """
    return read_sealed(path)[0]


def read_sealed(path: Path) -> tuple[dict, bytes]:
    """The seal of a finished run folder and the rows that it vouches for, read once.

    Raises:
        DamagedError: the seal cannot be read, or does not fit the rows, manifest, weights and pictures that it names.
    """
    try:
        seal = _read_seal(path / attempt.SEAL)
        content = located(path, seal["attempt"], attempt.ROWS).read_bytes()
        if hashlib.sha256(content).hexdigest() != seal["sha256"] or content.count(b"\n") != seal["rows"]:
            raise DamagedError(_changed(path, attempt.ROWS))
        for name, expected in named_files(seal).items():
            if checksum(located(path, seal["attempt"], name)) != expected:
                raise DamagedError(_changed(path, name))
    except FileNotFoundError as error:
        missing = Path(str(error.filename)).name
        raise DamagedError(f"{path} is sealed but has no {missing}; delete the folder, run again") from error
    except OSError as error:
        raise DamagedError(
            f"{path}: {Path(str(error.filename)).name} cannot be read ({error.strerror}); delete the folder, run again"
        ) from error
    return seal, content


def _changed(path: Path, name: str) -> str:
    return f"{path}: {name} was changed after the run was sealed; delete the folder and run it again"


def named_files(seal: Mapping) -> dict[str, str]:
    """What a seal vouches for besides the rows: checksums by name below the run's folder."""
    kept = {attempt.MANIFEST: seal["manifest"], attempt.WEIGHTS: seal["weights"]}
    pictures = {f"{attempt.PICTURES}/{Path(name).name}": digest for name, digest in seal["pictures"].items()}
    return {name: digest for name, digest in (kept | pictures).items() if digest is not None}


def _read_seal(file: Path) -> dict:
    """The seal with every entry of its type; seals of earlier versions say less."""
    try:
        said = json.loads(file.read_text())
        seal = {
            **said,
            "rows": int(said["rows"]),
            "sha256": str(said["sha256"]),
            "seconds": float(said["seconds"]),
            "manifest": said.get("manifest"),
            "weights": said.get("weights"),
            "pictures": dict(said.get("pictures", {})),
            "attempt": said.get("attempt", ""),
        }
        if seal["attempt"] != "" and not attempt.NAME.fullmatch(seal["attempt"]):
            raise ValueError(f"{seal['attempt']!r} is no attempt")
        if not 0 <= seal["seconds"] < math.inf:
            raise ValueError(f"seconds are {seal['seconds']}")
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError, OverflowError) as error:
        raise DamagedError(f"{file} cannot be read ({error}); delete {file.parent}, run again") from error
    return seal
