"""Verdicts on rows whose answer is known, from the paper's own targets.csv and claims.csv."""

import json
import subprocess
import sys
from dataclasses import asdict

import pandas as pd
import pytest

from oneiros.report import check, claims_of, judge_claims, judge_targets, targets_of, valid_rows, values_by_seed
from oneiros.report.valid_rows import headline_metrics

from .synthetic import LIKE_THE_PAPER, rows_like_the_paper

ROWS = rows_like_the_paper()
STABLE_NAMES = ["paper", "where", "condition", "metric", "target", "tolerance", "mean", "low", "high", "n", "verdict"]


def test_the_papers_numbers_are_found_and_explained():
    targets, claims = (
        frame[frame["experiment"] == "mnist"] for frame in (targets_of("kubo2025"), claims_of("kubo2025"))
    )
    assert dict(zip(targets["condition"], targets["target"], strict=True)) == {
        "sequential": 24.76,
        "src": 64.68,
        "src_equal_nights": 64.68,
        "src_literal": 64.68,
        "rehearsal": 31.15,
        "src_rehearsal": 67.77,
        "parallel": 96.59,
    }
    assert (targets["why"].str.len() > 40).all()
    assert len(claims) == 6


def test_a_paper_without_targets_has_none():
    assert targets_of("demo").empty
    assert claims_of("../kubo2025").empty


def test_every_verdict_that_the_rows_were_made_for():
    verdicts = {each.condition: each for each in check(ROWS).targets}
    assert {name: each.verdict for name, each in verdicts.items()} == {
        "sequential": "reproduced",
        "src": "undecided",
        "src_equal_nights": "reproduced",
        "src_literal": "not run",
        "rehearsal": "better",
        "src_rehearsal": "reproduced",
        "parallel": "not reproduced",
    }
    src = verdicts["src"]
    assert src.mean == pytest.approx(62.0)
    assert src.high - src.mean == pytest.approx(2.5706 * 5.0 / 6**0.5, rel=1e-4)
    assert src.seeds_needed == 12
    assert verdicts["sequential"].seeds_needed is None


def test_more_than_published_is_a_plain_miss_where_a_metric_has_no_better_end():
    target = {
        "where": "t",
        "condition": "c",
        "unit": "ratio",
        "target": 0.4,
        "spread": 0.05,
        "tolerance": 0.1,
        "why": "",
    }
    answers = {}
    for metric in ("similarity_t1_class_0", "final_accuracy"):
        name = metric.replace("final_accuracy", "accuracy_seen")
        rows = pd.DataFrame(
            [
                {"paper": "p", "experiment": "e", "condition": "c", "seed": seed, "order": "01", "day": 1, "task": 1,
                 "phase": "end", "metric": name, "value": 0.9 + seed / 1000}
                for seed in range(4)
            ]
        )  # fmt: skip
        targets = pd.DataFrame([{"paper": "p", "experiment": "e", "metric": metric, **target}])
        (answers[metric],) = (each.verdict for each in judge_targets(rows, targets))
    assert answers == {"similarity_t1_class_0": "not reproduced", "final_accuracy": "better"}


def test_missed_and_passed():
    checked = check(ROWS)
    assert [each.verdict for each in checked.missed] == ["better", "not reproduced"]
    assert not checked.passed
    good = rows_like_the_paper(conditions={"sequential": (25.0, 1.0), "src": (65.0, 1.0)})
    assert not check(good).passed  # four conditions were not run
    assert not check(good).missed


def test_conditions_without_rows_are_not_run():
    only = rows_like_the_paper(conditions={"sequential": (25.0, 1.5)})
    checked = check(only)
    verdicts = {each.condition: each.verdict for each in checked.targets}
    assert verdicts.pop("sequential") == "reproduced"
    assert set(verdicts.values()) == {"not run"}
    assert {each.verdict for each in checked.claims} == {"not run"}


