"""Finished runs at a second place: another disk or an object store, whatever `fsspec` can reach.

Only what is sealed is copied. Leases, checkpoints and unfinished runs stay in the folder that the workers share: an
object store has no locks, and could not say who works on what.
"""

import contextlib
import hashlib
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from oneiros.runs.store.attempt import ROWS, SEAL, located
from oneiros.runs.store.disk import write_atomically
from oneiros.runs.store.errors import DamagedError, StorageError
from oneiros.runs.store.folder import named_files, read_seal

# A letter alone is a drive.
SCHEME = re.compile(r"([A-Za-z][A-Za-z0-9+.-]+):(//)?")


def copy_sealed(path: Path, out: Path, url: str) -> None:
    """Copy a finished run to the same place below `url`, and read every file back to compare checksums.

    The seal goes last: a copy that was broken off has none, and is made again.

    Args:
        path: the run's folder.
        out: the output folder that it lies in.
        url: a folder, as `fsspec` names it: "s3://bucket/results", "/mnt/other/disk".

    Raises:
        DamagedError: the run does not fit its seal.
        StorageError: it cannot be copied, or what arrived is something else.
    """
    if is_copied(path, out, url):
        return
    seal = read_seal(path)
    expected = {**named_files(seal), ROWS: seal["sha256"]}
    below = path.relative_to(out).as_posix()
    with _at(url) as (system, root):
        for name, digest in expected.items():
            content = located(path, seal["attempt"], name).read_bytes()
            if hashlib.sha256(content).hexdigest() != digest:
                raise DamagedError(f"{path}: {name} was changed while it was copied; delete the folder, run it again")
            _send(system, f"{root}/{below}/{name}", content)
        _send(system, f"{root}/{below}/{SEAL}", (path / SEAL).read_bytes())


def _send(system: Any, there: str, content: bytes) -> None:
    system.makedirs(there.rpartition("/")[0], exist_ok=True)
    if "file" in system.protocol:  # a disk forgets in any order what it was not asked to keep
        write_atomically(Path(there), lambda beside: beside.write_bytes(content))
    else:
        system.pipe_file(there, content)
    system.invalidate_cache()
    if hashlib.sha256(system.cat_file(there)).digest() != hashlib.sha256(content).digest():
        raise OSError(f"{there} did not arrive as it was sent")


def is_copied(path: Path, out: Path, url: str) -> bool:
    """Whether the finished run has been copied whole, seal included.

    Raises:
        StorageError: one cannot look there.
    """
    seal = path / SEAL
    with _at(url) as (system, root):
        try:
            return system.cat_file(f"{root}/{seal.relative_to(out).as_posix()}") == seal.read_bytes()
        except FileNotFoundError:
            return False


def require_lasting(url: str) -> None:
    """Refuse a place that is none, or that is gone when the process is.

    Raises:
        StorageError: saying what is wrong with it.
    """
    scheme = SCHEME.match(url)
    if not url.isprintable() or not url.strip():
        why = "it is empty" if not url.strip() else "it holds a line break or another character that no place has"
    elif "::" in url:
        why = "'::' chains places; give one"
    elif scheme and scheme[2] is None:
        why = f"after {scheme[1]}: there is no //"
    elif scheme and scheme[1].lower() == "memory":
        why = "what is in memory is gone when the command ends"
    else:
        return
    raise StorageError(f"cannot copy to {url!r} ({why}); give a folder, or an address such as s3://bucket/results")


@contextlib.contextmanager
def _at(url: str) -> Iterator[tuple[Any, str]]:
    """The file system and the folder that `url` names; what goes wrong there as one clear error."""
    from fsspec.core import url_to_fs  # imported here: other commands should not wait for it

    try:
        system, root = url_to_fs(url)
        yield system, str(root).rstrip("/")
    except DamagedError:
        raise
    except Exception as error:  # noqa: BLE001 (every store raises errors of its own)
        why = f"{type(error).__name__}: {error}"
        raise StorageError(
            f"cannot copy to {url} ({why}); what is finished stays finished, and the same command copies it again"
        ) from error
