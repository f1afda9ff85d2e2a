"""Finished runs at a second place: another disk or an object store, whatever `fsspec` can reach.

Only what is sealed is copied. Leases, checkpoints and unfinished runs stay in the folder that the workers share: an
object store has no locks, and could not say who works on what.
"""

import contextlib
import hashlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from oneiros.runs.store.errors import StorageError
from oneiros.runs.store.folder import read_seal

SEAL = "done.json"


def copy_sealed(path: Path, out: Path, url: str) -> None:
    """Copy a finished run to the same place below `url`, and read every file back to compare checksums.

    The seal goes last: a copy that was broken off has none, and is made again.

    Args:
        path: the run's folder.
        out: the output folder that it lies in.
        url: a folder, as `fsspec` names it: "s3://bucket/results", "memory://results", "/mnt/other/disk".

    Raises:
        DamagedError: the run does not fit its seal.
        StorageError: it cannot be copied, or what arrived is something else.
    """
    if is_copied(path, out, url):
        return
    pictures = read_seal(path)["pictures"]
    names = ["manifest.json", "rows.jsonl", "weights.safetensors", *(f"pictures/{name}" for name in pictures), SEAL]
    files = [path / name for name in names if name != "weights.safetensors" or (path / name).exists()]
    with _at(url) as (system, root):
        for file in files:
            there = f"{root}/{file.relative_to(out).as_posix()}"
            content = file.read_bytes()
            system.makedirs(there.rpartition("/")[0], exist_ok=True)
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


@contextlib.contextmanager
def _at(url: str) -> Iterator[tuple[Any, str]]:
    """The file system and the folder that `url` names; what goes wrong there as one clear error."""
    from fsspec.core import url_to_fs  # imported here: other commands should not wait for it

    try:
        system, root = url_to_fs(url)
        yield system, str(root).rstrip("/")
    except Exception as error:  # noqa: BLE001 (every store raises errors of its own)
        why = f"{type(error).__name__}: {error}"
        raise StorageError(
            f"cannot copy to {url} ({why}); what is finished stays finished, and the same command copies it again"
        ) from error