@pytest.mark.parametrize("seeds", [1, 2])
def test_too_few_seeds_pass_nothing(seeds):
    exact = {name: (target, 0.01) for name, target in [("sequential", 24.76), ("src", 64.68), ("parallel", 96.59)]}
    checked = check(rows_like_the_paper(seeds, exact))
    assert {each.verdict for each in (*checked.targets, *checked.claims)} == {"undecided", "not run"}


def test_claims_are_paired_and_corrected():
    claims = claims_of("kubo2025")
    judged = judge_claims(ROWS, claims[claims["experiment"] == "mnist"])
    first = judged[0]
    assert (first.first, first.second, first.n, first.verdict) == ("src", "sequential", 6, "holds")
    assert first.mean == pytest.approx(0.37)
    assert all(each.p <= each.p_holm for each in judged)


def test_the_correction_can_undo_a_claim():
    """One claim whose p is just below .05 holds on its own, and is undecided among five."""
    claims = claims_of("kubo2025")
    close = claims[claims["first"] == "src_rehearsal"].iloc[[0]]
    alone, among = judge_claims(ROWS, close)[0], judge_claims(ROWS, pd.concat([close] * 5))[0]
    assert 0.01 < alone.p < 0.05
    assert (alone.verdict, among.verdict) == ("holds", "undecided")


def test_only_shared_seeds_are_compared():
    lacking = ROWS[~((ROWS["condition"] == "sequential") & (ROWS["seed"] == 3))]
    assert judge_claims(lacking, claims_of("kubo2025").iloc[[0]])[0].n == 5


def test_records_are_valid_json_with_stable_names():
    record = asdict(judge_targets(rows_like_the_paper(1), targets_of("kubo2025"))[0])
    assert [name for name in STABLE_NAMES if name not in record] == []
    assert json.loads(json.dumps(record, allow_nan=False))["low"] is None


def test_final_accuracy_is_the_last_end():
    values = values_by_seed(ROWS[ROWS["condition"] == "src"], "final_accuracy")
    assert 100 * values["value"].mean() == pytest.approx(LIKE_THE_PAPER["src"][0])


def test_an_unknown_unit_is_refused():
    with pytest.raises(ValueError, match=r"unknown unit 'per mille'.*'fraction', .*'percent'"):
        judge_targets(ROWS, targets_of("kubo2025").assign(unit="per mille"))


def test_contradicting_runs_are_named_and_left_out():
    again = ROWS[(ROWS["condition"] == "src") & (ROWS["seed"] == 2)].copy()
    again["value"] *= 0.5
    valid = valid_rows(pd.concat([ROWS, again], ignore_index=True))
    assert len(valid.problems) == 1
    assert "condition src, seed 2 gives two different values" in valid.problems[0]
    assert set(valid.rows.loc[valid.rows["condition"] == "src", "seed"]) == {0, 1, 3, 4, 5}


def test_a_run_with_several_values_on_its_last_day_is_named_and_left_out():
    last = ROWS[(ROWS["metric"] == "accuracy_seen") & (ROWS["phase"] == "end")].sort_values("day").tail(1)
    evidence = valid_rows(pd.concat([ROWS, last.assign(task=last["task"] + 1, value=0.5)]))
    (problem,) = evidence.problems
    assert "has several values of a number that it is judged by on its last day; left out" in problem
    one = last.iloc[0]
    left = evidence.rows[(evidence.rows["condition"] == one["condition"]) & (evidence.rows["seed"] == one["seed"])]
    assert left.empty
    values_by_seed(evidence.rows, "final_accuracy")


def test_rows_written_twice_count_once():
    valid = valid_rows(pd.concat([ROWS, ROWS], ignore_index=True))
    assert valid.problems == ()
    assert len(valid.rows) == len(ROWS)


