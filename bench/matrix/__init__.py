"""The matrix: mechanisms x streams, in one command that goes on where it stopped; tables, figures and one page.

    python -m bench matrix --out DIR                            every cell, three seeds; hours
    python -m bench matrix --out DIR --streams mnist --mechanisms SLDA NoSleep --seeds 1
    python -m bench matrix --out DIR --streams yours --data folder:DIR
    python -m bench matrix --out DIR --page-only                tables and page of what is finished
    python -m bench matrix --out DIR --publish                  rows into results/bench/matrix, tables into the guide

Every learner sees the same examples in the same order. The owner's network is the same for all, and so are its steps.
Data lie in $ONEIROS_DATA. Streams whose data are not there are left out, and said so.
"""

import argparse
import json
from pathlib import Path

import pandas as pd
import torch

from bench.matrix.cells import Cell, Matrix, finished_rows, run
from bench.matrix.learners import ENTRIES
from bench.matrix.page import AXES, figure, write_page
from bench.matrix.streams import STREAMS, Source, chosen
from bench.matrix.table import block
from oneiros.report.figures import save

ROOT = Path(__file__).parents[2]
PUBLISHED = ROOT / "results" / "bench" / "matrix"
GUIDE = ROOT / "docs" / "which-mechanism.md"
BEGIN, END = "<!-- matrix -->", "<!-- /matrix -->"
# Training and test examples of a stream at most.
SCALES = {"smoke": (400, 200), "quick": (5000, 2000), "full": (0, 0)}


def with_block(text: str, rows: pd.DataFrame) -> str:
    """The guide's text with the tables of these rows in it."""
    before, found, rest = text.partition(BEGIN)
    _, ended, after = rest.partition(END)
    if not (found and ended):
        raise SystemExit(f"{GUIDE.name} has no {BEGIN} ... {END}")
    return f"{before}{BEGIN}\n{block(rows)}\n{END}{after}"


def publish(rows: pd.DataFrame, made: dict[str, list[str]]) -> None:
    """Rows into `results/bench/matrix`, tables into the guide, figures beside it."""
    PUBLISHED.mkdir(exist_ok=True)
    rows.to_parquet(PUBLISHED / "rows.parquet", index=False, compression="zstd")
    (PUBLISHED / "made.json").write_text(json.dumps(made, indent=1) + "\n")
    GUIDE.write_text(with_block(GUIDE.read_text(encoding="utf-8"), rows), encoding="utf-8")
    for metric in AXES:
        save(figure(rows, metric), ROOT / "docs" / "figures", f"matrix-{metric.replace('_', '-')}")


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, required=True, help="folder of the cells; the same again goes on")
    parser.add_argument("--streams", nargs="*", default=[], metavar="STREAM", help=f"of {', '.join(STREAMS)}")
    parser.add_argument("--mechanisms", nargs="*", default=[], metavar="NAME", help=f"of {', '.join(ENTRIES)}")
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--scale", choices=SCALES, default="quick", help="most training and test examples of a stream")
    parser.add_argument("--features", type=Path, default=Path("features"), help="folder of `oneiros features` files")
    parser.add_argument("--data", default="", help="data set of the stream 'yours', folder of those held out")
    parser.add_argument("--retry-failed", action="store_true", help="try cells again that raised")
    parser.add_argument("--page-only", action="store_true")
    parser.add_argument("--publish", action="store_true")
    return parser.parse_args()


def main() -> int:
    """Do what the arguments say."""
    asked = arguments()
    torch.set_num_threads(1)
    if unknown := sorted(set(asked.mechanisms) - set(ENTRIES)):
        raise SystemExit(f"there is no mechanism {unknown[0]!r}; there are {', '.join(ENTRIES)}")
    source = Source(features=asked.features, data=asked.data, limit=SCALES[asked.scale])
    if not (asked.page_only or asked.publish):
        cells = [
            Cell(stream=stream, mechanism=mechanism, seed=seed)
            for stream in chosen(asked.streams)
            for mechanism in (asked.mechanisms or ENTRIES)
            for seed in range(asked.seeds)
        ]
        matrix = Matrix(out=asked.out, source=source, scale=asked.scale, retry=asked.retry_failed)
        run(matrix, cells, lambda line: print(line, flush=True))  # noqa: T201
    rows, made = finished_rows(asked.out)
    write_page(rows, made, asked.out / "matrix.html")
    print(f"{block(rows)}\n\npage: {asked.out / 'matrix.html'}")  # noqa: T201
    if asked.publish:
        publish(rows, made)
    return 0
