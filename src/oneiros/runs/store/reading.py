"""All runs below an output folder: which there are, and whether they are whole."""

import os
from collections.abc import Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from oneiros.runs.store.attempt import MANIFEST, PICTURES, SEAL, located
from oneiros.runs.store.disk import checksum
from oneiros.runs.store.errors import DamagedError, ForeignOutputError
from oneiros.runs.store.folder import read_manifest, read_sealed, run_path, safe_name
from oneiros.runs.store.manifest import Manifest
from oneiros.runs.store.picture import PictureInfo, read_picture

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
        peak_memory: bytes that its process held at most; None where the system does not say.
        pictures: file name -> sha256 of what it drew, for a finished run.
        attempt: where the files of a finished run still lie, if they were not yet moved into its folder.
    """

    path: Path
    manifest: Manifest | None
    state: Literal["finished", "unfinished", "damaged"]
    problem: str = ""
    seconds: float = 0.0
    peak_memory: int | None = None
    pictures: Mapping[str, str] = field(default_factory=dict)
    attempt: str = ""


def read_runs(out: Path) -> list[RunInfo]:
    """Every run below `out`, in the order of their paths."""
    with ThreadPoolExecutor() as pool:
        return list(pool.map(lambda path: read_run(path)[0], run_folders(out)))


def run_folders(out: Path) -> list[Path]:
    """The folders of all runs below `out`, in order."""
    return [path for path in sorted((out / "runs").glob("*/*/*/*")) if path.is_dir()]


def read_run(path: Path) -> tuple[RunInfo, bytes]:
    """What is known of a run, and its rows as they lie there if it is finished."""
    manifest = None
    try:
        manifest = read_manifest(path / MANIFEST)
        if path.parts[-5:] != run_path(manifest).parts:
            raise DamagedError(f"{path} holds the manifest of {run_path(manifest)}: it was edited or moved; delete it")
        if not os.path.lexists(path / SEAL):
            return RunInfo(path=path, manifest=manifest, state="unfinished"), b""
        seal, content = read_sealed(path)
        manifest = read_manifest(located(path, seal["attempt"], MANIFEST))  # it says more, once a run has begun
    except FileNotFoundError:
        problem = f"{path} has no manifest.json; delete it"
        return RunInfo(path=path, manifest=None, state="damaged", problem=problem), b""
    except (DamagedError, OSError) as error:
        return RunInfo(path=path, manifest=manifest, state="damaged", problem=str(error)), b""
    run = RunInfo(
        path=path,
        manifest=manifest,
        state="finished",
        seconds=seal["seconds"],
        peak_memory=seal.get("peak_memory"),
        pictures=seal["pictures"],
        attempt=seal["attempt"],
    )
    return run, content


def read_pictures(run: RunInfo) -> list[PictureInfo]:
    """The pictures of a finished run, by name, day and step.

    Raises:
        DamagedError: one is missing or is not the one that was sealed.
    """
    found = []
    for file, expected in sorted(run.pictures.items()):
        path = located(run.path, run.attempt, f"{PICTURES}/{Path(file).name}")
        if not path.is_file() or checksum(path) != expected:
            raise DamagedError(f"{path} is missing or was changed after the run was sealed; delete {run.path}")
        found.append(read_picture(path))
    return found


def mixed_code(runs: Iterable[RunInfo]) -> set[str]:
    """The makers (code and arithmetic) that finished runs come from, where there are several; else nothing."""
    codes = {run.manifest.maker for run in runs if run.state == "finished" and run.manifest}
    return codes if len(codes) > 1 else set()


def require_same_configuration(out: Path, manifest: Manifest) -> None:
    """Refuse an output folder that holds the same condition under another configuration.

    Raises:
        ForeignOutputError: naming the settings that differ.
    """
    parts = map(safe_name, (manifest.paper, manifest.experiment, manifest.condition))
    for path in sorted(out.joinpath("runs", *parts).glob("*/manifest.json")):
        there = read_manifest(path)
        if there.hash == manifest.hash:
            continue
        mine, theirs = (_flat({"device": m.device, "precision": m.precision, **m.config}) for m in (manifest, there))
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
