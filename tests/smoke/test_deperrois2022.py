"""Every condition of Deperrois 2022 at smoke scale: seconds, and exactly the addresses of a full run."""

from dataclasses import replace
from pathlib import Path

import pandas as pd
import pytest
import torch
from matplotlib.figure import Figure

from oneiros.core import Seeds
from oneiros.data import load
from oneiros.life import live
from oneiros.papers.deperrois2022.config import Config
from oneiros.papers.deperrois2022.experiment import cycles, dreamed, lessons
from oneiros.report import check
from oneiros.runs.catalogue import experiment
from oneiros.runs.experiment import BuildRequest, Life, Run, execute
from oneiros.runs.store import read_rows
from oneiros.runs.store.picture import read_picture

from .small_pictures import write_pictures

CHOSEN = experiment("deperrois2022/cifar10")
EPOCHS, BATCHES = 2, 80 // 16


@pytest.fixture(scope="module")
def outcome(tmp_path_factory) -> tuple[pd.DataFrame, Path]:
    """All conditions, one seed."""
    root = tmp_path_factory.mktemp("dreams")
    config = replace(CHOSEN.scales["smoke"], data=write_pictures(root / "pictures"))
    for condition in CHOSEN.conditions:
        run = Run(
            experiment="deperrois2022/cifar10", scale="smoke", config=config, condition=condition, seed=0,
            out=root / "out", data=None, device="cpu",
        )  # fmt: skip
        execute(run, CHOSEN, lambda fraction, text: None)
    return read_rows(root / "out"), root / "out"


def returned(condition: str) -> set[str]:
    """What the phases of a condition say, written out independently of the recipe."""
    wake = {"dreaming-wake/image", "dreaming-wake/kl"}
    if condition == "untrained":
        return set()
    if condition == "wake_only":
        return wake
    if condition == "without_rem":
        return wake | {"nrem/nrem"}
    sleep = {"rem/rem"} if condition.startswith("without_nrem") else {"rem/rem", "nrem/nrem"}
    return wake | {"dreaming-wake/real"} | sleep


def expected_addresses(condition: str) -> set[tuple[str, str]]:
    """(phase, metric) of every row."""
    epochs = 1 if condition == "untrained" else EPOCHS
    loss = {f"loss/{name}" for name in ("image", "kl", "real", "nrem", "fake")} | returned(condition)
    readouts = {"separability_sgd", "separability_ridge"}
    fid = {f"fid_{night}/untrained-encoder" for night in ("nrem", "rem")}
    wanted = {(f"step:{(e + 1) * BATCHES}", name) for e in range(epochs) for name in loss | readouts | fid}
    room = ("intra", "inter", "clean_covered", "intra_over_inter", "clean_covered_over_inter")
    names = [*room, "log_clean_covered_over_inter"]
    final = readouts | fid | {"stored_bytes", "pca_variance:0", "pca_variance:1"}
    final |= {f"{name}{suffix}" for name in names for suffix in ("", "_squared_train")}
    final |= {f"{readout}_at_occlusion_{share}" for readout in ("sgd", "ridge") for share in (60, 100)}
    return wanted | {("end", name) for name in final}


@pytest.mark.parametrize("condition", CHOSEN.conditions)
def test_every_condition_yields_exactly_its_addresses(outcome, condition):
    rows = outcome[0]
    rows = rows[rows["condition"] == condition]
    points = rows["metric"].str.match(r"pca_c(lean|overed):\d:\d+:[01]$")
    assert points.sum() == 2 * 2 * 40  # 40 test images, clean and covered, on two axes
    got = list(rows.loc[~points, ["phase", "metric"]].itertuples(index=False, name=None))
    assert set(got) == expected_addresses(condition)
    assert len(got) == len(set(got))
    assert set(rows["day"]) == {0}


def test_accuracies_are_fractions_and_conditions_differ(outcome):
    rows = outcome[0]
    ended = rows[rows["phase"] == "end"]
    scores = ended[ended["metric"].str.match("separability|.*_at_occlusion")]
    assert scores["value"].between(0, 1).all()
    inter = ended[ended["metric"] == "inter"].set_index("condition")["value"]
    assert inter.nunique() == len(CHOSEN.conditions), "two conditions that come out alike are one"
    # Nothing, or the latents (16 of 8 numbers) of one or two wake batches; forgotten at the end of the last epoch.
    assert set(rows.loc[rows["metric"] == "stored_bytes", "value"]) <= {0.0, 16 * 8 * 4.0, 2 * 16 * 8 * 4.0}


