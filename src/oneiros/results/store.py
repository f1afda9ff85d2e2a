"""All runs below an output folder, and the one table that their rows make."""

import hashlib
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

import pandas as pd
import pyarrow as pa

from oneiros.results.errors import DamagedError, ForeignOutputError
from oneiros.results.folder import read_seal, safe_name, write_atomically
from oneiros.results.manifest import Manifest
from oneiros.results.picture import PictureInfo, read_picture
from oneiros.results.row import COLUMNS

NUMBERS = {"seed": "int64", "day": "int64", "task": "int64", "value": "float64"}
# Said outright, since a table without rows would otherwise have columns of no type.
PARQUET = pa.schema([(name, pa.type_for_alias(NUMBERS.get(name, "string"))) for name in COLUMNS])
MOST_DIFFERENCES = 5


@dataclass(frozen=True, kw_only=True)
class RunInfo:
    """What is known of a run from its folder.

    Attributes:
        path: the folder.
        manifest: what it is; None where that cannot be read.
        state: only finished runs count.
        problem: what is wrong, for a damaged run.
        seconds: of work, for a finished run.
        pictures: file name -> sha256 of what it drew, for a finished run.
    """

    path: Path
    manifest: Manifest | None
    state: Literal["finished", "unfinished", "damaged"]
    problem: str = ""
    seconds: float = 0.0
    pictures: Mapping[str, str] = field(default_factory=dict)


def read_runs(out: Path) -> list[RunInfo]:
    """Every run below `out`, in the order of their paths."""
    return [_read_run(path.parent) for path in sorted((out / "runs").glob("*/*/*/*/manifest.json"))]


def _read_run(path: Path) -> RunInfo:
    manifest = None
    try:
        manifest = Manifest.from_json((path / "manifest.json").read_text(), str(path / "manifest.json"))
        if not (path / "done.json").exists():
            return RunInfo(path=path, manifest=manifest, state="unfinished")
        seal = read_seal(path)
        drawn = seal.get("pictures", {})
        return RunInfo(path=path, manifest=manifest, state="finished", seconds=seal["seconds"], pictures=drawn)
    except (DamagedError, OSError, UnicodeDecodeError) as error:
        return RunInfo(path=path, manifest=manifest, state="damaged", problem=str(error))


def read_rows(out: Path) -> pd.DataFrame:
    """Rows of all finished runs below `out`, sorted by their address; damaged and unfinished runs are left out."""
    records = []
    for run in read_runs(out):
        if run.state == "finished":
            records += [json.loads(line) for line in (run.path / "rows.jsonl").read_text().splitlines()]
    rows = pd.DataFrame(records, columns=list(COLUMNS)).astype(NUMBERS)
    return rows.sort_values(list(COLUMNS[:-1]), ignore_index=True)


def read_pictures(run: RunInfo) -> list[PictureInfo]:
    """The pictures of a finished run, by name, day and step.

    Raises:
        DamagedError: one is missing or is not the one that was sealed.
    """
    found = []
    for file, checksum in sorted(run.pictures.items()):
        path = run.path / "pictures" / safe_name(Path(file).name)
        if not path.is_file() or hashlib.sha256(path.read_bytes()).hexdigest() != checksum:
            raise DamagedError(f"{path} is missing or was changed after the run was sealed; delete {run.path}")
        found.append(read_picture(path))
    return found


def problems(out: Path) -> list[str]:
    """One sentence for each run that is left out, and one if the finished ones come from several codes."""
    runs = read_runs(out)
    said = [run.problem for run in runs if run.state == "damaged"]
    said += [f"{run.path.relative_to(out)} is not finished; left out" for run in runs if run.state == "unfinished"]
    codes = mixed_code(runs)
    if codes:
        said.append(f"the runs come from {len(codes)} versions of the code: {', '.join(sorted(codes))}")
    return said + _counted_twice(runs, out)


def mixed_code(runs: Iterable[RunInfo]) -> set[str]:
    """The versions of the code that finished runs come from, where there are several; else nothing."""
    codes = {run.manifest.code for run in runs if run.state == "finished" and run.manifest}
    return codes if len(codes) > 1 else set()


def _counted_twice(runs: Iterable[RunInfo], out: Path) -> list[str]:
    """Runs whose rows have the same addresses: one configuration's folder was copied beside another's."""
    first: dict[tuple[str, str, str, int], RunInfo] = {}
    said = []
    for run in runs:
        if run.state == "finished" and run.manifest:
            m = run.manifest
            other = first.setdefault((m.paper, m.experiment, m.condition, m.seed), run)
            if other is not run:
                paths = " and ".join(str(each.path.relative_to(out)) for each in (other, run))
                said.append(f"{paths} are the same run under two configurations; both are counted, delete one")
    return said


def write_tables(out: Path) -> None:
    """Write `rows.parquet` and `rows.csv`: all rows of finished runs, the same bytes for the same rows."""
    rows = read_rows(out)
    write_atomically(out / "rows.parquet", lambda path: rows.to_parquet(path, index=False, schema=PARQUET))
    write_atomically(out / "rows.csv", lambda path: rows.to_csv(path, index=False))


def require_same_configuration(out: Path, manifest: Manifest) -> None:
    """Refuse an output folder that holds the same condition under another configuration.

    Raises:
        ForeignOutputError: naming the settings that differ.
    """
    parts = map(safe_name, (manifest.paper, manifest.experiment, manifest.condition))
    for path in sorted(out.joinpath("runs", *parts).glob("*/manifest.json")):
        there = Manifest.from_json(path.read_text(), str(path))
        if there.hash == manifest.hash:
            continue
        mine, theirs = (_flat({"device": m.device, **m.config}) for m in (manifest, there))
        differing = [
            f"{name} is {theirs.get(name)} there and {mine.get(name)} here"
            for name in sorted(mine | theirs)
            if mine.get(name) != theirs.get(name)
        ]
        more = f" and {len(differing) - MOST_DIFFERENCES} more" if len(differing) > MOST_DIFFERENCES else ""
        raise ForeignOutputError(
            f"{out} holds {manifest.condition} under another configuration: "
            f"{'; '.join(differing[:MOST_DIFFERENCES])}{more}. Choose another --out, or repeat its settings."
        )


def _flat(config: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    flat: dict[str, Any] = {}
    for name, value in config.items():
        flat |= _flat(value, f"{prefix}{name}.") if isinstance(value, Mapping) else {f"{prefix}{name}": value}
    return flat
