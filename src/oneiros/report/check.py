"""Rows beside published numbers and orderings: one verdict each."""

import math
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np
import pandas as pd

from oneiros.measure.metrics import claim, claim_answer, holm, mean_interval, seeds_needed, verdict
from oneiros.report.units import higher_is_better, scale_of
from oneiros.report.valid_rows import EXPERIMENT, ValidRows, claims_of, only, targets_of, valid_rows, values_by_seed

MISSES = ("not reproduced", "better", "fails")
SUCCESSES = ("reproduced", "holds")


@dataclass(frozen=True, kw_only=True)
class TargetVerdict:
    """A published number beside ours; None stands where nothing can be said, so that a record is valid JSON.

    Attributes:
        paper: which paper.
        experiment: which of its experiments.
        where: table or figure the number is in.
        condition: what was trained.
        metric: what was measured.
        unit: unit of all numbers of this record.
        target: the published number.
        spread: the published standard deviation.
        tolerance: how far from the target still counts, decided before the first full run.
        mean: our mean over seeds.
        low: lower end of our 95 % interval; None with fewer than two seeds.
        high: upper end of it.
        n: number of our seeds.
        verdict: what follows.
        seeds_needed: where undecided, the seeds in all that would decide if mean and spread stayed.

    """

    paper: str
    experiment: str
    where: str
    condition: str
    metric: str
    unit: str
    target: float
    spread: float | None
    tolerance: float
    mean: float | None
    low: float | None
    high: float | None
    n: int
    verdict: Literal["reproduced", "not reproduced", "better", "undecided", "not run"]
    seeds_needed: int | None


@dataclass(frozen=True, kw_only=True)
class ClaimVerdict:
    """A claimed ordering, tested on the seeds both conditions have; numbers are in the unit of the rows.

    Attributes:
        paper: which paper.
        experiment: which of its experiments.
        where: table or figure that shows it; "ours" where the paper does not claim it.
        first: the condition claimed to be higher.
        second: the condition claimed to be lower.
        metric: what was measured.
        margin: by how much it must be higher.
        text: the claim in words.
        mean: mean paired difference.
        low: lower end of its 95 % interval, not corrected for the number of claims.
        high: upper end of it.
        n: number of pairs.
        effect: Cohen's d_z; None where undefined or infinite.
        p: two-sided p of the paired t test.
        p_holm: p, Holm-corrected for all tested claims of the experiment; the verdict rests on this one.
        verdict: what follows.

    """

    paper: str
    experiment: str
    where: str
    first: str
    second: str
    metric: str
    margin: float
    text: str
    mean: float | None
    low: float | None
    high: float | None
    n: int
    effect: float | None
    p: float | None
    p_holm: float | None
    verdict: Literal["holds", "fails", "undecided", "not run"]


@dataclass(frozen=True, kw_only=True)
class Check:
    """All verdicts on one set of rows, and what was left out of them."""

    targets: tuple[TargetVerdict, ...]
    claims: tuple[ClaimVerdict, ...]
    problems: tuple[str, ...]

    @property
    def missed(self) -> tuple[TargetVerdict | ClaimVerdict, ...]:
        """Targets and claims that the rows contradict; "better" than published is a miss until explained."""
        return tuple(each for each in (*self.targets, *self.claims) if each.verdict in MISSES)

    @property
    def passed(self) -> bool:
        """Whether every target is reproduced and every claim holds; False where one is undecided or not run."""
        return all(each.verdict in SUCCESSES for each in (*self.targets, *self.claims))


def check(rows: pd.DataFrame, valid: ValidRows | None = None, out: Path | None = None) -> Check:
    """Judge every experiment that `rows` contain by its paper's targets.csv and claims.csv.

    Args:
        rows: of all experiments.
        valid: what `valid_rows` makes of them, if that is known already.
        out: where they lie, see `targets_of`.
    """
    valid = valid or valid_rows(rows)
    run = rows[EXPERIMENT].drop_duplicates()
    targets: list[TargetVerdict] = []
    claims: list[ClaimVerdict] = []
    for paper in run["paper"].unique():
        published, claimed = targets_of(paper, out).merge(run), claims_of(paper, out).merge(run)
        mine = only(valid.rows, [*published["metric"], *claimed["metric"]])
        targets += judge_targets(mine, published)
        claims += judge_claims(mine, claimed)
    return Check(targets=tuple(targets), claims=tuple(claims), problems=valid.problems)


