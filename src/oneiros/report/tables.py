"""Verdicts and seeds as tables: one frame of ready-to-read text, three ways to write it down."""

import html
import re
from collections.abc import Sequence

import pandas as pd

from oneiros.metrics import Interval, accuracy_matrix, average_accuracy, average_forgetting, mean_interval
from oneiros.report.check import ClaimVerdict, TargetVerdict
from oneiros.report.evidence import conditions, values_by_seed

NOTHING = "–"
# The verdict comes second, so that a narrow screen shows it without scrolling.
RESULT_COLUMNS = ["condition", "verdict", "paper", "accepted", "measured", "seeds"]
CLAIM_COLUMNS = ["claim", "verdict", "difference", "pairs", "effect d_z", "p (Holm)", "where", "in words"]
# Cells with more characters may break over lines.
LONG = 36


def results_table(rows: pd.DataFrame, targets: Sequence[TargetVerdict]) -> pd.DataFrame:
    """Tabulate final accuracy for every condition of one experiment, the paper's number beside ours.

    Conditions without a published number are measured only; targets of another metric follow as rows of their own.
    """
    judged = {target.condition: target for target in targets if target.metric == "final_accuracy"}
    measured = final_intervals(rows)
    lines = [
        _judged_line(judged[name]) if name in judged else _measured_line(name, measured[name]) for name in measured
    ]
    lines += [_judged_line(target) for target in targets if target.condition not in measured]
    lines += [_judged_line(t) for t in targets if t.condition in measured and t.metric != "final_accuracy"]
    return pd.DataFrame(lines, columns=RESULT_COLUMNS)


def claims_table(claims: Sequence[ClaimVerdict]) -> pd.DataFrame:
    """Claimed orderings with their paired difference, effect size and corrected p."""
    return pd.DataFrame([_claim_line(claim) for claim in claims], columns=CLAIM_COLUMNS)


def seeds_table(rows: pd.DataFrame) -> pd.DataFrame:
    """Tabulate final accuracy in percent, one row a condition and one column a seed."""
    final = values_by_seed(rows, "final_accuracy")
    wide = (100 * final.pivot(index="condition", columns="seed", values="value")).reindex(conditions(final))
    wide.columns = [f"seed {seed}" for seed in wide.columns]
    return wide.map(lambda value: NOTHING if pd.isna(value) else f"{value:.2f}").reset_index()


def forgetting_table(rows: pd.DataFrame) -> pd.DataFrame:
    """Average accuracy over tasks and average forgetting (Chaudhry et al. 2018) after the last night, in percent."""
    cells = rows[(rows["metric"] == "accuracy") & (rows["phase"] == "end")]
    lines = []
    for condition in conditions(cells):
        lives = list(cells.loc[cells["condition"] == condition].groupby(["seed", "order"], dropna=False))
        matrices = [accuracy_matrix(*(life[c].to_numpy() for c in ("day", "task", "value"))) for _, life in lives]
        if all(min(matrix.shape) > 1 for matrix in matrices):
            kept = mean_interval([100 * average_accuracy(matrix) for matrix in matrices])
            lost = mean_interval([100 * average_forgetting(matrix) for matrix in matrices])
            lines.append((condition, format_interval(kept), format_interval(lost), str(kept.n)))
    return pd.DataFrame(lines, columns=["condition", "average accuracy", "average forgetting", "runs"])


def in_reading_order(rows: pd.DataFrame, targets: Sequence[TargetVerdict]) -> pd.DataFrame:
    """Conditions as in the paper's table, then the others from lowest to highest; tables and colours follow rows."""
    by_mean = sorted((interval.mean, name) for name, interval in final_intervals(rows).items())
    order = dict.fromkeys([*(t.condition for t in targets), *(name for _, name in by_mean), *rows["condition"]])
    rank = {name: index for index, name in enumerate(order)}
    return rows.sort_values("condition", key=lambda names: names.map(rank), kind="stable")


def final_intervals(rows: pd.DataFrame) -> dict[str, Interval]:
    """Compute final accuracy in percent by condition, with its 95 % interval over seeds."""
    final = values_by_seed(rows, "final_accuracy")
    grouped = final.groupby("condition", sort=False)["value"]
    return {str(name): mean_interval(100 * values.to_numpy(dtype=float)) for name, values in grouped}


