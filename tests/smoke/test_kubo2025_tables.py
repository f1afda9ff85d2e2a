"""Every kind of cell of Tables 2 and 3 runs and yields its addresses; figures draw what rows hold and no more."""

import dataclasses

import pandas as pd
import pytest

from oneiros.life import run_through
from oneiros.papers.kubo2025.figures import matrix
from oneiros.papers.kubo2025.tables import lesson_of
from oneiros.report.valid_rows import claims_of, targets_of
from oneiros.runs.catalogue import experiment
from oneiros.runs.experiment import BuildRequest, Run, execute
from oneiros.runs.store import read_rows

NAMES = (
    "table2",
    "table2-kmnist",
    "table2-cifar10",
    "table2-cifar10-resnet20",
    "table2-imagenet10",
    "table3",
    "rehearsal",
    "importance",
)


def run(name: str, out, condition: str) -> pd.DataFrame:
    chosen = experiment(f"kubo2025/{name}")
    address = Run(
        experiment=f"kubo2025/{name}", scale="smoke", config=chosen.scales["smoke"], condition=condition,
        seed=0, out=out, data=None, device="cpu",
    )  # fmt: skip
    execute(address, chosen, lambda fraction, text: None)
    rows = read_rows(out)
    return rows[rows["condition"] == condition]


@pytest.fixture(scope="module")
def table2(tmp_path_factory) -> pd.DataFrame:
    """One network's five strategies and the sleeping cells of the other two, small."""
    out = tmp_path_factory.mktemp("table2")
    conditions = [f"mnist_mrnn_ep_{s}" for s in ("sequential", "src", "rehearsal", "src_rehearsal", "parallel")]
    conditions += ["mnist_mrnn_bptt_src", "mnist_rnn_bptt_src", "mnist_rnn_bptt_src_rehearsal"]
    return pd.concat([run("table2", out, condition) for condition in conditions])


def test_every_cell_that_is_a_target_or_in_a_claim_is_a_condition():
    conditions = {name: set(experiment(f"kubo2025/{name}").conditions) for name in NAMES}
    targets, claims = targets_of("kubo2025"), claims_of("kubo2025")
    for name in NAMES:
        wanted = set(targets.loc[targets["experiment"] == name, "condition"])
        mine = claims[claims["experiment"] == name]
        wanted |= set(mine["first"]) | set(mine["second"])
        assert wanted, f"{name} has neither targets nor claims"
        assert wanted <= conditions[name], wanted - conditions[name]
    assert len(conditions["table2"]) == 30


def test_accuracies_are_measured_before_and_after_every_night(table2):
    for condition, mine in table2.groupby("condition"):
        days = 1 if str(condition).endswith("parallel") else 5
        seen = mine[mine["metric"] == "accuracy_seen"]
        assert set(zip(seen["day"], seen["phase"], strict=True)) == {
            (d, p) for d in range(days) for p in ("dusk", "end")
        }
        nights = mine[mine["phase"] == "night"]
        assert nights["day"].nunique() == (5 if "src" in str(condition) else 0)


def test_only_what_sleeps_alone_and_what_never_does_is_looked_into(table2):
    looked = set(table2.loc[table2["metric"] == "class_correlation", "condition"])
    assert looked == {"mnist_mrnn_ep_sequential", "mnist_mrnn_ep_src", "mnist_mrnn_bptt_src", "mnist_rnn_bptt_src"}


def test_figure_6_compares_the_two_sides_of_the_last_night(table2):
    claims = claims_of("kubo2025")
    mine = claims[claims["where"].str.contains("Fig. 6")]
    assert set(mine["metric"]) == {"class_correlation_change"}
    assert list(mine["second"]) == ["mnist_mrnn_ep_src", "mnist_mrnn_bptt_src", "mnist_rnn_bptt_src"]
    last = table2[table2["day"] == 4]
    for condition in mine["second"]:
        of = last[last["condition"] == condition]
        before, after = (
            of.loc[(of["metric"] == "class_correlation") & (of["phase"] == phase), "value"].item()
            for phase in ("dusk", "end")
        )
        assert of.loc[of["metric"] == "class_correlation_change", "value"].item() == after - before != 0
    awake = last[(last["condition"] == "mnist_mrnn_ep_sequential") & (last["metric"] == "class_correlation_change")]
    assert awake["value"].item() == 0


