"""Data files that are damaged in every way one can think of: a clear error or the data, and no more memory than honest.

python -m bench hostile [--cases 10000 --seed 0]

Each case is an honest small file with one to three injuries: flipped bits, a cut, bytes that are doubled, zeroed or
exchanged, numbers of a header that became huge, or another format's content. Exits with 1 where reading raises
anything but a `DataError` (a `CheckpointError` for a checkpoint), takes more than twice the memory that the honest file
takes, or gives other data than were written in a format that has a checksum.
"""

import argparse
import gzip
import io
import os
import random
import shutil
import struct
import tempfile
import time
import traceback
import warnings
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import torch
from PIL import Image

from oneiros.data import DataError, Examples, load
from oneiros.data.features import features_bytes
from oneiros.data.photographs import load_photographs
from oneiros.runs.peak_memory import forget_peak, peak
from oneiros.runs.store.errors import CheckpointError
from oneiros.runs.store.tensors import read_tensors, write_tensors

# What libraries ask for at once, whatever the file: pools of arrow, buffers of Pillow, stacks of threads.
SLACK = 48 << 20
WORDS = b"9" * 30, b'"', b"\n", b",", b"\xff\xfe", b"-", b"e999", b"nan", b"{", b"]"
HUGE = (0, 1, 2**16, 2**31 - 1, 2**32 - 1, 2**40, 2**63 - 1, 2**64 - 1)


@dataclass(frozen=True)
class Format:
    """A kind of file: an honest one, which of its files is injured, and how it is read.

    Attributes:
        make: write honest files into a folder.
        injured: the file, below the folder.
        read: what is in the folder.
        checked: whether the format has a checksum, so that what is read is what was written.
    """

    make: Callable[[Path], None]
    injured: str
    read: Callable[[Path], object]
    checked: bool = False


def _png(number: int) -> bytes:
    stream = io.BytesIO()
    pixels = np.random.default_rng(number).integers(0, 256, (24, 24, 3), dtype=np.uint8)
    Image.fromarray(pixels).save(stream, ("PNG", "JPEG", "WEBP", "GIF", "BMP")[number % 5])
    return stream.getvalue()


def _idx(folder: Path, ending: str) -> None:
    raw = folder / "MNIST" / "raw"
    raw.mkdir(parents=True)
    for part in ("train", "t10k"):
        images = struct.pack(">4I", 2051, 40, 28, 28) + os.urandom(40 * 784)
        labels = struct.pack(">2I", 2049, 40) + bytes(range(10)) * 4
        for name, content in (("images-idx3-ubyte", images), ("labels-idx1-ubyte", labels)):
            packed = gzip.compress(content) if ending else content
            (raw / f"{part}-{name}{ending}").write_bytes(packed)


def _csv(folder: Path) -> None:
    rows = "\n".join(f"{i / 7:.3f},{i % 5},{-i}" for i in range(200))
    for half in ("train", "test"):
        (folder / f"{half}.csv").write_text(f"a,label,b\n{rows}\n")


def _parquet(folder: Path) -> None:
    image = pa.struct([("bytes", pa.binary()), ("path", pa.string())])
    schema = pa.schema([("image", image), ("label", pa.int64())], metadata={"huggingface": "{}"})
    rows = [{"bytes": _png(5 * i), "path": f"{i}.png"} for i in range(8)]
    for half in ("train", "test"):
        pq.write_table(pa.table({"image": rows, "label": [i % 2 for i in range(8)]}, schema=schema), folder / half)
        (folder / half).rename(folder / f"{half}.parquet")


def _pictures(folder: Path) -> None:
    for half in ("train", "test"):
        for number in range(10):
            below = folder / half / "ab"[number % 2]
            below.mkdir(parents=True, exist_ok=True)
            (below / f"{number}.png").write_bytes(_png(number))


def _features(folder: Path) -> None:
    halves = [Examples(images=torch.rand(30, 16), labels=torch.arange(30) % 3, classes=("x", "y", "z")) for _ in "ab"]
    (folder / "f.safetensors").write_bytes(features_bytes(*halves, {"backbone": "none"}))


def _checkpoint(folder: Path) -> None:
    write_tensors(folder / "c.safetensors", "kind", {"w": torch.rand(64, 8), "b": torch.rand(8)}, {"note": "{}"})


def _read_features(folder: Path) -> object:
    data = load(f"features:{folder / 'f.safetensors'}")
    return data.train.images.tolist(), data.test.labels.tolist(), data.train.classes, dict(data.provenance)


def _read_checkpoint(folder: Path) -> object:
    tensors, texts = read_tensors(folder / "c.safetensors", "kind")
    return {name: value.tolist() for name, value in tensors.items()}, texts


