"""The cells: each is a run folder of the store, so a matrix that was interrupted goes on, and a finished cell stays."""

import functools
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from bench.matrix.learners import ENTRIES, Setting, measure
from bench.matrix.streams import STREAMS, Lessons, Source
from oneiros.data import DataError
from oneiros.runs.store import Manifest, Row, RunFolder
from oneiros.runs.store.reading import read_run, run_folders
from oneiros.runs.store.table import rows_of

BUDGET = "ExactNights"


@dataclass(frozen=True, kw_only=True)
class Cell:
    """A mechanism on a stream with a seed."""

    stream: str
    mechanism: str
    seed: int

    @property
    def due(self) -> tuple[int, int]:
        """Cells with smaller numbers come first: what decides most, one seed after another."""
        return ENTRIES[self.mechanism].tier, self.seed


@dataclass(frozen=True, kw_only=True)
class Matrix:
    """A folder of cells.

    Attributes:
        out: the folder.
        source: where data come from, and how much of them is used.
        scale: name of that amount.
        retry: whether cells that raised are tried again.
    """

    out: Path
    source: Source
    scale: str
    retry: bool = False

    def manifest(self, cell: Cell) -> Manifest:
        """What the cell's folder is named and checked by."""
        config = {"epochs": STREAMS[cell.stream].epochs, "limit": list(self.source.limit), "data": self.source.data}
        return Manifest(
            paper="matrix", experiment=cell.stream, condition=cell.mechanism, seed=cell.seed, scale=self.scale,
            config=config, device="cpu",
        )  # fmt: skip

    def do(self, cell: Cell, tell: Callable[[float], None]) -> str:
        """Live one cell, unless it is finished; what came of it, in words. What is raised is noted, and left alone."""
        with RunFolder.open(self.out, self.manifest(cell)) as folder:
            if folder.finished:
                return "finished before"
            if folder.failure and not self.retry:
                return f"refused before: {folder.failure.message}"
            folder.forget_failure()
            folder.rewind(0, 0.0)
            try:
                found = self._live(cell, folder, tell)
            except DataError as missing:
                return f"left out: {missing}"
            except Exception as error:  # whatever one cell raises, the others go on
                folder.fail(error)
                return f"refused: {type(error).__name__}: {error}"
            folder.seal()
            return found

    def _live(self, cell: Cell, folder: RunFolder, tell: Callable[[float], None]) -> str:
        lessons = lessons_of(cell.stream, self.source, cell.seed)
        folder.describe_data(lessons.checksums)
        budget = 0 if cell.mechanism == BUDGET else bytes_kept(self.out, cell.stream, cell.seed)
        setting = Setting(lessons=lessons, epochs=STREAMS[cell.stream].epochs, seed=cell.seed, budget=budget)
        found = measure(ENTRIES[cell.mechanism], setting, tell)
        rows = functools.partial(
            Row, paper="matrix", experiment=cell.stream, condition=cell.mechanism, seed=cell.seed, order=lessons.order,
            phase="end",
        )  # fmt: skip
        last = len(lessons.tests) - 1
        folder.add(rows(day=day, task=day, metric="accuracy", value=own) for day, own in enumerate(found.own[:-1]))
        folder.add(rows(day=last, task=day, metric="accuracy", value=end) for day, end in enumerate(found.final))
        ends: Mapping[str, float] = {
            "final_accuracy": found.accuracy, "cpu_seconds": found.seconds, "bytes": float(found.nbytes),
            "raw": float(found.raw),
        } | ({"forgetting": found.forgetting} if found.own else {})  # fmt: skip
        folder.add(rows(day=last, task=last, metric=metric, value=value) for metric, value in ends.items())
        return f"{100 * found.accuracy:.1f} %, {found.seconds:.1f} CPU s, {found.nbytes / 1e6:.2f} MB"


@functools.lru_cache(maxsize=8)
def lessons_of(stream: str, source: Source, seed: int) -> Lessons:
    """The lessons of a stream, kept a while, since many cells share them."""
    return STREAMS[stream].lessons(source, seed)


def bytes_kept(out: Path, stream: str, seed: int) -> int:
    """What `ExactNights` kept on a stream, from its finished cell; 0 without one."""
    for path in (out / "runs" / "matrix" / stream / BUDGET).glob(f"seed-{seed}-*"):
        run, content = read_run(path)
        if run.state == "finished":
            rows = rows_of(run, content).to_pandas()
            return int(rows.loc[rows["metric"] == "bytes", "value"].iloc[0])
    return 0


def finished_rows(out: Path) -> tuple[pd.DataFrame, dict[str, list[str]]]:
    """Rows of all finished cells, sorted, and which code and versions they were made by.

    Cells of several codes stand side by side, since a matrix grows by rows and columns; the page says which they are.
    """
    tables, said = [], {"code": set(), "commit": set(), "torch": set(), "scale": set()}
    for path in run_folders(out):
        run, content = read_run(path)
        if run.state == "finished" and run.manifest:
            tables.append(rows_of(run, content).to_pandas())
            made = {"torch": run.manifest.versions.get("torch", ""), "scale": run.manifest.scale}
            made |= {"code": run.manifest.code, "commit": f"{run.manifest.commit} {run.manifest.tree}".strip()}
            for name, value in made.items():
                said[name].add(value)
    if not tables:
        raise SystemExit(f"{out} has no finished cell")
    rows = pd.concat(tables, ignore_index=True)
    return rows, {name: sorted(values) for name, values in said.items()}


def run(matrix: Matrix, cells: list[Cell], say: Callable[[str], None]) -> None:
    """All cells, in the order that they are due."""
    due = sorted(cells, key=lambda cell: cell.due)
    began, worked, lived = time.monotonic(), 0.0, 0
    for number, cell in enumerate(due, start=1):
        start = time.monotonic()
        found = matrix.do(cell, lambda fraction: None)
        if not found.startswith(("finished", "refused before")):
            worked, lived = worked + time.monotonic() - start, lived + 1
        left = worked / max(lived, 1) * (len(due) - number) / 60
        where = f"{cell.stream} {cell.mechanism} seed {cell.seed}"
        say(f"[{number}/{len(due)}] {where}: {found}; about {left:.0f} min left")
    say(f"{lived} cells in {(time.monotonic() - began) / 60:.1f} min")
