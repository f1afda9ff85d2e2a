"""From a folder of results to rows that may be judged, and the names of those that may not."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from oneiros.runs.catalogue import tables_of
from oneiros.runs.store.published import kept_tables

EXPERIMENT = ["paper", "experiment"]
RUN = [*EXPERIMENT, "condition", "seed", "order"]
COLUMNS = [*RUN, "day", "task", "phase", "metric", "value"]

TARGET_COLUMNS = [
    *("paper", "experiment", "where", "condition", "metric", "unit"),
    *("target", "spread", "n", "tolerance", "why"),
]
CLAIM_COLUMNS = ["paper", "experiment", "where", "first", "second", "metric", "margin", "text"]

# Metrics of targets and claims that are stored under another name.
STORED_AS = {"final_accuracy": "accuracy_seen"}

# Where claims are on an accuracy taken before the last night, headlines show that one, and not the one after it.
BEFORE_THE_NIGHT = "day_accuracy"

VALIDATION_LOSS = "validation_loss"  # what chooses a run's best day

# Metrics that say what a run cost, counted from birth; the most of a life is what it cost.
COSTS = ("stored_bytes", "stored_raw_bytes", "replayed_examples", "generator_parameters")
# So many metrics that nobody judges are shown at the top of an experiment; all are in the figures.
MOST_HEADLINES = 6


@dataclass(frozen=True, kw_only=True)
class ValidRows:
    """What a report may rest on.

    Attributes:
        rows: tidy rows of finished runs, each address once.
        problems: one sentence for each run or file that was left out, or that readers should know about.

    """

    rows: pd.DataFrame
    problems: tuple[str, ...]


def valid_rows(rows: pd.DataFrame) -> ValidRows:
    """Leave out runs that contradict themselves or stop early, and name them."""
    missing = [column for column in COLUMNS if column not in rows]
    if missing:
        raise ValueError(f"these rows have no column {missing}; expected {COLUMNS}")
    rows, contradicted = _each_address_once(rows)
    rows = _without(rows, contradicted)
    several = _several_last(rows)
    rows = _without(rows, several)
    unfinished = _unfinished(rows)
    return ValidRows(
        rows=_without(rows, unfinished).reset_index(drop=True),
        problems=(
            *_name(contradicted, "gives two different values for the same number (two runs mixed?); left out"),
            *_name(several, "has several values of a number that it is judged by on its last day; left out"),
            *_name(unfinished, "ends on an earlier day than other runs of its condition; left out"),
        ),
    )


def _each_address_once(rows: pd.DataFrame) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Rows without repetitions, and those of them that say different things of one address."""
    names = [column for column in COLUMNS if column != "value"]
    address = np.zeros(len(rows), dtype=np.int64)
    for name in names:
        # Numbers for names, packed after every column: comparing eight columns of text takes many times as long.
        codes, distinct = pd.factorize(rows[name])
        address = pd.factorize(address * (len(distinct) + 1) + codes + 1)[0]
    if not len(rows) or address.max() + 1 == len(rows):
        return rows, rows.iloc[:0]
    rows = rows.drop_duplicates()
    return rows, rows[rows.duplicated(names, keep=False)]


def values_by_seed(rows: pd.DataFrame, metric: str) -> pd.DataFrame:
    """`metric` after the last night of each run: columns paper, experiment, condition, seed, value.

    A seed is the unit that intervals count: where it was run in several task orders, their mean counts once.
    `METRIC@2-6,8` is the mean over these days, counted from 1, and `METRIC@best` the value on the day at whose dusk the
    validation loss was lowest; a run without one of the days has no value.
    """
    name, _, when = metric.partition("@")
    stored = STORED_AS.get(name, name)
    ended = rows[(rows["metric"] == stored) & (rows["phase"] == "end")]
    if when:
        last = _best_days(rows, ended) if when == "best" else _mean_over(ended, days(when))
    else:
        last = ended[ended["day"] == ended.groupby(RUN, dropna=False)["day"].transform("max")]
    doubled = last[last.duplicated(RUN)]
    if len(doubled):
        names = "; ".join(_name(doubled, f"has several values of {stored!r} on its last day"))
        raise ValueError(f"{names}: pass the rows through valid_rows() first, or judge a metric with one value a day")
    return last.groupby([*EXPERIMENT, "condition", "seed"], as_index=False, sort=False).agg({"value": "mean"})


def days(text: str) -> tuple[int, ...]:
    """Days named in a metric.

    >>> days("2-6,8")
    (2, 3, 4, 5, 6, 8)
    """
    found: list[int] = []
    for part in text.split(","):
        first, _, last = part.partition("-")
        if not first.isdecimal() or not (last or first).isdecimal() or not 0 < int(first) <= int(last or first):
            raise ValueError(f"days {text!r}; expected numbers and ranges of days from 1, such as 2-6,8")
        found += range(int(first), int(last or first) + 1)
    return tuple(found)


def _mean_over(ended: pd.DataFrame, wanted: Sequence[int]) -> pd.DataFrame:
    """The mean of each run over the days wanted; runs that lack one are left out."""
    there = ended[ended["day"].isin([day - 1 for day in wanted])]
    grouped = there.groupby(RUN, as_index=False, dropna=False, sort=False).agg(
        value=("value", "mean"), count=("day", "nunique"), rows=("day", "size")
    )
    doubled = grouped[grouped["rows"] > grouped["count"]]
    if len(doubled):
        raise ValueError(f"{'; '.join(_name(doubled, 'has several values on one day'))}: judge one value a day")
    return grouped[grouped["count"] == len(set(wanted))]


