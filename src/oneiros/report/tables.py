"""Verdicts, seeds and costs as tables: frames of ready-to-read text."""

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd

from oneiros.measure.metrics import Interval, average_accuracy, average_forgetting, mean_interval
from oneiros.report.check import ClaimVerdict, TargetVerdict
from oneiros.report.units import format_interval, number, scale_of, symbol, usual_unit
from oneiros.report.valid_rows import COSTS, RUN, conditions, headline_metrics, values_by_seed

NOTHING = "–"
# The verdict comes second, so that a narrow screen shows it without scrolling.
RESULT_COLUMNS = ["condition", "verdict", "paper", "accepted", "measured", "seeds"]
CLAIM_COLUMNS = ["claim", "verdict", "ordering", "difference", "pairs", "effect d_z", "p (Holm)", "where"]


def judged_metrics(targets: Sequence[TargetVerdict], claims: Sequence[ClaimVerdict]) -> tuple[str, ...]:
    """Metrics with a published number or a claim, in their order."""
    return tuple(dict.fromkeys(each.metric for each in (*targets, *claims)))


def unit_of(metric: str, targets: Sequence[TargetVerdict]) -> str:
    """The unit that the published numbers of a metric are in, else its usual one."""
    return next((target.unit for target in targets if target.metric == metric), usual_unit(metric))


def results_table(rows: pd.DataFrame, targets: Sequence[TargetVerdict]) -> pd.DataFrame:
    """Tabulate the metrics that have published numbers, the paper's number beside ours.

    Conditions without a published number are measured only. Where several metrics are judged, a column names them.
    """
    judged = dict.fromkeys(target.metric for target in targets)
    tables = {metric: _lines(rows, targets, metric) for metric in judged}
    frame = pd.DataFrame([line for lines in tables.values() for line in lines], columns=RESULT_COLUMNS)
    if len(tables) > 1 or "final_accuracy" not in tables:
        names = [_named(metric, unit_of(metric, targets)) for metric, lines in tables.items() for _ in lines]
        frame.insert(2, "metric", names)
    return frame


def measured_table(
    rows: pd.DataFrame, targets: Sequence[TargetVerdict] = (), claims: Sequence[ClaimVerdict] = ()
) -> pd.DataFrame:
    """Tabulate what matters and has no published number: one row a condition, one column a metric."""
    published = {target.metric for target in targets}
    metrics = [m for m in headline_metrics(rows, judged_metrics(targets, claims)) if m not in published]
    columns: dict[str, list[str]] = {"condition": conditions(rows)}
    seeds = dict.fromkeys(conditions(rows), 0)
    for metric in metrics:
        unit = unit_of(metric, targets)
        found = intervals(rows, metric, unit)
        columns[_named(metric, unit)] = [
            format_interval(found[name], unit) if name in found else NOTHING for name in seeds
        ]
        seeds |= {name: max(seeds[name], interval.n) for name, interval in found.items()}
    return pd.DataFrame({**columns, "seeds": [str(n) for n in seeds.values()]})


def claims_table(claims: Sequence[ClaimVerdict]) -> pd.DataFrame:
    """Claimed orderings with their paired difference, effect size and corrected p."""
    lines = [_claim_line(claim) for claim in claims]
    frame = pd.DataFrame(lines, columns=CLAIM_COLUMNS)
    if len({claim.metric for claim in claims}) > 1:
        frame.insert(3, "metric", [_named(claim.metric, usual_unit(claim.metric)) for claim in claims])
    return frame


def seeds_table(rows: pd.DataFrame, metric: str = "final_accuracy", unit: str = "percent") -> pd.DataFrame:
    """Tabulate a metric after the last night, one row a condition and one column a seed."""
    final = values_by_seed(rows, metric)
    wide = final.pivot(index="condition", columns="seed", values="value").reindex(conditions(final)) * scale_of(unit)
    wide.columns = [f"seed {seed}" for seed in wide.columns]
    return wide.map(lambda value: NOTHING if pd.isna(value) else number(value, unit)).reset_index()