def test_a_run_that_stopped_early_is_not_judged_by_its_early_accuracy():
    stopped = ROWS[~((ROWS["condition"] == "src") & (ROWS["seed"] == 1) & (ROWS["day"] > 2))]
    valid = valid_rows(stopped)
    assert ["condition src, seed 1 ends on an earlier day" in problem for problem in valid.problems] == [True]
    assert 1 not in set(valid.rows.loc[valid.rows["condition"] == "src", "seed"])


def test_judging_unsound_rows_is_refused():
    again = ROWS.copy()
    again["value"] *= 0.5
    with pytest.raises(ValueError, match=r"pass the rows through valid_rows\(\) first"):
        judge_targets(pd.concat([ROWS, again]), targets_of("kubo2025"))


def test_rows_without_a_column_are_refused():
    with pytest.raises(ValueError, match=r"no column \['phase'\]"):
        valid_rows(ROWS.drop(columns="phase"))


def test_no_torch_and_no_pyplot():
    code = "import sys, oneiros.report; sys.exit(bool({'torch', 'matplotlib.pyplot'} & set(sys.modules)))"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def days_of(condition: str, seed: int, accuracies: list[float], losses: list[float]) -> list[dict]:
    address = {
        "paper": "barry2022",
        "experiment": "month",
        "condition": condition,
        "seed": seed,
        "order": f"set {seed}",
    }
    lines = []
    for day, (accuracy, loss) in enumerate(zip(accuracies, losses, strict=True)):
        here = {**address, "day": day, "task": day}
        lines.append({**here, "phase": "end", "metric": "day_accuracy", "value": accuracy})
        lines.append({**here, "phase": "dusk", "metric": "validation_loss", "value": loss})
        lines.append(
            {**here, "phase": "end", "metric": "validation_loss", "value": -loss}
        )  # after the night: not asked
    return lines


def test_a_metric_may_name_days_and_the_best_day():
    first = days_of("a", 0, [0.1, 0.2, 0.6, 0.5], [4.0, 1.0, 1.0, 2.0])
    rows = pd.DataFrame(first + days_of("a", 1, [0.3, 0.4], [2.0, 1.0]))

    def value(metric: str) -> dict[int, float]:
        found = values_by_seed(rows, metric)
        return {seed: pytest.approx(each) for seed, each in zip(found["seed"], found["value"], strict=True)}

    assert value("day_accuracy") == {0: 0.5, 1: 0.4}
    assert value("day_accuracy@1-2") == {0: 0.15, 1: 0.35}
    assert value("day_accuracy@1,3-4") == {0: 0.4}  # the other lived two days only
    assert value("day_accuracy@best") == {0: 0.2, 1: 0.4}
    with pytest.raises(ValueError, match="days '4-2'; expected numbers and ranges"):
        value("day_accuracy@4-2")


def test_a_claim_may_compare_days_of_one_condition():
    rows = pd.DataFrame([line for seed in range(4) for line in days_of("a", seed, [0.1, 0.5 + seed / 100], [1, 1])])
    asked = {"paper": "barry2022", "experiment": "month", "where": "", "first": "a", "second": "a", "text": ""}
    claims = pd.DataFrame([{**asked, "metric": metric, "margin": 0} for metric in ("m@2:1", "m@1:2")])
    claims["metric"] = claims["metric"].str.replace("m@", "day_accuracy@")
    there, back = judge_claims(rows, claims)
    assert there.mean == pytest.approx(0.415)
    assert (there.verdict, back.verdict) == ("holds", "fails")


def test_headlines_take_the_reading_that_claims_take():
    both = [{**line, "metric": "accuracy_seen"} for line in days_of("a", 0, [0.1], [1.0])[:1]]
    rows = pd.DataFrame([*both, *days_of("a", 0, [0.1], [1.0])])
    assert headline_metrics(rows, ["day_accuracy@2-6,8"]) == ("day_accuracy",)
    assert headline_metrics(rows, ["final_accuracy"]) == ("final_accuracy",)
