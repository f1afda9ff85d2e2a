"""From rows to the tables of `docs/which-mechanism.md` and of the page: what beats what, at which cost."""

from collections.abc import Iterator

import pandas as pd

from bench.matrix.learners import ENTRIES
from bench.matrix.streams import STREAMS

MARGIN = 1.0  # points within which the default is to be of the best row that keeps no example


def ends(rows: pd.DataFrame, metric: str) -> pd.Series:
    """One number a cell: (stream, mechanism, seed) -> value."""
    mine = rows[rows["metric"] == metric]
    return mine.set_index(["experiment", "condition", "seed"])["value"]


def shared(rows: pd.DataFrame) -> pd.DataFrame:
    """Rows of the seeds that every mechanism of a stream has: what may be compared.

    Mechanisms that were lived for fewer seeds than others would be compared with easier or harder orders of classes.
    """
    kept = []
    for _, mine in rows.groupby("experiment", sort=False):
        seeds = set.intersection(*(set(each) for _, each in mine.groupby("condition")["seed"]))
        kept.append(mine[mine["seed"].isin(seeds)])
    return pd.concat(kept, ignore_index=True)


def means(rows: pd.DataFrame, metric: str) -> pd.DataFrame:
    """Mean over seeds: mechanisms down, streams across, both in the order in which they are known."""
    wide = ends(rows, metric).groupby(level=[0, 1]).mean().unstack(0)
    return wide.reindex(
        index=[each for each in ENTRIES if each in wide.index], columns=[s for s in STREAMS if s in wide]
    )


def data_free(rows: pd.DataFrame) -> pd.DataFrame:
    """Mean accuracy in % of the cells that learn day by day and keep no raw example; NaN elsewhere."""
    accuracy, raw = 100 * means(rows, "final_accuracy"), means(rows, "raw")
    accuracy = accuracy.where(raw.reindex_like(accuracy) == 0)
    together = [name for name in accuracy.index if ENTRIES[name].together]
    return accuracy.drop(index=together)


def accuracy_table(rows: pd.DataFrame) -> str:
    """Markdown: mean and standard deviation over seeds in %; the best row without a raw example in bold.

    Best is told on the seeds that all rows of a stream have (`shared`).
    """
    of_seed = 100 * ends(rows, "final_accuracy")
    accuracy, free, raw = 100 * means(rows, "final_accuracy"), data_free(shared(rows)), means(rows, "raw")
    best = free.idxmax()
    lines = []
    for name in accuracy.index:
        cells = [_marked(name, raw.loc[name])]
        for stream in accuracy.columns:
            if pd.isna(accuracy.loc[name, stream]):
                cells.append("–")
                continue
            text = _spread(of_seed[stream][name])
            cells.append(f"**{text}**" if best[stream] == name else text)
        lines.append(cells)
    return _markdown(["mechanism", *accuracy.columns], lines)


def cost_table(rows: pd.DataFrame, metric: str, per: float, digits: int) -> str:
    """Markdown: a cost, mean over seeds, in units of `per`."""
    wide = means(rows, metric) / per
    lines = [
        [f"`{name}`", *("–" if pd.isna(value) else f"{value:.{digits}f}" for value in wide.loc[name])]
        for name in wide.index
    ]
    return _markdown(["mechanism", *wide.columns], lines)


def verdicts(rows: pd.DataFrame) -> str:
    """Markdown: stream by stream the best row that keeps no example, whether it is ours, and how far the default is.

    On the seeds that all rows of a stream have.
    """
    rows = shared(rows)
    seeds = rows.groupby("experiment")["seed"].nunique()
    free = data_free(rows)
    lines = []
    for stream in free.columns:
        mine = free[stream].dropna()
        best, ours = mine.idxmax(), mine[[ENTRIES[name].ours for name in mine.index]]
        behind = mine.max() - ours.max()
        said = "ours" if ENTRIES[best].ours else f"not ours: `{ours.idxmax()}` is {behind:.1f} behind"
        lines.append(
            [f"{stream} ({seeds[stream]})", f"`{best}` {mine.max():.1f}", said, _of_default(mine),
             _of_joint(rows, stream, mine.max())]
        )  # fmt: skip
    return _markdown(["stream (seeds)", "best that keeps no example", "whose", "the default", "joint training"], lines)


def _of_default(mine: pd.Series) -> str:
    if "Default" not in mine:
        return "not run"
    behind = mine.max() - mine["Default"]
    floor = mine["Default"] - mine.get("NoSleep", float("-inf"))
    said = f"{mine['Default']:.1f}, " + ("within 1 point" if behind <= MARGIN else f"{behind:.1f} behind")
    return said + ("" if floor >= 0 else f", {-floor:.1f} below `NoSleep`")


def _of_joint(rows: pd.DataFrame, stream: str, best: float) -> str:
    accuracy = 100 * means(rows, "final_accuracy")
    if "Joint" not in accuracy.index or pd.isna(accuracy.loc["Joint", stream]):
        return "not run"
    joint = accuracy.loc["Joint", stream]
    return f"{joint:.1f}" + (", reached" if best >= joint else f", {joint - best:.1f} above")


def legend(rows: pd.DataFrame) -> str:
    """Markdown: what the names stand for."""
    known = [f"- `{name}`: {ENTRIES[name].told}" for name in means(rows, "raw").index]
    seen = [f"- {name}: {STREAMS[name].title}" for name in means(rows, "raw").columns]
    return "\n".join([*known, "", *seen])


def block(rows: pd.DataFrame) -> str:
    """All that `docs/which-mechanism.md` takes from rows."""
    return "\n\n".join(_parts(rows))


def _parts(rows: pd.DataFrame) -> Iterator[str]:
    yield verdicts(rows)
    yield (
        "Final accuracy on all classes or domains (%, mean ± standard deviation over seeds; how many in brackets). "
        "Bold: the best that keeps no example. †: keeps raw examples. –: not run, or refused."
    )
    yield accuracy_table(rows)
    yield "CPU seconds of learning and nights, one thread of a busy machine:"
    yield cost_table(rows, "cpu_seconds", 1.0, 1)
    yield "Kept because of the mechanism (MB, most after any day):"
    yield cost_table(rows, "bytes", 1e6, 2)
    yield "Forgetting: how much accuracy on a day's classes fell from its night to the end (points, mean over days):"
    yield cost_table(rows, "forgetting", 0.01, 1)
    yield legend(rows)


def _marked(name: str, raw: pd.Series) -> str:
    return f"`{name}`" + (" †" if (raw.dropna() > 0).any() else "")


def _spread(values: pd.Series) -> str:
    spread = f" ± {values.std():.1f}" if len(values) > 1 else ""
    return f"{values.mean():.1f}{spread} ({len(values)})"


def _markdown(head: list[str], lines: list[list[str]]) -> str:
    return "\n".join(f"| {' | '.join(cells)} |" for cells in [head, ["---"] * len(head), *lines])
