"""Statistics, figures and the README's results of Barry & Love 2022, from published rows.

python -m bench barry2022     for every results/barry2022-*: statistics.txt, docs/figures, and the paper's README
"""

import json
from pathlib import Path

import pandas as pd

from oneiros.measure.metrics import mean_interval
from oneiros.papers.barry2022.printed import directions
from oneiros.papers.barry2022.statistics import STATISTICS, is_replica
from oneiros.report import check, claims_table, to_markdown, valid_rows
from oneiros.report.figures import save
from oneiros.report.tables import format_interval
from oneiros.report.valid_rows import values_by_seed
from oneiros.runs.catalogue import experiment

ROOT = Path(__file__).parents[1]
FIGURES = ROOT / "docs" / "figures"
README = ROOT / "src" / "oneiros" / "papers" / "barry2022" / "README.md"
START, END = "<!-- results -->", "<!-- /results -->"


def publish(folder: Path) -> str:
    """Write what the rows in `folder` say in words and pictures; the same as a section of the README."""
    rows = valid_rows(pd.read_parquet(folder / "rows.parquet")).rows
    provenance = json.loads((folder / "provenance.json").read_text())
    name = str(rows["experiment"].iloc[0])
    said = STATISTICS[name.removeprefix("full-")](rows)
    pointing = directions(name.removeprefix("full-"), rows)
    label = "Replica (Tiny ImageNet, our own VGG): " if is_replica(rows) else ""
    (folder / "statistics.txt").write_text("\n".join([f"{label}barry2022/{name}", *said]) + "\n")
    pictures = []
    for drawing in experiment(f"barry2022/{name}").drawings():
        figure = drawing.draw(rows)
        if figure is not None:
            save(figure, FIGURES, f"{folder.name}-{drawing.name}")
            pictures.append(f"![{drawing.alt}](../../../../docs/figures/{folder.name}-{drawing.name}.png)")
    minutes = sum(provenance["seconds"].values()) / 60
    how = f"{len(provenance['seconds'])} runs, {minutes:.0f} minutes of one core, {provenance['scale']} scale, "
    return "\n\n".join(
        [
            f"### {label}`barry2022/{name}`",
            f"{how}oneiros {provenance['code']}. Test accuracy in % after the last day, before its night "
            "(`day_accuracy`), mean and 95 % interval over models; then the paper's statistics, those printed and "
            "where ours point, then our claims, on the same reading:",
            to_markdown(accuracy_table(rows)),
            "```\n" + "\n".join(said) + "\n```",
            *([to_markdown(pointing)] if len(pointing) else []),
            to_markdown(claims_table(check(rows).claims)),
            *pictures,
        ]
    )


def accuracy_table(rows: pd.DataFrame) -> pd.DataFrame:
    """Last day's accuracy by condition, best first."""
    final = values_by_seed(rows, "day_accuracy")
    grouped = final.groupby("condition")["value"]
    lines = [(name, mean_interval(100 * values.to_numpy(dtype=float))) for name, values in grouped]
    lines.sort(key=lambda line: -line[1].mean)
    told = [(str(name), format_interval(interval), str(interval.n)) for name, interval in lines]
    return pd.DataFrame(told, columns=["condition", "measured", "models"])


def main() -> None:
    """Everything that is there."""
    sections = [publish(folder) for folder in sorted((ROOT / "results").glob("barry2022-*"))]
    head, _, rest = README.read_text().partition(START)
    tail = rest.partition(END)[2]
    README.write_text(f"{head}{START}\n" + "\n\n".join(sections) + f"\n{END}{tail}")
