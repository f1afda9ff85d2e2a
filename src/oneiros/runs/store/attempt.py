"""Attempts: where a process works on a run, so that one which stood still for too long can disturb nobody.

    RUN/attempt-N-TOKEN/     of the owner of lease N, and written by nobody else, ever

Checking that a lease is still one's own and then writing are two steps, and a process may stand still between them for
longer than any lease lives. So its successor does not write to the same files: it copies what it goes on from. The one
name that attempts share is the seal, a hard link that cannot be made twice; it says which attempt it seals.
"""

import errno
import os
import re
import secrets
import shutil
from collections.abc import Callable
from pathlib import Path

from oneiros.runs.store.disk import copy_new, open_new, sync_folder, write_all
from oneiros.runs.store.errors import DamagedError
from oneiros.runs.store.manifest import Manifest

NAME = re.compile(r"attempt-(\d{1,18})-[0-9a-f]{8}")
MANIFEST, ROWS, CHECKPOINT = "manifest.json", "rows.jsonl", "checkpoint.safetensors"
WEIGHTS, PICTURES, SEAL = "weights.safetensors", "pictures", "done.json"


def attempts(run: Path) -> list[Path]:
    """All attempts at a run, the newest first."""
    found = [(path, NAME.fullmatch(path.name)) for path in run.glob("attempt-*") if path.is_dir()]
    numbered = [(int(match[1]), path) for path, match in found if match and not path.is_symlink()]
    return [path for _, path in sorted(numbered, reverse=True)]


def begin(run: Path, generation: int, manifest: Manifest, source: Path | None) -> Path:
    """Make the attempt of the owner of lease `generation`; with what `source`, an older one, has committed."""
    work = run / f"attempt-{generation}-{secrets.token_hex(4)}"
    work.mkdir()
    kept = work / ".inherited"
    if source is None or not _link(source / CHECKPOINT, kept):
        with open_new(work / ROWS):
            pass
    else:
        # The checkpoint first: whatever the old owner still does, its rows hold at least what that vouches for.
        try:
            copy_new(source / ROWS, work / ROWS)
        except FileNotFoundError as error:
            raise DamagedError(f"{source / ROWS} was removed; delete {run} and run again") from error
        _take_pictures(source / PICTURES, work / PICTURES)
    with open_new(work / MANIFEST) as descriptor:
        write_all(descriptor, manifest.to_json().encode())
        os.fsync(descriptor)
    sync_folder(work)
    sync_folder(run)
    if kept.exists():
        os.replace(kept, work / CHECKPOINT)  # last: an attempt with a checkpoint is one to go on from
        sync_folder(work)
    for older in attempts(run):
        if older != work:
            # Large, and named by no seal; all else of the old owner's stays until somebody has sealed.
            (older / CHECKPOINT).unlink(missing_ok=True)
    return work


def _link(source: Path, target: Path) -> bool:
    try:
        os.link(source, target)
    except FileNotFoundError:
        return False
    return True


def _take_pictures(source: Path, target: Path) -> None:
    if source.is_dir() and not source.is_symlink():
        target.mkdir()
        for picture in source.glob("*.png"):
            _link(picture, target / picture.name)
        sync_folder(target)


def newest_of(run: Path, matches: Callable[[Path], bool]) -> Path | None:
    """The newest attempt that has committed something and that `matches`."""
    return next((path for path in attempts(run) if (path / CHECKPOINT).is_file() and matches(path)), None)


def located(run: Path, sealed: str, name: str) -> Path:
    """Where a file of a sealed run is: still in its attempt, or in the run's folder, where `settle` moved it."""
    within = run / sealed / name
    return within if sealed and within.exists() else run / name


def settle(run: Path, sealed: str) -> None:
    """Move what is sealed from its attempt into the run's folder, and remove all attempts; again, it does no harm."""
    work, moved = run / sealed, True
    if sealed and work.is_dir():
        for name in (MANIFEST, ROWS, WEIGHTS, PICTURES):
            moved &= _move(work / name, run / name)
        sync_folder(run)
    for attempt in attempts(run):
        if moved or attempt != work:
            shutil.rmtree(attempt, ignore_errors=True)
    (run / CHECKPOINT).unlink(missing_ok=True)  # of an earlier version


def _move(source: Path, target: Path) -> bool:
    """Whether `source` is no longer where it was; whoever comes second finds nothing to move."""
    try:
        os.replace(source, target)
    except FileNotFoundError:
        return True
    except OSError as error:
        # A folder with something in it stands there, from an earlier version: what is sealed stays in its attempt.
        if error.errno not in (errno.ENOTEMPTY, errno.EEXIST, errno.ENOTDIR, errno.EISDIR):
            raise
        return False
    return True