def forgetting_table(rows: pd.DataFrame) -> pd.DataFrame:
    """Average accuracy over tasks and average forgetting (Chaudhry et al. 2018) after the last night, in percent."""
    cells = rows[(rows["metric"] == "accuracy") & (rows["phase"] == "end")]
    lines = []
    for condition, mine in cells.groupby("condition", sort=False):
        if mine.duplicated([*RUN, "day", "task"]).any():
            continue
        lives = [_matrix(life) for _, life in mine.groupby(["seed", "order"], dropna=False)]
        if all(min(matrix.shape) > 1 and np.isfinite(matrix[-1]).all() for matrix in lives):
            kept = mean_interval([100 * average_accuracy(matrix) for matrix in lives])
            lost = mean_interval([100 * average_forgetting(matrix) for matrix in lives])
            lines.append((str(condition), format_interval(kept), format_interval(lost), str(kept.n)))
    return pd.DataFrame(lines, columns=["condition", "average accuracy", "average forgetting", "runs"])


def costs_table(rows: pd.DataFrame, runs: Sequence[Mapping[str, object]]) -> pd.DataFrame:
    """What a run of each condition cost, mean over runs: time and memory from the seals, the rest from rows."""
    by_condition: dict[str, list[Mapping[str, object]]] = {}
    for run in runs:
        by_condition.setdefault(str(run.get("condition")), []).append(run)
    named = {"peak_memory": "peak memory, MB"}
    life = _cost_of_a_life(rows)
    table = []
    for condition in conditions(rows):
        mine = by_condition.get(condition, [])
        cost = {"seconds": _mean_of(mine, "seconds"), "peak_memory": _mean_of(mine, "peak_memory", 1e-6)}
        cost |= {metric: life.get((condition, metric), np.nan) for metric in COSTS}
        table.append({"condition": condition, **cost})
    frame = pd.DataFrame(table).dropna(axis="columns", how="all")
    text = {name: [_cost_text(value) for value in frame[name]] for name in frame.columns if name != "condition"}
    frame = frame[["condition"]].assign(**text)
    return frame.rename(columns={name: named.get(name, name.replace("_", " ")) for name in frame.columns})


def in_reading_order(rows: pd.DataFrame, targets: Sequence[TargetVerdict]) -> pd.DataFrame:
    """Conditions as in the paper's table, then the others from lowest to highest; tables and colours follow rows."""
    metrics = headline_metrics(rows, judged_metrics(targets, ()))
    measured = intervals(rows, metrics[0]) if metrics else {}
    by_mean = sorted((interval.mean, name) for name, interval in measured.items())
    order = dict.fromkeys([*(t.condition for t in targets), *(name for _, name in by_mean), *conditions(rows)])
    rank = {name: index for index, name in enumerate(order)}
    return rows.take(np.argsort(rows["condition"].map(rank).to_numpy(), kind="stable"))


def intervals(rows: pd.DataFrame, metric: str, unit: str = "percent") -> dict[str, Interval]:
    """A metric after the last night by condition, in `unit`, with its 95 % interval over seeds."""
    final = values_by_seed(rows, metric)
    scale = scale_of(unit)
    grouped = final.groupby("condition", sort=False)["value"]
    return {str(name): mean_interval(scale * values.to_numpy(dtype=float)) for name, values in grouped}


def _matrix(life: pd.DataFrame) -> np.ndarray:
    """Accuracy by day and task of one run; days on which nothing was measured are left out."""
    days, day = np.unique(life["day"].to_numpy(), return_inverse=True)
    tasks, task = np.unique(life["task"].to_numpy(), return_inverse=True)
    matrix = np.full((len(days), len(tasks)), np.nan)
    matrix[day, task] = life["value"].to_numpy(dtype=float)
    return matrix


def _named(metric: str, unit: str) -> str:
    name, _, when = metric.partition("@")
    when = "the best day" if when == "best" else f"days {when.replace(':', ' and ')}" if when else ""
    words = name.replace("_", " ") + (f" on {when}" if when else "")
    return f"{words} ({symbol(unit)})" if symbol(unit) else words


