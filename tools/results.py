"""Keep the published results: from a finished output folder to `results/`, and from there into the README.

python tools/results.py collect OUT results/NAME    rows and provenance of OUT's finished runs
python tools/results.py readme                      regenerate the README's tables and figures
python tools/results.py readme --check              exit 1 if its tables are not those of `results/`
"""

import argparse
import json
import sys
from dataclasses import asdict
from pathlib import Path

import pandas as pd

from oneiros.report import accuracy_over_tasks, check, claims_table, confusions, results_table, sound, to_markdown
from oneiros.report.figures import save
from oneiros.report.tables import in_reading_order
from oneiros.results import read_rows, read_runs

ROOT = Path(__file__).parents[1]
FIGURES = ROOT / "docs" / "figures"
CONTROLS = ("parallel_few_epochs", "src_decrement_only", "src_no_feedback")  # in the tables; too much for one figure
MISSES = ("not reproduced", "better", "undecided", "fails", "not run")


def collect(out: Path, to: Path) -> None:
    """Copy the rows of `out` and say how they were made."""
    to.mkdir(parents=True, exist_ok=True)
    read_rows(out).to_parquet(to / "rows.parquet", index=False)
    runs = [run for run in read_runs(out) if run.state == "finished" and run.manifest]
    made = [{**asdict(run.manifest), "seconds": run.seconds} for run in runs if run.manifest]
    shared = {
        key: made[0][key] for key in ("paper", "experiment", "scale", "code", "versions", "device", "data", "config")
    }
    differing = [run["condition"] for run in made if any(run[key] != shared[key] for key in shared)]
    if differing:
        sys.exit(f"{out} mixes configurations, codes or data: {differing}")
    seconds = {f"{run['condition']}/{run['seed']}": run["seconds"] for run in made}
    (to / "provenance.json").write_text(json.dumps({**shared, "seconds": seconds}, indent=1) + "\n")


def load(name: str) -> tuple[pd.DataFrame, dict]:
    """Rows and provenance of one folder of `results/`."""
    folder = ROOT / "results" / name
    return pd.read_parquet(folder / "rows.parquet"), json.loads((folder / "provenance.json").read_text())


def how(provenance: dict) -> str:
    """One line on where numbers come from."""
    versions = provenance["versions"]
    total = sum(provenance["seconds"].values())
    return (
        f"{len(provenance['seconds'])} runs, {total / 60:.1f} minutes of one core in all, on {provenance['device']}; "
        f"oneiros {provenance['code']}, torch {versions['torch']}, Python {versions['python']}."
    )


def demo_block() -> str:
    """The demo's table."""
    rows, provenance = load("kubo2025-digits")
    rows = in_reading_order(sound(rows).rows, [])
    table = to_markdown(results_table(rows, [])[["condition", "measured", "seeds"]])
    return (
        "![Accuracy on all classes seen so far, after each task](docs/figures/demo-days.png)\n\n"
        "Accuracy after the last task, on all ten digits (%, mean and 95 % interval over seeds):\n\n"
        f"{table}\n\n"
        "![Confusion before and after the last night](docs/figures/demo-confusion.png)\n\n"
        f"<sub>{how(provenance)}</sub>"
    )


def results_block() -> str:
    """The verdicts on Kubo 2025, what was not reproduced in words as plain as the rest."""
    rows, provenance = load("kubo2025-mnist")
    checked = check(rows)
    rows = in_reading_order(sound(rows).rows, checked.targets)
    missed = [f"{t.where}, `{t.condition}`: {t.verdict}" for t in checked.targets if t.verdict in MISSES]
    missed += [f"{c.text} ({c.first} > {c.second}): {c.verdict}" for c in checked.claims if c.verdict in MISSES]
    said = "\n".join(f"- {line}" for line in missed) or "- nothing"
    return (
        "### Kubo 2025, Table 2, MNIST, MRNN-EP\n\n"
        f"Final accuracy in %, mean and 95 % interval over six task orders:\n\n"
        f"{to_markdown(results_table(rows, checked.targets))}\n\n"
        f"{to_markdown(claims_table(checked.claims))}\n\n"
        f"Not reproduced, better than published, or undecided:\n\n{said}\n\n"
        "![Accuracy on all classes seen so far, after each task](docs/figures/kubo2025-mnist-days.png)\n\n"
        "![Confusion before and after the last night](docs/figures/kubo2025-mnist-confusion.png)\n\n"
        f"<sub>{how(provenance)}</sub>"
    )


def draw() -> None:
    """The README's figures."""
    for name, called in (("kubo2025-digits", "demo"), ("kubo2025-mnist", "kubo2025-mnist")):
        rows, _ = load(name)
        rows = in_reading_order(sound(rows).rows, check(rows).targets)
        save(accuracy_over_tasks(rows[~rows["condition"].isin(CONTROLS)]), FIGURES, f"{called}-days")
        before_and_after = confusions(rows, "src")
        if before_and_after:
            save(before_and_after, FIGURES, f"{called}-confusion")


def with_block(text: str, name: str, block: str) -> str:
    """`text` with what stands between the markers of `name` replaced."""
    start, end = f"<!-- {name} -->", f"<!-- /{name} -->"
    head, _, rest = text.partition(start)
    _, found, tail = rest.partition(end)
    if not found:
        sys.exit(f"README.md has no {start} ... {end}")
    return f"{head}{start}\n{block}\n{end}{tail}"


def main() -> int:
    """Do what the arguments say."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    commands = parser.add_subparsers(dest="command", required=True)
    collecting = commands.add_parser("collect")
    collecting.add_argument("out", type=Path)
    collecting.add_argument("to", type=Path)
    commands.add_parser("readme").add_argument("--check", action="store_true")
    arguments = parser.parse_args()
    if arguments.command == "collect":
        collect(arguments.out, arguments.to)
        return 0
    readme = ROOT / "README.md"
    before = readme.read_text()
    after = with_block(with_block(before, "demo", demo_block()), "results", results_block())
    if arguments.check:
        return int(before != after)
    readme.write_text(after)
    draw()
    return 0


if __name__ == "__main__":
    sys.exit(main())