def judge_targets(rows: pd.DataFrame, targets: pd.DataFrame) -> list[TargetVerdict]:
    """One verdict for each row of `targets`, in their order; columns as in targets.csv."""
    return [
        _judge_target(_values(rows, target, target["condition"], target["metric"]), target)
        for _, target in targets.iterrows()
    ]


def judge_claims(rows: pd.DataFrame, claims: pd.DataFrame) -> list[ClaimVerdict]:
    """One verdict for each row of `claims`, by experiment; Holm's family is the tested claims of an experiment."""
    judged: list[ClaimVerdict] = []
    for _, family in claims.groupby(EXPERIMENT, sort=False):
        tests = [_test_claim(rows, one) for _, one in family.iterrows()]
        tested = [index for index, test in enumerate(tests) if test["p"] is not None]
        corrected = dict(zip(tested, holm([tests[index]["p"] for index in tested]), strict=True))
        judged += [_judge_claim(test, corrected.get(index)) for index, test in enumerate(tests)]
    return judged


def _judge_target(values: pd.Series, target: pd.Series) -> TargetVerdict:
    unit = target["unit"]
    scaled = values.to_numpy(dtype=float) * scale_of(unit)
    bounds = {"target": float(target["target"]), "tolerance": float(target["tolerance"])}
    address = {name: str(target[name]) for name in ("paper", "experiment", "where", "condition", "metric", "unit")}
    known = {**address, **bounds, "spread": _known(target["spread"])}
    if not len(scaled):
        return TargetVerdict(**known, mean=None, low=None, high=None, n=0, verdict="not run", seeds_needed=None)
    interval = mean_interval(scaled)
    answer = verdict(interval, **bounds)
    if answer == "better" and not higher_is_better(address["metric"]):
        answer = "not reproduced"
    return TargetVerdict(
        **known,
        mean=interval.mean,
        low=_known(interval.low),
        high=_known(interval.high),
        n=interval.n,
        verdict=answer,
        seeds_needed=seeds_needed(scaled, **bounds) if answer == "undecided" else None,
    )


def _test_claim(rows: pd.DataFrame, one: pd.Series) -> dict:
    """All fields of a ClaimVerdict but the last two, which need the other claims."""
    words = {name: str(one[name]) for name in ("paper", "experiment", "where", "first", "second", "metric", "text")}
    margin = float(one["margin"])
    metrics = sides(words["metric"])
    both = [_values(rows, one, one[side], metric) for side, metric in zip(("first", "second"), metrics, strict=True)]
    pairs = pd.concat(both, axis=1, join="inner")
    if not len(pairs):
        nothing = dict.fromkeys(("mean", "low", "high", "effect", "p"))
        return {**words, "margin": margin, **nothing, "n": 0}
    result = claim(pairs.iloc[:, 0].to_numpy(), pairs.iloc[:, 1].to_numpy(), margin)
    numbers = {name: _known(getattr(result, name)) for name in ("mean", "low", "high", "effect", "p")}
    return {**words, "margin": margin, **numbers, "n": result.n}


def _judge_claim(test: dict, p_holm: float | None) -> ClaimVerdict:
    if not test["n"]:
        return ClaimVerdict(**test, p_holm=None, verdict="not run")
    excess = test["mean"] - test["margin"]
    return ClaimVerdict(**test, p_holm=p_holm, verdict=claim_answer(excess, math.nan if p_holm is None else p_holm))


def sides(metric: str) -> tuple[str, str]:
    """What a claim measures of its first and of its second condition: `METRIC@30:1` compares days.

    >>> sides("day_accuracy@30:1"), sides("replay_share:3")
    (('day_accuracy@30', 'day_accuracy@1'), ('replay_share:3', 'replay_share:3'))
    """
    name, at, when = metric.partition("@")
    first, _, second = when.partition(":")
    return f"{name}{at}{first}", f"{name}{at}{second or first}"


def _values(rows: pd.DataFrame, judged: pd.Series, condition: str, metric: str) -> pd.Series:
    """One value a seed of the condition, for the experiment of a row of targets.csv or claims.csv."""
    mine = (rows["paper"] == judged["paper"]) & (rows["experiment"] == judged["experiment"])
    values = values_by_seed(rows[mine & (rows["condition"] == condition)], metric)
    return values.set_index("seed")["value"]


def _known(number: float) -> float | None:
    return float(number) if np.isfinite(number) else None
