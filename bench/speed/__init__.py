"""Speed as ratios, both sides interleaved in one run, so that a noisy machine slows both.

Each benchmark answers with measurements; the ratio is the number to quote, milliseconds are for orientation. Times are
processor seconds of one thread, unless a line says otherwise, and products are computed as runs compute them.
`python -m bench speed [NAME ...] [--json FILE]`.
"""

import argparse
import dataclasses
import json
from collections.abc import Callable, Iterator
from pathlib import Path

import torch
from rich.console import Console
from rich.table import Column, Table

from bench.speed.dgr import bench_dgr
from bench.speed.gaussian import bench_gaussian
from bench.speed.kubo import bench_ep, bench_sleep
from bench.speed.pad import bench_pad
from bench.speed.replay import bench_replay
from bench.speed.stack import bench_stack
from bench.speed.timing import Measurement as Measurement
from bench.speed.tuning import bench_tuning
from oneiros.runs.arithmetic import arithmetic, computing

BENCHES: dict[str, Callable[[], Iterator[Measurement]]] = {
    "ep": bench_ep,
    "sleep": bench_sleep,
    "stack": bench_stack,
    "pad": bench_pad,
    "dgr": bench_dgr,
    "gaussian": bench_gaussian,
    "replay": bench_replay,
    "tune": bench_tuning,
}


def main() -> None:
    """Measure, and print a line for each number."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("names", nargs="*", help=f"of {', '.join(BENCHES)}; all of them if left out")
    parser.add_argument("--json", type=Path, help="where to write the numbers besides")
    asked = parser.parse_args()
    if unknown := [name for name in asked.names if name not in BENCHES]:
        parser.error(f"no benchmark is called {unknown[0]!r}; there are {', '.join(BENCHES)}")
    torch.set_num_threads(1)
    how = arithmetic("cpu")
    with computing(how, "cpu"):
        measured = [m for name in asked.names or BENCHES for m in BENCHES[name]()]
    table = Table("bench", Column("metric", no_wrap=True), "value", "unit", "against", box=None)
    for m in measured:
        table.add_row(m.bench, m.metric, f"{m.value:.4g}", m.unit, m.against)
    Console().print(table)
    Console().print(f"products by {how.products}; torch {torch.__version__}", highlight=False)
    if asked.json:
        told = [{**dataclasses.asdict(m), "products": how.products} for m in measured]
        asked.json.write_text(json.dumps(told, indent=1) + "\n")
