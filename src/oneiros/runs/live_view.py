"""What one sees of a life while it is lived: the latest losses beside the progress, or all of them in TensorBoard."""

import time
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Protocol, runtime_checkable

from torch import Tensor

from oneiros.life import Event
from oneiros.runs.store import Row

# Reading a tensor waits for its device, so it is done about once a second, however many batches that is.
SECONDS_BETWEEN = 1.0
MOST_VALUES = 4


@runtime_checkable
class Board(Protocol):
    """Where curves are drawn while a run goes on."""

    def values(self, values: Mapping[str, float], step: int) -> None:
        """What the phases returned after `step` batches."""
        ...

    def rows(self, rows: Iterable[Row]) -> None:
        """What was measured."""
        ...


class Latest:
    """What the phases last returned, in a few words."""

    def __init__(self, board: Board | None = None) -> None:
        self._board = board
        self._returned: dict[str, Tensor] = {}
        self._read = 0.0
        self._words = ""

    def watch(self, event: Event) -> None:
        """Remember what a phase returned; nothing is read yet."""
        for name, value in event.values.items():
            self._returned[f"{event.phase} {name}"] = value

    def words(self, done: int) -> str:
        """The latest values after `done` batches, such as "wake loss 0.31"."""
        now = time.monotonic()
        if self._returned and now - self._read >= SECONDS_BETWEEN:
            self._read = now
            values = {name: float(value) for name, value in self._returned.items()}
            self._words = ", ".join(f"{name} {value:.3g}" for name, value in list(values.items())[:MOST_VALUES])
            if self._board:
                self._board.values({name.replace(" ", "/"): value for name, value in values.items()}, done)
        return self._words


class TensorBoard:
    """Event files for `tensorboard --logdir`; needs the extra `tensorboard`."""

    def __init__(self, folder: Path) -> None:
        # Imported here: an extra, and slow to import.
        from torch.utils.tensorboard import SummaryWriter

        self._writer = SummaryWriter(str(folder))

    def values(self, values: Mapping[str, float], step: int) -> None:
        """What the phases returned after `step` batches."""
        for name, value in values.items():
            self._writer.add_scalar(name, value, step)

    def rows(self, rows: Iterable[Row]) -> None:
        """What was measured, by day; matrices are left to the report."""
        for row in rows:
            if row.phase in ("dusk", "night", "end") and ":" not in row.metric:
                self._writer.add_scalar(f"{row.metric}/task {row.task + 1}, {row.phase}", row.value, row.day)

    def close(self) -> None:
        """Put everything on the disk."""
        self._writer.close()