def test_dreams_are_drawn_after_the_first_and_the_last_epoch(outcome):
    pictures = sorted((outcome[1] / "runs").rglob("*.png"))
    pad = [read_picture(path) for path in pictures if path.is_relative_to(outcome[1]) and "/pad/" in path.as_posix()]
    assert [(p.name, p.step, p.rows) for p in pad] == [(n, e, 3) for n in ("nrem", "rem") for e in (1, 2)]
    assert all(p.columns == 12 for p in pad)


def test_every_figure_is_drawn_from_rows(outcome):
    rows = outcome[0]
    names = [drawing.name for drawing in CHOSEN.drawings()]
    assert len(names) == len(set(names)) == 10
    for drawing in CHOSEN.drawings():
        assert isinstance(drawing.draw(rows), Figure), drawing.name
        assert drawing.draw(rows.iloc[:0]) is None, drawing.name


def test_published_numbers_are_judged_at_paper_scale_only_and_claims_at_any(outcome):
    judged = check(outcome[0])
    assert len(judged.targets) == 5
    assert {target.verdict for target in judged.targets} == {"not run"}
    assert len(judged.claims) == 16
    assert all(claim.n == 1 for claim in judged.claims)


def build(config: Config, condition: str = "pad") -> Life:
    return CHOSEN.build(BuildRequest(config=config, condition=condition, seed=0, data=None, device="cpu"))


def test_training_losses_are_means_over_an_epoch_s_batches(tmp_path):
    life = build(replace(CHOSEN.scales["smoke"], data=write_pictures(tmp_path), probe_every=9, gallery_epochs=()))
    said: list[float] = []
    for event in live(life.brain, life.tasks, life.schedule, life.seeds):
        said += [float(event.values["nrem"])] if event.phase == "nrem" else []
        rows = {row.metric: row for row in life.measure(event)}
        if event.kind == "epoch_end":
            assert len(said) == BATCHES
            assert rows["nrem/nrem"].value == pytest.approx(sum(said) / BATCHES, rel=1e-5)
            assert rows["nrem/nrem"].phase == f"step:{(event.epoch + 1) * BATCHES}"
            assert "separability_sgd" not in rows
            said.clear()


def test_only_runs_on_all_images_write_the_number_that_is_judged(tmp_path):
    config = replace(CHOSEN.scales["smoke"], data=write_pictures(tmp_path), examples=0)
    life = build(config, "untrained")
    rows = [row for e in live(life.brain, life.tasks, life.schedule, life.seeds) for row in life.measure(e)]
    (judged,) = [row.value for row in rows if row.metric == "separability_epoch_1" and row.phase == "end"]
    assert judged == next(row.value for row in rows if row.metric == "separability_sgd" and row.phase == "end")


def test_validation_images_are_kept_from_training(tmp_path):
    config = replace(CHOSEN.scales["smoke"], data=write_pictures(tmp_path), evaluate_on="validation", validation=0.25)
    train, test = lessons(config, load(config.data), Seeds(0))
    assert len(test) == 30
    assert len(train) == 80
    known = {image.numpy().tobytes() for image in train.images}
    assert not known & {image.numpy().tobytes() for image in test.images}


def test_settings_that_make_no_sense_are_refused():
    for change, words in (
        ({"batch_size": 1}, "batch_size is 1; expected at least 2"),
        ({"memories": 1.5}, "memories is 1.5; expected a share"),
        ({"occlusions": (0.5, 2.0)}, "expected probabilities"),
        ({"validation": 0.0}, "expected a fraction"),
    ):
        with pytest.raises(ValueError, match=words):
            replace(CHOSEN.scales["smoke"], **change)


def test_each_condition_is_judged_on_the_dreams_of_its_own_nights():
    config = CHOSEN.scales["smoke"]
    z, old, noise = (torch.randn(4, 8, generator=Seeds(0).rng(name)) for name in ("z", "old", "noise"))
    mixed = 0.25 * z + 0.25 * old + 0.5 * noise
    rem = {"without_memory_mix": z, "rem_from_noise": noise, "rem_from_memories": (z + old) / 2}
    for condition in CHOSEN.conditions:
        nights = dreamed(config, cycles(config)[condition])
        torch.testing.assert_close(nights.rem(z, old, Seeds(0).rng("noise")), rem.get(condition, mixed))
        asleep = mixed if condition == "nrem_mixed" else z
        torch.testing.assert_close(nights.nrem(z, old, Seeds(0).rng("noise")), asleep)


def test_mixtures_of_the_settings_are_measured_too():
    config = replace(CHOSEN.scales["smoke"], memories=1.0, newest=0.0)
    z, old = (torch.randn(4, 8, generator=Seeds(0).rng(name)) for name in ("z", "old"))
    torch.testing.assert_close(dreamed(config, cycles(config)["pad"]).rem(z, old, Seeds(0).rng("noise")), old)