def _lines(rows: pd.DataFrame, targets: Sequence[TargetVerdict], metric: str) -> list[tuple[str, ...]]:
    """The lines of one metric: conditions in the order of the rows, then what was not run."""
    unit = unit_of(metric, targets)
    measured = intervals(rows, metric, unit)
    judged: dict[str, list[TargetVerdict]] = {}
    for target in targets:
        if target.metric == metric:
            judged.setdefault(target.condition, []).append(target)
    lines: list[tuple[str, ...]] = []
    for name in dict.fromkeys([*measured, *judged]):
        if name in judged:
            lines += [_judged_line(target) for target in judged[name]]
        else:
            lines.append(_measured_line(name, measured[name], unit))
    return lines


def _judged_line(target: TargetVerdict) -> tuple[str, ...]:
    spread = "" if target.spread is None else f" ± {target.spread:g}"
    seeds = f"{target.n} (≈ {target.seeds_needed} would decide)" if target.seeds_needed else str(target.n)
    lower, upper = target.target - target.tolerance, target.target + target.tolerance
    accepted = f"{lower:g} to {upper:g}"
    return (target.condition, target.verdict, f"{target.target:g}{spread}", accepted, measured_text(target), seeds)


def measured_text(target: TargetVerdict) -> str:
    """Our number beside a published one."""
    if target.mean is None:
        return NOTHING
    if target.low is None or target.high is None:
        return number(target.mean, target.unit)
    interval = Interval(mean=target.mean, low=target.low, high=target.high, n=target.n)
    return format_interval(interval, target.unit)


def _measured_line(condition: str, interval: Interval, unit: str) -> tuple[str, ...]:
    return (condition, "no target", NOTHING, NOTHING, format_interval(interval, unit), str(interval.n))


def difference_text(claim: ClaimVerdict) -> str:
    """The paired difference of a claim; that of accuracies in percentage points."""
    if claim.mean is None:
        return NOTHING
    scale, form = (100, "+.2f") if usual_unit(claim.metric) == "percent" else (1, "+.4g")
    if claim.low is None or claim.high is None:
        return f"{claim.mean * scale:{form}}"
    return f"{claim.mean * scale:{form}} [{claim.low * scale:{form}}, {claim.high * scale:{form}}]"


def ordering_text(claim: ClaimVerdict) -> str:
    """What a claim says, as an inequality."""
    margin = claim.margin * scale_of(usual_unit(claim.metric))
    more = f" {'+' if margin > 0 else '−'} {abs(margin):g}" if margin else ""
    return f"{claim.first} > {claim.second}{more}"


def _claim_line(claim: ClaimVerdict) -> tuple[str, ...]:
    effect = NOTHING if claim.effect is None else f"{claim.effect:.1f}"
    p = NOTHING if claim.p_holm is None else f"{claim.p_holm:.2g}"
    difference = difference_text(claim)
    return (claim.text, claim.verdict, ordering_text(claim), difference, str(claim.n), effect, p, claim.where)


def _cost_of_a_life(rows: pd.DataFrame) -> dict[tuple[str, str], float]:
    """What each run cost in all, mean over the runs of a condition, by condition and metric."""
    mine = rows[rows["metric"].isin(list(COSTS)) & (rows["phase"] == "end")]
    a_run = mine.groupby([*RUN, "metric"], dropna=False, as_index=False)["value"].max()
    means = a_run.groupby(["condition", "metric"], as_index=False)["value"].mean()
    return {(str(c), str(m)): float(value) for c, m, value in means[["condition", "metric", "value"]].to_numpy()}


def _mean_of(runs: Sequence[Mapping[str, object]], name: str, scale: float = 1.0) -> float:
    values = [run.get(name) for run in runs]
    known = [scale * value for value in values if isinstance(value, int | float)]
    return sum(known) / len(known) if known else float("nan")


def _cost_text(value: float) -> str:
    if pd.isna(value):
        return NOTHING
    return f"{value:,.0f}" if abs(value) >= 100 else f"{value:.3g}"
