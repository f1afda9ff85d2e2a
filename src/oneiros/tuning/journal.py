"""The file that a search is: text, one JSON object a line, with a checksum in each.

Optuna's own file is ruined for good by one append that a full disk or a power cut tears: it reads no further than
there. Here a torn end is cut by the next append, and a line that was damaged later is named by its number.
"""

import hashlib
import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from filelock import FileLock
from optuna.storages.journal import BaseJournalBackend

from oneiros.runs.store import DamagedError
from oneiros.runs.store.disk import open_new, open_old, sync_folder, write_all
from oneiros.runs.store.errors import storing
from oneiros.runs.store.manifest import canonical

CHECK = "check"


class Journal(BaseJournalBackend):
    """Appends under a lock of the system, which goes with its process."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._lock = FileLock(path.with_name("journal.lock"))
        self._known = {0: 0}  # number of a line -> where it begins
        with storing(path):
            try:
                with open_new(path):
                    sync_folder(path.parent)
            except FileExistsError:
                return

    def append_logs(self, logs: list[dict[str, Any]]) -> None:
        """Put entries at the end, on the disk: all of them or, where there is no room, none."""
        content = "".join(json.dumps({**log, CHECK: _check(log)}, separators=(",", ":")) + "\n" for log in logs)
        with storing(self.path), self._lock, open_old(self.path) as descriptor:
            end = _end_of_last_line(descriptor)
            os.ftruncate(descriptor, end)
            os.lseek(descriptor, end, os.SEEK_SET)
            try:
                write_all(descriptor, content.encode())
                os.fsync(descriptor)
            except OSError:
                os.ftruncate(descriptor, end)
                raise

    def read_logs(self, log_number_from: int) -> Iterator[dict[str, Any]]:
        """Entries from this number on; what is torn or still being written at the end is none.

        Raises:
            DamagedError: a line in the middle is not what was written.
        """
        number = log_number_from if log_number_from in self._known else 0
        with storing(self.path), self.path.open("rb") as file:
            file.seek(self._known[number])
            lines = file.read().splitlines(keepends=True)
        for line in lines:
            if not line.endswith(b"\n"):
                return
            entry = self._entry(line, number + 1)
            self._known[number + 1] = self._known[number] + len(line)
            if number >= log_number_from:
                yield entry
            number += 1

    def _entry(self, line: bytes, number: int) -> dict[str, Any]:
        try:
            entry = json.loads(line)
            check = entry.pop(CHECK, None)
            if not isinstance(entry["op_code"], int) or check not in (None, _check(entry)):
                raise ValueError("its checksum does not fit")
        except (ValueError, TypeError, KeyError, AttributeError, RecursionError) as error:
            raise DamagedError(
                f"{self.path}, line {number}, is damaged ({error}); remove that line and all after it to go on from "
                "there, or choose another --out"
            ) from error
        return entry


def _check(entry: dict[str, Any]) -> str:
    # As it is read back: keys are texts there.
    return hashlib.sha256(canonical(json.loads(json.dumps(entry))).encode()).hexdigest()[:12]


def _end_of_last_line(descriptor: int) -> int:
    """Bytes up to the last line break; what lies behind it was never whole."""
    end = os.lseek(descriptor, 0, os.SEEK_END)
    while end > 0:
        begin = max(0, end - 4096)
        os.lseek(descriptor, begin, os.SEEK_SET)
        piece = os.read(descriptor, end - begin)
        if b"\n" in piece:
            return begin + piece.rindex(b"\n") + 1
        end = begin
    return 0
