"""How a sweep scales: the 90 runs of Table 2's MNIST with one worker process and with two, and what the engine takes.

python -m bench sweep_kubo2025 [--data FOLDER] [--seeds 6]

Prints one JSON object a number of workers. `work_s` is what the runs took inside the workers, from the order to the
sealed folder; what is left of the workers' time is the engine's: starting processes (once; torch is imported then),
handing out runs, waiting. `overhead` is that over the work. Rows of both sweeps are compared; they must be equal.
Goals: `speedup` at least 1.8, `overhead` below 5 %. Wall-clock times, so only a quiet machine says anything.
"""

import argparse
import json
import tempfile
import time
from pathlib import Path

import pandas as pd

from oneiros.runs.catalogue import experiment
from oneiros.runs.engines import LocalEngine
from oneiros.runs.experiment import Run
from oneiros.runs.store.table import read_rows
from oneiros.runs.sweep import do, sweep

NAME = "kubo2025/table2"


def timed(run, report):
    """`do`, and the seconds it took."""
    began = time.perf_counter()
    do(run, report)
    return time.perf_counter() - began


def measure(out, data, seeds, workers):
    """One sweep."""
    chosen = experiment(NAME)
    conditions = [name for name in chosen.conditions if name.startswith("mnist_")]
    runs = [
        Run(experiment=NAME, scale="quick", config=chosen.scales["quick"], condition=condition, seed=seed, out=out,
            data=data, device="cpu")
        for condition in conditions for seed in range(seeds)
    ]  # fmt: skip
    began = time.perf_counter()
    outcomes = list(sweep(LocalEngine(timed, workers=workers), runs, lambda *_: None))
    wall = time.perf_counter() - began
    if failed := [outcome for outcome in outcomes if outcome.error]:
        raise SystemExit(failed[0].message)
    work = sum(outcome.result for outcome in outcomes)
    overhead = wall * workers / work - 1
    return {"workers": workers, "runs": len(runs), "wall_s": wall, "work_s": work, "overhead": overhead}


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path)
    parser.add_argument("--seeds", type=int, default=6)
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        found, rows = [], []
        for workers in (2, 1):
            out = Path(folder) / str(workers)
            found.append(measure(out, asked.data, asked.seeds, workers))
            rows.append(read_rows(out))
            print(json.dumps(found[-1]), flush=True)
    pd.testing.assert_frame_equal(*rows)
    print(json.dumps({"speedup": found[1]["wall_s"] / found[0]["wall_s"], "rows_equal": len(rows[0])}))