def format_interval(interval: Interval) -> str:
    """Mean [low, high], or the mean alone where there is no interval.

    >>> format_interval(Interval(mean=64.68, low=60.11, high=69.25, n=6))
    '64.68 [60.11, 69.25]'
    """
    if interval.n < 2:
        return f"{interval.mean:.2f}"
    return f"{interval.mean:.2f} [{interval.low:.2f}, {interval.high:.2f}]"


def to_markdown(frame: pd.DataFrame) -> str:
    """Write a GitHub-flavoured table; numbers are already text.

    >>> print(to_markdown(pd.DataFrame({"condition": ["src"], "seeds": ["6"]})))
    | condition | seeds |
    | --- | --- |
    | src | 6 |
    """
    lines = [list(frame.columns), ["---"] * frame.shape[1], *frame.to_numpy(dtype=object).tolist()]
    return "\n".join("| " + " | ".join(_markdown_cell(cell) for cell in line) + " |" for line in lines)


def to_html(frame: pd.DataFrame, caption: str) -> str:
    """Write an accessible table: a caption, scoped headers, the verdict column marked by a class for its colour."""
    head = "".join(f'<th scope="col">{html.escape(str(name))}</th>' for name in frame.columns)
    body = "\n".join(_html_row(list(frame.columns), line) for line in frame.to_numpy(dtype=object).tolist())
    return (
        f'<div class="scroll" tabindex="0" role="region" aria-label="{html.escape(caption)}"><table>\n'
        f"<caption>{html.escape(caption)}</caption>\n<thead><tr>{head}</tr></thead>\n<tbody>\n{body}\n</tbody>\n"
        "</table></div>"
    )


def _judged_line(target: TargetVerdict) -> tuple[str, ...]:
    spread = "" if target.spread is None else f" ± {target.spread:g}"
    seeds = f"{target.n} (≈ {target.seeds_needed} would decide)" if target.seeds_needed else str(target.n)
    name = target.condition if target.metric == "final_accuracy" else f"{target.condition}, {target.metric}"
    lower, upper = target.target - target.tolerance, target.target + target.tolerance
    return (name, target.verdict, f"{target.target:g}{spread}", f"{lower:g} to {upper:g}", _measured(target), seeds)


def _measured(target: TargetVerdict) -> str:
    if target.mean is None:
        return NOTHING
    if target.low is None or target.high is None:
        return f"{target.mean:.2f}"
    return format_interval(Interval(mean=target.mean, low=target.low, high=target.high, n=target.n))


def _measured_line(condition: str, interval: Interval) -> tuple[str, ...]:
    return (condition, "no target", NOTHING, NOTHING, format_interval(interval), str(interval.n))


def _claim_line(claim: ClaimVerdict) -> tuple[str, ...]:
    # Accuracies are stored as fractions and read as percentage points.
    scale = 100 if "accuracy" in claim.metric else 1
    margin = f" + {claim.margin * scale:g}" if claim.margin else ""
    difference = NOTHING if claim.mean is None else f"{claim.mean * scale:+.2f}"
    if claim.mean is not None and claim.low is not None and claim.high is not None:
        difference = f"{claim.mean * scale:+.2f} [{claim.low * scale:+.2f}, {claim.high * scale:+.2f}]"
    effect = NOTHING if claim.effect is None else f"{claim.effect:.1f}"
    p = NOTHING if claim.p_holm is None else f"{claim.p_holm:.2g}"
    ordering = f"{claim.first} > {claim.second}{margin}"
    return (ordering, claim.verdict, difference, str(claim.n), effect, p, claim.where, claim.text)


def _markdown_cell(cell: object) -> str:
    return re.sub(r"\s+", " ", html.escape(str(cell), quote=False)).replace("|", "\\|").replace("&gt;", ">")


def _html_row(columns: Sequence[str], line: Sequence[object]) -> str:
    first, *others = line
    cells = [f'<th scope="row">{html.escape(str(first))}</th>']
    for column, cell in zip(columns[1:], others, strict=True):
        text = html.escape(str(cell))
        kind = re.sub(r"\W+", "-", str(cell)) if column == "verdict" else ""
        plain = '<td class="long">' if len(text) > LONG else "<td>"
        cells.append(f'<td class="verdict {kind}"><span>{text}</span></td>' if kind else f"{plain}{text}</td>")
    return f"<tr>{''.join(cells)}</tr>"
