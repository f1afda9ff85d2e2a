"""How a peer's code is reached in the reader's clone without a line of it here."""

import contextlib
import gzip
import os
import re
import resource
import subprocess
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path


@contextlib.contextmanager
def importable(clone: Path) -> Iterator[None]:
    """Within the block, modules of the clone can be imported by the names that its own scripts use."""
    before = set(sys.modules)
    sys.path.insert(0, str(clone))
    try:
        yield
    finally:
        sys.path.remove(str(clone))
        for name in set(sys.modules) - before:
            file = getattr(sys.modules[name], "__file__", None) or ""
            if file.startswith(str(clone)):  # so that the next clone's `utils` is not this one's
                del sys.modules[name]


def spent(command: Sequence[str], folder: Path, find: str, **variables: str) -> tuple[float, str]:
    """Processor seconds of a command in a folder, and what the pattern `find` finds in what it says.

    Raises:
        RuntimeError: it failed, or did not say that.
    """
    before = _children()
    done = subprocess.run(  # noqa: S603 (what the reader asked for)
        command, cwd=folder, env={**os.environ, **variables}, capture_output=True, text=True
    )
    seconds = _children() - before
    said = re.search(find, done.stdout + done.stderr)
    if done.returncode or said is None:
        raise RuntimeError(f"{' '.join(command)} in {folder} failed, or did not say {find!r}: {done.stderr[-2000:]}")
    return seconds, said[1]


def _children() -> float:
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def unpack_mnist(into: Path) -> None:
    """MNIST's four files as torchvision reads them; packed ones would be looked for on the network."""
    raw = Path(os.environ["ONEIROS_DATA"]) / "MNIST" / "raw"
    (into / "MNIST" / "raw").mkdir(parents=True)
    for name in (f"{part}-{kind}" for part in ("train", "t10k") for kind in ("images-idx3-ubyte", "labels-idx1-ubyte")):
        packed = raw / f"{name}.gz"
        content = gzip.decompress(packed.read_bytes()) if packed.exists() else (raw / name).read_bytes()
        (into / "MNIST" / "raw" / name).write_bytes(content)