def test_at_every_scale_parallel_training_sees_all_examples_for_as_many_steps():
    chosen = experiment("kubo2025/table2")
    cell = chosen.cells["mnist_mrnn_ep_parallel"]
    lessons = {scale: lesson_of(chosen.scales[scale], cell) for scale in ("paper", "quick")}
    assert {lesson.examples for lesson in lessons.values()} == {0}
    assert len({lesson.epochs / lesson.batch_size for lesson in lessons.values()}) == 1
    assert lesson_of(chosen.scales["quick"], chosen.cells["mnist_mrnn_ep_src"]).examples == 12_000


def test_without_a_night_weights_do_not_change_and_with_one_every_histogram_is_whole(table2):
    change = table2[table2["metric"].isin(["weight_change_first", "weight_change_last"])]
    awake = change["condition"] == "mnist_mrnn_ep_sequential"
    assert (change.loc[awake, "value"] == 0).all()
    assert (change.loc[~awake, "value"] != 0).all()
    histogram = table2[table2["metric"].str.startswith("weight_histogram_")]
    kind = histogram["metric"].str.split(":").str[0]
    sums = histogram.groupby(["condition", kind])["value"].sum()
    assert len(sums) == 8
    assert sums.between(1 - 1e-6, 1 + 1e-6).all()


def test_the_loop_sleeps_too(table2):
    nights = table2[table2["phase"] == "night"].groupby("condition")["metric"].unique()
    assert set(nights["mnist_rnn_bptt_src"]) == {f"spiking-sleep/rate/{n}.weight" for n in ("hidden", "output")}
    life = experiment("kubo2025/table2")
    build = BuildRequest(config=life.scales["smoke"], condition="mnist_rnn_bptt_src", seed=0, data=None, device="cpu")
    config = dataclasses.replace(
        life.scales["smoke"], mnist=dataclasses.replace(life.scales["smoke"].mnist, rnn_bptt=_still(life))
    )
    moved, still = (
        run_through(b.brain, b.tasks, b.schedule, b.seeds).net.get_parameter("recurrent.weight").detach()
        for b in (life.build(build), life.build(dataclasses.replace(build, config=config)))
    )
    assert not moved.equal(still)


def _still(life):
    learner = life.scales["smoke"].mnist.rnn_bptt
    inc, dec = (*learner.sleep.inc[:-1], 0.0), (*learner.sleep.dec[:-1], 0.0)
    return dataclasses.replace(learner, sleep=dataclasses.replace(learner.sleep, inc=inc, dec=dec))


def test_figures_are_drawn_from_what_there_is(table2):
    drawn = {each.name: each.draw(table2) for each in experiment("kubo2025/table2").drawings()}
    assert set(drawn) == {"figure-3", "figure-4", "figure-6", "figure-7"}
    assert drawn["figure-4"] is None, "no cell of Fashion-MNIST was run"
    assert all(figure is not None for name, figure in drawn.items() if name != "figure-4")
    shown = matrix(table2, "mnist_mrnn_ep_src", "confusion", "end")
    assert shown is not None
    assert shown.shape == (10, 10)


@pytest.mark.parametrize("name", ["rehearsal", "importance", "table3"])
def test_the_other_experiments_run_and_are_drawn(tmp_path, name):
    chosen = experiment(f"kubo2025/{name}")
    some = {
        "rehearsal": ("rehearsal_0", "src_rehearsal_5"),
        "importance": ("before", "after"),
        "table3": ("mnist_ff_bp_src", "mnist_ff_owm_sequential", "mnist_ff_bp_src_published"),
    }[name]
    rows = pd.concat([run(name, tmp_path, condition) for condition in some])
    assert all(each.draw(rows) is not None for each in chosen.drawings())
    assert all(each.draw(rows.iloc[:0]) is None for each in chosen.drawings())
    assert set(rows["condition"]) == set(some)


def test_the_two_lives_of_figure_8_part_at_the_last_night_and_not_before(tmp_path):
    rows = pd.concat([run("importance", tmp_path, condition) for condition in ("before", "after")])
    by = rows.pivot_table(index=["metric", "day", "task", "phase"], columns="condition", values="value")
    until = by[(by.index.get_level_values("day") == 0) | (by.index.get_level_values("phase") == "dusk")]
    assert (until["before"] == until["after"]).all()
    last = by.xs("end", level="phase").xs(1, level="day")["before"].droplevel("task")
    assert last["similarity_t2_class_0"] == pytest.approx(1, abs=1e-6)
    assert last["preserved_class_2"] == last["similarity_t1_class_2"]
