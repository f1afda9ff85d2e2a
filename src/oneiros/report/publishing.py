"""How a report gets into its folder: written beside, then put in place; only files of an earlier report are replaced.

OUT/.report.json    names and checksums of what reports have written
OUT/.report-TOKEN/  the next one, until it is whole
OUT/.report.lock    held by who writes it
"""

import contextlib
import json
import os
import secrets
import shutil
from collections.abc import Iterator, Mapping
from pathlib import Path, PurePosixPath

from filelock import FileLock, Timeout

from oneiros.runs.store import StorageError
from oneiros.runs.store.disk import checksum, own_folder, sync_file, sync_folder, write_atomically
from oneiros.runs.store.errors import storing

OWN = ".report.json"
# Reports of versions that kept no list of their files begin so.
EARLIER = "<title>oneiros report</title>"
WAIT_SECONDS = 600.0


@contextlib.contextmanager
def publishing(out: Path, *, patience: float = WAIT_SECONDS) -> Iterator[Path]:
    """A folder to write a report to; when all went well, its files take their places in `out`.

    Where something goes wrong, a full disk for one, the earlier report stays as it was.

    Args:
        out: folder of the report.
        patience: seconds to wait for another process that writes one there.

    Raises:
        StorageError: it cannot be written, or a file that is not a report's stands in the way.
    """
    own_folder(out)
    try:
        with storing(out), FileLock(out / ".report.lock", timeout=patience):
            for left in out.glob(".report-*"):  # by a process killed while it wrote; the lock is ours
                shutil.rmtree(left, ignore_errors=True)
            stage = out / f".report-{secrets.token_hex(8)}"
            stage.mkdir()
            try:
                yield stage
                _put_in_place(stage, out)
            finally:
                shutil.rmtree(stage, ignore_errors=True)
    except Timeout as error:
        raise StorageError(f"{out}: another process has been writing the report for {patience:.0f} s") from error


def _put_in_place(stage: Path, out: Path) -> None:
    new = {path.relative_to(stage).as_posix(): path for path in sorted(stage.rglob("*")) if path.is_file()}
    before = _written_before(out, new)
    sums = {name: checksum(path) for name, path in new.items()}
    for name, path in new.items():
        _require_ours(out / name, name in before, sums[name])
        sync_file(path)
    # Both, so that a process killed in the midst of it leaves no file that the next one takes for somebody else's.
    _note(out, {**before, **sums})
    for name in sorted(new, key=lambda name: name == "index.html"):
        own_folder((out / name).parent)
        os.replace(new[name], out / name)
    for name in before.keys() - new.keys():
        _remove(out / name, before[name])
    for folder in {(out / name).parent for name in new}:
        sync_folder(folder)
    _note(out, sums)


def _written_before(out: Path, new: Mapping[str, Path]) -> dict[str, str]:
    """Name -> checksum of what reports have written here; of an earlier version's report, the names of this one."""
    try:
        said = json.loads((out / OWN).read_text())["files"]
        # A name that leads out of the folder is none that we have written.
        return {str(name): str(digest) for name, digest in said.items() if _is_below(str(name))}
    except FileNotFoundError:
        with contextlib.suppress(OSError, UnicodeDecodeError):
            if EARLIER in (out / "index.html").read_text(encoding="utf-8")[:2000]:
                return {name: "" for name in new if (out / name).is_file()}
        return {}
    except (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise StorageError(
            f"{out / OWN} cannot be read ({error}), so nobody knows which files are the report's; delete it together "
            "with index.html, figures and tables, then write the report again"
        ) from error


def _is_below(name: str) -> bool:
    parts = PurePosixPath(name).parts
    return bool(parts) and ".." not in parts and not name.startswith("/") and parts[0] != "runs"


def _require_ours(path: Path, known: bool, digest: str) -> None:
    if known or not os.path.lexists(path):
        return
    if path.is_file() and not path.is_symlink() and checksum(path) == digest:
        return
    raise StorageError(f"{path} was not written by a report and would be replaced; move it away, then try again")


def _remove(path: Path, digest: str) -> None:
    """Remove what an earlier report wrote and this one did not; what somebody has changed since stays."""
    with contextlib.suppress(FileNotFoundError):
        if not path.is_symlink() and checksum(path) == digest:
            path.unlink()


def _note(out: Path, files: Mapping[str, str]) -> None:
    text = json.dumps({"files": dict(sorted(files.items()))}, indent=1) + "\n"
    write_atomically(out / OWN, lambda path: path.write_text(text))