def _best_days(rows: pd.DataFrame, ended: pd.DataFrame) -> pd.DataFrame:
    """Of each run the value on the day at whose dusk the validation loss was lowest, the first of equals."""
    loss = rows[(rows["metric"] == VALIDATION_LOSS) & (rows["phase"] == "dusk")]
    lowest = loss.sort_values(["value", "day"]).drop_duplicates(RUN)[[*RUN, "day"]]
    return ended.merge(lowest, on=[*RUN, "day"])


def conditions(rows: pd.DataFrame) -> list[str]:
    """Conditions in the order in which they first appear."""
    return [str(name) for name in rows["condition"].unique()]


def only(rows: pd.DataFrame, judged: Sequence[str]) -> pd.DataFrame:
    """The rows that judging these metrics needs: a small part of all."""
    names = {metric.partition("@")[0] for metric in judged}
    stored = {STORED_AS.get(name, name) for name in names}
    steers = (rows["phase"] == "dusk") & (rows["metric"] == VALIDATION_LOSS)
    return rows[((rows["phase"] == "end") & rows["metric"].isin(sorted(stored))) | steers]


def headline_metrics(rows: pd.DataFrame, judged: Sequence[str]) -> tuple[str, ...]:
    """What an experiment is about: final accuracy where there is one, and whatever is judged.

    An experiment with neither shows what it measured once a run after its last night, but for costs.
    """
    ended = rows[rows["phase"] == "end"]
    present = set(ended["metric"].unique())
    plain = [metric.partition("@")[0] for metric in judged]
    names = ["final_accuracy"] if "accuracy_seen" in present and BEFORE_THE_NIGHT not in plain else []
    names += [metric for metric in plain if STORED_AS.get(metric, metric) in present]
    if not names:
        last = ended[ended["day"] == ended.groupby([*RUN, "metric"], dropna=False)["day"].transform("max")]
        repeated = set(last.loc[last.duplicated([*RUN, "metric"]), "metric"])
        once = sorted(name for name in present - repeated - set(COSTS) if ":" not in name)
        names = once[:MOST_HEADLINES]
    return tuple(dict.fromkeys(names))


def targets_of(paper: str, out: Path | None = None) -> pd.DataFrame:
    """Read the published numbers of a paper from its targets.csv; empty where it has none.

    Args:
        paper: its name.
        out: folder of results, which keeps the tables of a paper that is not installed.
    """
    return _table_of(paper, out, "targets.csv", TARGET_COLUMNS, floats=["target", "spread", "tolerance"])


def claims_of(paper: str, out: Path | None = None) -> pd.DataFrame:
    """Read the orderings that a paper claims from its claims.csv, as `targets_of` does."""
    return _table_of(paper, out, "claims.csv", CLAIM_COLUMNS, floats=["margin"])


def _table_of(paper: str, out: Path | None, name: str, columns: list[str], floats: list[str]) -> pd.DataFrame:
    # Only the folder is asked for: the report may know a paper's numbers, but not import its code.
    folder = tables_of(paper) or (kept_tables(out, paper) if out else None)
    path = folder / name if folder else None
    if path is None or not path.is_file():
        return pd.DataFrame(columns=columns)
    with path.open(encoding="utf-8") as file:
        table = pd.read_csv(file, dtype=dict.fromkeys(floats, float))
    if list(table.columns) != columns:
        raise ValueError(f"{paper}/{name} has columns {list(table.columns)}; expected {columns}")
    return table


def _several_last(rows: pd.DataFrame) -> pd.DataFrame:
    """Rows of a metric that is judged, and should be measured once on a run's last day, and was not."""
    judged = {
        (str(paper), str(one["experiment"]), STORED_AS.get(str(one["metric"]), str(one["metric"])))
        for paper in rows["paper"].unique()
        for table in (targets_of(str(paper)), claims_of(str(paper)))
        for one in table.to_dict("records")
    }
    asked = {metric for _, _, metric in judged} | {"accuracy_seen"}
    ended = rows[(rows["phase"] == "end") & rows["metric"].isin(sorted(asked))]
    last = ended[ended["day"] == ended.groupby([*RUN, "metric"], dropna=False)["day"].transform("max")]
    doubled = last[last.duplicated([*RUN, "metric"], keep=False)]
    addresses = zip(doubled["paper"], doubled["experiment"], doubled["metric"], strict=True)
    counts = [metric == "accuracy_seen" or (p, e, metric) in judged for p, e, metric in addresses]
    return doubled[np.array(counts, dtype=bool)]


def _unfinished(rows: pd.DataFrame) -> pd.DataFrame:
    """Rows of runs whose last day comes before the last day of another seed of the same condition."""
    last = rows[rows["phase"] == "end"].groupby(RUN, dropna=False, as_index=False)["day"].max()
    longest = last.groupby([*EXPERIMENT, "condition"])["day"].transform("max")
    return last[last["day"] < longest]


def _without(rows: pd.DataFrame, runs: pd.DataFrame) -> pd.DataFrame:
    if not len(runs):
        return rows
    left_out = pd.MultiIndex.from_frame(runs[RUN])
    return rows[~pd.MultiIndex.from_frame(rows[RUN]).isin(left_out)]


def _name(runs: pd.DataFrame, problem: str) -> list[str]:
    distinct = runs[RUN].drop_duplicates().itertuples(index=False)
    return [f"{r.paper}/{r.experiment}, condition {r.condition}, seed {r.seed} {problem}" for r in distinct]
