"""Every condition of Deperrois 2022 at smoke scale: seconds, and exactly the addresses of a full run."""

import importlib.util
from dataclasses import replace
from pathlib import Path

import pandas as pd
import pytest
from matplotlib.figure import Figure

from oneiros.papers import experiment
from oneiros.papers.recipe import Run, perform
from oneiros.report import check
from oneiros.results import read_rows
from oneiros.results.picture import read_picture

CHOSEN = experiment("deperrois2022/cifar10")
EPOCHS, BATCHES = 2, 80 // 16
TRAINED = {c: ("nrem" in c or "rem" in c) for c in CHOSEN.conditions}


def _write_pictures(root: Path) -> str:
    path = Path(__file__).parents[1] / "papers" / "small_pictures.py"
    spec = importlib.util.spec_from_file_location("small_pictures", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module.write_pictures(root)


@pytest.fixture(scope="module")
def outcome(tmp_path_factory) -> tuple[pd.DataFrame, Path]:
    """All conditions, one seed."""
    root = tmp_path_factory.mktemp("dreams")
    config = replace(CHOSEN.scales["smoke"], data=_write_pictures(root / "pictures"))
    for condition in CHOSEN.conditions:
        run = Run(
            experiment="deperrois2022/cifar10", scale="smoke", config=config, condition=condition, seed=0,
            out=root / "out", data=None, device="cpu",
        )  # fmt: skip
        perform(run, CHOSEN, lambda fraction, text: None)
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
    # No training draws differ: the first wake batch is the same whatever the night does.
    assert set(rows.loc[rows["metric"] == "stored_bytes", "value"]) <= {0.0, 16 * 8 * 4.0, 2 * 16 * 8 * 4.0}


def test_dreams_are_drawn_after_the_first_and_the_last_epoch(outcome):
    pictures = sorted((outcome[1] / "runs").rglob("*.png"))
    pad = [read_picture(path) for path in pictures if path.is_relative_to(outcome[1]) and "/pad/" in path.as_posix()]
    assert [(p.name, p.step, p.rows) for p in pad] == [(n, e, 3) for n in ("nrem", "rem") for e in (1, 2)]
    assert all(p.columns == 12 for p in pad)


def test_every_figure_is_drawn_from_rows(outcome):
    rows = outcome[0]
    names = [drawing.name for drawing in CHOSEN.drawings]
    assert len(names) == len(set(names)) == 10
    for drawing in CHOSEN.drawings:
        assert isinstance(drawing.draw(rows), Figure), drawing.name
        assert drawing.draw(rows.iloc[:0]) is None, drawing.name


def test_published_numbers_are_judged_at_paper_scale_only_and_claims_at_any(outcome):
    judged = check(outcome[0])
    assert len(judged.targets) == 5
    assert {target.verdict for target in judged.targets} == {"not run"}
    assert len(judged.claims) == 16
    assert all(claim.n == 1 for claim in judged.claims)
