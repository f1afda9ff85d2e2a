"""Two questions about the replica's results, which the paper does not ask.

python -m bench controls_barry2022 OUT [--data FOLDER] [--jobs 3]

1. Is what replay adds with few images of each class (Fig. 1D) more than more practice adds? No replay lives twenty days
   in place of ten, and is compared with ten days and nights of the published rows; test images.
2. Why does selection (Fig. 3) do worse than no selection? The same twelve days at smaller learning rates, and rewarded
   by all validation images in place of six of each class; validation images, three models.

About an hour of one core. Runs that OUT has finished are not done again.
"""

import argparse
from pathlib import Path

import pandas as pd

from oneiros.measure.metrics import mean_interval
from oneiros.papers.barry2022.conditions import EXEMPLARS
from oneiros.runs.catalogue import experiment
from oneiros.runs.engines import LocalEngine
from oneiros.runs.experiment import Run
from oneiros.runs.settings import override
from oneiros.runs.store import read_results
from oneiros.runs.sweep import do, pending, sweep

KEPT: list[pd.DataFrame] = []  # what is written to OUT/controls_barry2022.csv, to go into results/bench
FEW = Path(__file__).parents[1] / "results" / "barry2022-exemplars-replica" / "rows.parquet"
BRIEF = ("evaluate_on=validation", "month=12")
SELECTION = {
    "selection, lr 0.1": (("none", "generative", "selected"), (*BRIEF, "lr=0.1")),
    "selection, lr 0.03": (("none", "generative", "selected"), (*BRIEF, "lr=0.03")),
    "selection, lr 0.01": (("none", "generative", "selected"), (*BRIEF, "lr=0.01")),
    "selection, lr 0.1, rewarded by all images": (("selected",), (*BRIEF, "lr=0.1", "rewarded=0")),
}


def lived(out: Path, name: str, conditions: tuple[str, ...], seeds: int, settings: tuple[str, ...], asked) -> pd.Series:
    """Accuracy after the last day, by condition and seed, in %."""
    chosen = experiment(name)
    config = override(chosen.scales["quick"], settings)
    runs = [
        Run(experiment=name, scale="quick", config=config, condition=condition, seed=seed, out=out, data=asked.data,
            device="cpu")
        for condition in conditions for seed in range(seeds)
    ]  # fmt: skip
    for outcome in sweep(LocalEngine(do, workers=asked.jobs), pending(runs), lambda *_: None):
        if outcome.error:
            raise SystemExit(outcome.message)
    found = read_results(out)
    if found.problems:  # runs of another version of the code, say, do not count
        raise SystemExit("\n".join(map(str, found.problems)))
    values = last_day(found.rows)
    KEPT.append(values.rename("accuracy").reset_index().assign(experiment=name, settings=" ".join(settings)))
    return values


def last_day(rows: pd.DataFrame) -> pd.Series:
    """Accuracy after the last day, before its night, by condition and seed, in %."""
    logged = rows[rows["metric"] == "day_accuracy"]
    logged = logged[logged["day"] == logged["day"].max()]
    return 100 * logged.set_index(["condition", "seed"])["value"]


def told(values: pd.Series) -> str:
    """Mean and 95 % interval over models."""
    interval = mean_interval(values.to_numpy(dtype=float))
    return f"{interval.mean:+.2f} [{interval.low:+.2f}, {interval.high:+.2f}], {len(values)} models"


def practice(asked) -> None:
    """The first question."""
    names = tuple(f"baseline_{count}" for count in EXEMPLARS)
    longer = lived(asked.out / "longer", "barry2022/exemplars", names, 5, ("days=20",), asked)
    published = last_day(pd.read_parquet(FEW))
    for count in EXEMPLARS:
        twenty, ten = longer[f"baseline_{count}"], published[f"baseline_{count}"]
        replay = published[f"generative_{count}"]
        print(f"{count} images: ten more days add {told(twenty - ten)}; ten nights {told(replay - ten)}; ", end="")
        print(f"nights - days {told(replay - twenty)}", flush=True)


def selecting(asked) -> None:
    """The second question."""
    for label, (conditions, settings) in SELECTION.items():
        out = asked.out / label.replace(", ", "-").replace(" ", "-")
        values = lived(out, "barry2022/selection", conditions, 3, settings, asked)
        print(f"{label}: " + "; ".join(f"{name} {told(values[name])}" for name in conditions), flush=True)


def main() -> None:
    """Live, compare, print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("out", type=Path)
    parser.add_argument("--data", type=Path)
    parser.add_argument("--jobs", type=int, default=1)
    asked = parser.parse_args()
    KEPT.clear()
    practice(asked)
    selecting(asked)
    pd.concat(KEPT, ignore_index=True).to_csv(asked.out / "controls_barry2022.csv", index=False)
