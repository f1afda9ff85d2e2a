"""Which runs were asked for: a file for each sweep, so that a look at the folder can say what has not begun."""

import json
import re
from collections.abc import Sequence
from pathlib import Path, PurePosixPath

from oneiros.runs.store.disk import own_folder, write_atomically
from oneiros.runs.store.errors import DamagedError
from oneiros.runs.store.folder import run_path
from oneiros.runs.store.manifest import Manifest, config_hash

PART = re.compile(r"[A-Za-z0-9_.-]+")


def write_sweep_list(out: Path, manifests: Sequence[Manifest]) -> None:
    """Note in `out` that these runs were asked for; the same ones are noted once."""
    runs = sorted(run_path(manifest).as_posix() for manifest in manifests)
    path = out / "sweeps" / f"{config_hash({'runs': runs})}.json"
    if not path.exists():
        own_folder(path.parent)
        write_atomically(path, lambda beside: beside.write_text(json.dumps({"runs": runs}, indent=1) + "\n"))


def read_sweep_lists(out: Path) -> list[str]:
    """Paths, as seen from `out`, of all runs that were asked for.

    Raises:
        DamagedError: a file says something else, such as a path that leads out of the folder.
    """
    planned: set[str] = set()
    for path in sorted((out / "sweeps").glob("*.json")):
        try:
            runs = json.loads(path.read_text())["runs"]
            planned |= {_run(name) for name in runs}
        except (OSError, ValueError, KeyError, TypeError, RecursionError) as error:
            raise DamagedError(f"{path} is no list of runs ({error}); delete it, a sweep writes it again") from error
    return sorted(planned)


def _run(name: str) -> str:
    parts = PurePosixPath(name).parts
    plain = all(PART.fullmatch(part) and part not in (".", "..") for part in parts)
    if len(parts) != 5 or parts[0] != "runs" or not plain:
        raise ValueError(f"{name!r} is not the path of a run")
    return name
