"""Every condition of every experiment of Kubo 2025 runs, and yields exactly the addresses of a full run."""

import pandas as pd
import pytest

from oneiros.runs.catalogue import experiment, installed
from oneiros.runs.experiment import Run, execute
from oneiros.runs.store import read_rows

CHOSEN = experiment("kubo2025/digits")


def run_digits(out, condition: str) -> pd.DataFrame:
    run = Run(
        experiment="kubo2025/digits", scale="smoke", config=CHOSEN.scales["smoke"], condition=condition,
        seed=0, out=out, data=None, device="cpu",
    )  # fmt: skip
    execute(run, CHOSEN, lambda fraction, text: None)
    return read_rows(out)


def expected_addresses(tasks: int, sleeps: bool) -> set[tuple]:
    """Written out independently of the recipe: (day, task, phase, metric)."""
    wanted = set()
    for day in range(tasks):
        for phase in ("dusk", "end"):
            wanted.add((day, day, phase, "accuracy_seen"))
            wanted |= {(day, task, phase, "accuracy") for task in range(day + 1)}
        wanted.add((day, day, "end", "stored_bytes"))
        if sleeps:
            wanted |= {(day, day, "night", f"spiking-sleep/rate/{layer}.weight") for layer in ("hidden", "output")}
    last = tasks - 1
    wanted |= {(last, last, p, f"confusion:{t}:{c}") for p in ("dusk", "end") for t in range(10) for c in range(10)}
    return wanted


@pytest.mark.parametrize("condition", CHOSEN.conditions)
def test_every_condition_yields_exactly_its_addresses(tmp_path, condition):
    rows = run_digits(tmp_path, condition)
    got = set(rows[["day", "task", "phase", "metric"]].itertuples(index=False, name=None))
    tasks = 1 if condition.startswith("parallel") else 5
    assert got == expected_addresses(tasks, sleeps=condition.startswith("src"))
    assert len(rows) == len(got)
    assert set(rows["condition"]) == {condition}
    assert rows.loc[rows["metric"].str.startswith("accuracy"), "value"].between(0, 1).all()


def test_rows_of_a_confusion_matrix_sum_to_one(tmp_path):
    rows = run_digits(tmp_path, "src")
    confusion = rows[rows["metric"].str.startswith("confusion") & (rows["phase"] == "end")]
    sums = confusion.groupby(confusion["metric"].str.split(":").str[1])["value"].sum()
    assert len(sums) == 10
    assert sums.between(1 - 1e-6, 1 + 1e-6).all()


def test_what_is_stored_is_what_the_condition_says(tmp_path):
    """Nothing for sequential; one mean input (64 pixels of float64) for src; exemplars besides for src_rehearsal."""
    stored = {}
    for condition in ("sequential", "src", "rehearsal", "src_rehearsal"):
        rows = run_digits(tmp_path / condition, condition)
        stored[condition] = rows.loc[rows["metric"] == "stored_bytes", "value"].iloc[-1]
    assert stored["sequential"] == 0
    assert stored["src"] == 64 * 8
    assert stored["src_rehearsal"] == stored["src"] + stored["rehearsal"]
    assert stored["rehearsal"] > 0


def test_seeds_have_their_own_orders_and_conditions_share_them(tmp_path):
    orders = {}
    for seed in (0, 1):
        for condition in ("sequential", "src"):
            run = Run(
                experiment="kubo2025/digits", scale="smoke", config=CHOSEN.scales["smoke"], condition=condition,
                seed=seed, out=tmp_path, data=None, device="cpu",
            )  # fmt: skip
            execute(run, CHOSEN, lambda fraction, text: None)
    rows = read_rows(tmp_path)
    orders = rows.groupby("seed")["order"].unique()
    assert all(len(names) == 1 for names in orders)
    assert orders[0][0] != orders[1][0]
    before_sleep = rows[(rows["metric"] == "accuracy_seen") & (rows["phase"] == "dusk") & (rows["day"] == 0)]
    assert (before_sleep.groupby("seed")["value"].nunique() == 1).all(), "day 1 before its night must not differ"


def test_all_experiments_can_be_found():
    assert {"kubo2025/mnist", "kubo2025/digits"} <= set(installed())
    for name in installed():
        found = experiment(name)
        assert f"{found.paper}/{found.name}" == name
        assert set(found.scales) == {"smoke", "quick", "paper"}
