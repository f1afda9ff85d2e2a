"""Every condition of Shin 2017 runs on the embedded digits and yields exactly the addresses of a full run."""

from dataclasses import replace
from pathlib import Path

import pandas as pd
import pytest

from oneiros.core import Seeds
from oneiros.data import DataError, load
from oneiros.life import live as lived
from oneiros.papers.shin2017.config import Config, scales
from oneiros.papers.shin2017.experiment import STRATEGIES, schedule
from oneiros.report import check
from oneiros.runs.catalogue import experiment
from oneiros.runs.experiment import BuildRequest, Run, execute
from oneiros.runs.store import read_pictures, read_rows, read_runs

SHARED = Path(__file__).parents[3] / "shared" / "data"
WORDS = ("classes", "permuted", "chain")
CASES = [(name, c) for name in WORDS for c in experiment(f"shin2017/{name}").conditions]


def live(out, name: str, condition: str, **changed) -> pd.DataFrame:
    chosen = experiment(f"shin2017/{name}")
    config = replace(chosen.scales["smoke"], data="digits", examples=120, probe_every=4, **changed)
    run = Run(
        experiment=f"shin2017/{name}", scale="smoke", config=config, condition=condition,
        seed=0, out=out, data=None, device="cpu",
    )  # fmt: skip
    execute(run, chosen, lambda fraction, text: None)
    return read_rows(out)


def expected_addresses(name: str, condition: str, rows: pd.DataFrame) -> set[tuple]:
    """Written out independently of the recipe: (day, task, phase, metric); curves are checked apart."""
    tasks = 1 if condition == "joint" else 5 if name == "classes" else 3
    strategy, wanted = STRATEGIES[condition], set()
    for day in range(tasks):
        wanted |= {(day, task, "end", "accuracy") for task in range(day + 1)}
        costs = ["stored_bytes", "stored_raw_bytes", "replayed_examples"]
        costs += ["generator_parameters"] if strategy.generator else []
        wanted |= {(day, day, "end", metric) for metric in ("accuracy_seen", *costs)}
        if day and strategy.generator not in ("", "noise"):
            wanted |= {(day, day, "dusk", f"replay_share:{c}") for c in range(10)}
            wanted.add((day, day, "dusk", "worst_replay_ratio"))
    last = tasks - 1
    wanted |= {(last, last, "end", f"confusion:{t}:{p}") for t in range(10) for p in range(10)}
    wanted |= {(last, last, "end", f"{which}_task_accuracy") for which in ("first", "last")}
    if name == "chain":
        wanted |= {(last, last, "end", f"solver_{k}_accuracy") for k in (1, 2, 3)}
        wanted.add((last, last, "end", "chain_loss"))
    return wanted


@pytest.mark.parametrize(("name", "condition"), CASES)
def test_every_condition_yields_exactly_its_addresses(tmp_path, name, condition):
    rows = live(tmp_path, name, condition)
    curves = rows["phase"].str.startswith("step:")
    got = set(rows.loc[~curves, ["day", "task", "phase", "metric"]].itertuples(index=False, name=None))
    assert got == expected_addresses(name, condition, rows)
    assert len(rows) == len(rows[["day", "task", "phase", "metric"]].drop_duplicates())
    days = rows["day"].max() + 1
    drawn = rows[curves].groupby("phase")["task"].nunique()
    assert (drawn == days).all(), "a curve asks every task, those to come included"
    (run,) = read_runs(tmp_path)
    galleries = [picture.day for picture in read_pictures(run)]
    dreams = STRATEGIES[condition].generator not in ("", "noise")
    assert galleries == (list(range(days)) if dreams else [])
    assert check(rows).problems == ()


def test_raw_examples_are_stored_by_exact_replay_alone(tmp_path):
    raw = {}
    for condition in ("gr", "er", "none"):
        rows = live(tmp_path / condition, "classes", condition)
        raw[condition] = rows.loc[rows["metric"] == "stored_raw_bytes", "value"].iloc[-1]
    assert raw["gr"] == raw["none"] == 0
    # 120 digits of 64 pixels; digits have 17 grey levels, k / 16, which no byte of k / 255 holds: four bytes each
    assert raw["er"] >= 120 * 64


def test_a_chain_of_other_architectures_alternates_them(tmp_path):
    chosen = experiment("shin2017/chain")
    config = replace(chosen.scales["smoke"], data="digits")
    life = chosen.build(BuildRequest(config=config, condition="chain_mixed", seed=0, data=None, device="cpu"))
    kinds = [type(heir).__name__ for heir in life.brain.net.solver.heirs]
    assert kinds == ["SmallConvNet", "Perceptron", "SmallConvNet"]


@pytest.mark.parametrize("name", ["lwf"])
def test_two_domains_of_real_data(tmp_path, name):
    try:
        load("cifar10", root=SHARED if SHARED.exists() else None, download=False)
    except DataError as missing:
        pytest.skip(f"needs MNIST and CIFAR-10: {missing}")
    chosen = experiment(f"shin2017/{name}")
    condition = "lwf_gr" if name == "lwf" else "gr"
    root = SHARED if SHARED.exists() else None
    life = chosen.build(
        BuildRequest(config=chosen.scales["smoke"], condition=condition, seed=0, data=root, device="cpu")
    )
    first, second = (task.train for task in life.tasks)
    assert first.images.shape[1:] == second.images.shape[1:] == (3, 32, 32)
    assert {task.name for task in life.tasks} == {"mnist", "mnist-on-cifar10"}
    labels = [set(examples.labels.tolist()) for examples in (first, second)]
    assert labels == [set(range(10)), set(range(10, 20) if name == "lwf" else range(10))]


def test_scales_differ_only_in_size():
    for config in scales(Config(), paper_epochs=2).values():
        assert config.evaluate_on == "test"
    with pytest.raises(ValueError, match="ratio is 'half'"):
        Config(ratio="half")
    assert Seeds(0).number("validation") == Seeds(0).number("validation")


@pytest.mark.parametrize("name", ["permuted", "classes"])
def test_every_condition_trains_its_solver_equally(name):
    """WGAN's solver once learned for as many epochs as its slow generator: three times as long as the others."""
    chosen, steps, updates = experiment(f"shin2017/{name}"), {}, 0
    config = replace(chosen.scales["smoke"], data="digits", examples=60, tasks=2, gan_steps=3)
    for condition in sorted({*chosen.conditions} - {"joint"}):
        life = chosen.build(BuildRequest(config=config, condition=condition, seed=0, data=None, device="cpu"))
        happened = list(lived(life.brain, life.tasks, life.schedule, life.seeds))
        solver = {"scholar-wake", "backprop-wake"}
        steps[condition] = sum(event.kind == "day" and event.phase in solver for event in happened)
        if condition == "gr_wgan":
            updates = int(life.brain.net.generator.updates)
    batches = sum(len(task) for task in life.tasks)
    assert steps == dict.fromkeys(steps, batches)
    assert updates == 3 * batches


@pytest.mark.parametrize("name", WORDS)
def test_no_condition_learns_for_more_epochs_than_another_at_any_scale(name):
    chosen = experiment(f"shin2017/{name}")
    small = replace(chosen.scales["smoke"], data="digits", examples=60)
    lessons = chosen.lessons(BuildRequest(config=small, condition="none", seed=0, data=None, device="cpu"))
    for config in chosen.scales.values():
        plans = {c: schedule(config, STRATEGIES[c], lessons, ("solver",)).epochs for c in chosen.conditions}
        assert plans == dict.fromkeys(plans, config.epochs)