FORMATS = {
    "idx images": Format(lambda f: _idx(f, ""), "MNIST/raw/train-images-idx3-ubyte", lambda f: load("mnist", root=f)),
    "idx labels": Format(lambda f: _idx(f, ""), "MNIST/raw/t10k-labels-idx1-ubyte", lambda f: load("mnist", root=f)),
    "idx, zipped": Format(
        lambda f: _idx(f, ".gz"), "MNIST/raw/train-images-idx3-ubyte.gz", lambda f: load("mnist", root=f)
    ),
    "csv": Format(_csv, "train.csv", lambda f: load(f"csv:{f}")),
    "parquet": Format(_parquet, "train.parquet", lambda f: load(f"parquet:{f}")),
    **{
        f"picture {kind}": Format(_pictures, f"train/{'ab'[n % 2]}/{n}.png", lambda f: load(f"folder:{f}"))
        for n, kind in enumerate(("png", "jpeg", "webp", "gif", "bmp"))
    },
    "photograph": Format(
        _pictures, "train/b/1.png", lambda f: load_photographs(f.parent, f"photographs:{f}", ("a", "b"), (0, 1), 8)
    ),
    "features": Format(_features, "f.safetensors", _read_features, checked=True),
    "checkpoint": Format(_checkpoint, "c.safetensors", _read_checkpoint, checked=True),
}


def injured(content: bytes, rng: random.Random, others: list[bytes]) -> bytes:
    """The content with one injury; near the beginning, where headers are, in every second case."""
    data = bytearray(content)
    if not data:
        return b"\0"
    span = len(data) if rng.random() < 0.5 else min(len(data), 256)
    at, length = rng.randrange(span), rng.choice((1, 4, 8, 64, 1000))
    piece, number = data[at : at + length], rng.choice(HUGE)
    size, other = rng.choice((4, 8)), rng.choice(others)
    as_bytes = (number % 2 ** (8 * size)).to_bytes(size, rng.choice(("little", "big")))
    flipped = bytearray(data)
    for _ in range(rng.randint(1, 8)):
        flipped[rng.randrange(span)] ^= 1 << rng.randrange(8)
    tail = data[at + length :]
    return bytes(
        rng.choice((
            flipped,
            data[: rng.randrange(len(data))],
            data + rng.randbytes(length),
            data[:at] + bytes(len(piece)) + tail,
            data[: at + length] + data[at:],
            data[:at] + as_bytes + data[at + size :],
            data[:at] + rng.randbytes(len(piece)) + tail,
            data[:at] + rng.choice(WORDS) + data[at + 1 :],
            data[:at] + other[rng.randrange(len(other)) :],
        ))
    )  # fmt: skip


@contextmanager
def _own_cache(root: Path) -> Iterator[None]:
    before = os.environ.get("XDG_CACHE_HOME")
    os.environ["XDG_CACHE_HOME"] = str(root / "cache")
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        del os.environ["XDG_CACHE_HOME"]
        os.environ |= {} if before is None else {"XDG_CACHE_HOME": before}


def _answer(kind: Format, folder: Path) -> tuple[str, object, int]:
    """How reading ended, what was read, and by how much the process grew meanwhile."""
    forget_peak()
    before = peak() or 0
    try:
        found, how = kind.read(folder), "read"
    except (DataError, CheckpointError) as error:
        found, how = None, "refused" if str(error).strip() else "refused without a word"
    except Exception:  # noqa: BLE001 (that is what is looked for)
        found, how = None, "raw error: " + traceback.format_exc(limit=-3)
    return how, found, (peak() or 0) - before


def run(cases: int, seed: int) -> tuple[Counter[str], list[str]]:
    """Counts of outcomes by format, and one text for each broken promise."""
    told, broken = Counter[str](), []
    with tempfile.TemporaryDirectory() as there:
        root = Path(there)
        with _own_cache(root):
            honest = {}
            for name, kind in FORMATS.items():
                folder = root / name.replace(" ", "-").replace(",", "")
                folder.mkdir()
                kind.make(folder)
                how, found, grown = _answer(kind, folder)
                assert how == "read", f"the honest {name} is {how}"
                honest[name] = (folder, (folder / kind.injured).read_bytes(), found, max(grown, 0))
            whole = [content for _, content, _, _ in honest.values()]
            for case in range(cases):
                name = list(FORMATS)[case % len(FORMATS)]
                rng = random.Random(f"{seed} {case}")
                folder, content, expected, most = honest[name]
                for _ in range(rng.choice((1, 1, 2, 3))):
                    content = injured(content, rng, whole)
                (folder / FORMATS[name].injured).write_bytes(content)
                how, found, grown = _answer(FORMATS[name], folder)
                told[f"{name}: {how.partition(':')[0]}"] += 1
                if how not in ("read", "refused"):
                    broken.append(f"case {case}, {name}: {how}")
                if grown > 2 * most + SLACK:
                    broken.append(f"case {case}, {name}: grew by {grown >> 20} MB, the honest one by {most >> 20}")
                if how == "read" and FORMATS[name].checked and found != expected:
                    broken.append(f"case {case}, {name}: read, and not what was written")
                if case % 500 == 499:
                    shutil.rmtree(root / "cache", ignore_errors=True)
    return told, broken


def main() -> int:
    """All of it."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--cases", type=int, default=10_000)
    parser.add_argument("--seed", type=int, default=0)
    chosen = parser.parse_args()
    began = time.process_time()
    told, broken = run(chosen.cases, chosen.seed)
    for name, count in sorted(told.items()):
        print(f"{name:32}{count:6}")
    print(*broken[:20], sep="\n")
    print(f"{chosen.cases} cases, {len(broken)} broken promises, {time.process_time() - began:.0f} CPU seconds")
    return 1 if broken else 0
