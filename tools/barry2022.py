"""Statistics and figures of Barry & Love 2022 from published rows.

python tools/barry2022.py results/NAME ...     writes NAME/statistics.txt and docs/figures/NAME-FIGURE.{svg,png}
"""

import sys
from pathlib import Path

import pandas as pd

from oneiros.papers import experiment
from oneiros.papers.barry2022.statistics import STATISTICS, is_replica
from oneiros.report import sound
from oneiros.report.figures import save

FIGURES = Path(__file__).parents[1] / "docs" / "figures"


def publish(folder: Path) -> None:
    """Write what the rows in `folder` say, in words and pictures."""
    rows = sound(pd.read_parquet(folder / "rows.parquet")).rows
    name = str(rows["experiment"].iloc[0])
    replica = "Replica (Tiny ImageNet, small VGG): " if is_replica(rows) else ""
    said = STATISTICS[name.removeprefix("full-")](rows)
    (folder / "statistics.txt").write_text("\n".join([f"{replica}barry2022/{name}", *said]) + "\n")
    for drawing in experiment(f"barry2022/{name}").drawings:
        figure = drawing.draw(rows)
        if figure is not None:
            save(figure, FIGURES, f"{folder.name}-{drawing.name}")


if __name__ == "__main__":
    for each in sys.argv[1:]:
        publish(Path(each))
