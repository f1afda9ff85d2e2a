"""How long `oneiros report` takes on many runs, and how much memory: rows of runs that never happened.

python -m bench report_speed [--runs 1000] [--rows 1000000] [--out FOLDER]

Writes sealed run folders (ten conditions of one experiment, curves, accuracies and confusions, a gallery in each
condition), then reports them in a process of its own. The goal: 1,000 runs with 1e6 rows in less than 20 s and 1.5 GB
on two cores.
"""

import argparse
import json
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

from oneiros.runs.store import Manifest, Picture, Row, RunFolder

CONDITIONS = tuple(f"condition {index}" for index in range(10))
DAYS, CLASSES = 5, 10
SHARED = {"scale": "quick", "config": {"wake": {"rate": 0.1}}, "device": "cpu"}


def measurements(rng, level, curve):
    """(day, task, phase, metric, value) of one run that ends near `level`, with `curve` points on each day's curve."""
    for day in range(DAYS):
        for step in range(curve):
            loss = np.exp(-step / curve) + 0.05 * rng.random()
            yield day, day, f"step:{10 * (step + 1)}", "loss", float(loss)
        for phase, kept in (("dusk", 0.6), ("end", 1.0)):
            yield day, day, phase, "accuracy_seen", float(level * kept * (1 - 0.05 * day))
            for task in range(day + 1):
                yield day, task, phase, "accuracy", float(rng.random())
        yield day, day, "end", "stored_bytes", 1000.0 * (day + 1)
    for phase in ("dusk", "end"):
        for true in range(CLASSES):
            for predicted in range(CLASSES):
                yield DAYS - 1, DAYS - 1, phase, f"confusion:{true}:{predicted}", float(rng.random() / CLASSES)


def write_run(out, condition, seed, rows):
    """One sealed folder with about `rows` rows."""
    address = {"paper": "synthetic", "experiment": "many", "condition": condition, "seed": seed}
    rng = np.random.default_rng([seed, CONDITIONS.index(condition)])
    level = 0.5 + 0.04 * CONDITIONS.index(condition) + rng.normal(0, 0.02)
    curve = max(1, (rows - 245) // DAYS)
    with RunFolder.open(out, Manifest(**address, **SHARED)) as folder:
        folder.rewind(0, 0.0)
        names = ("day", "task", "phase", "metric", "value")
        found = (dict(zip(names, one, strict=True)) for one in measurements(rng, level, curve))
        folder.add(Row(**address, order=f"order{seed}", **one) for one in found)
        if seed == 0:
            for day in range(DAYS):
                tiles = rng.integers(0, 255, (4, 8, 28, 28, 1), dtype=np.uint8)
                folder.keep(Picture(name="samples", day=day, tiles=tiles, caption="Noise, for want of a generator."))
        folder.seal()


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--runs", type=int, default=1000)
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--out", type=Path)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        out = arguments.out or Path(scratch)
        for index in range(arguments.runs):
            seed, condition = divmod(index, len(CONDITIONS))
            write_run(out, CONDITIONS[condition], seed, arguments.rows // arguments.runs)
        began = time.perf_counter()
        subprocess.run([sys.executable, "-m", "oneiros.cli", "report", str(out)], check=True)
        seconds = time.perf_counter() - began
        peak = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 2**20
        size = (out / "index.html").stat().st_size / 1e6
        print(json.dumps({"seconds": round(seconds, 1), "peak_gib": round(peak, 2), "page_megabytes": round(size, 2)}))
