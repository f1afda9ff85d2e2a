"""Which classes are whose, which weights belong to which configuration, and what statistics make of known rows."""

import os
from dataclasses import replace
from importlib import resources
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from oneiros.data import DataError, load
from oneiros.papers.barry2022 import statistics
from oneiros.papers.barry2022.config import QUICK, SMOKE
from oneiros.papers.barry2022.figures import relative_improvement
from oneiros.papers.barry2022.lessons import curriculum, fit, lessons_of, model_of
from oneiros.papers.barry2022.pretrain import features_name
from oneiros.papers.barry2022.printed import directions

NAMES = (*QUICK.similar, *(f"m{number:08d}" for number in range(90)))


def test_every_class_is_known_or_novel_and_similar_ones_are_novel_two_to_a_model():
    plan = curriculum(NAMES, QUICK)
    novel = [label for each in plan.sets for label in each]
    assert len(plan.base) == 50
    assert sorted([*plan.base, *novel]) == list(range(100))
    assert [len(each) for each in plan.sets] == [10] * 5
    assert [len(set(each) & set(plan.similar)) for each in plan.sets] == [2] * 5
    assert plan == curriculum(NAMES, QUICK)


def test_a_seed_beyond_the_sets_of_classes_is_no_new_subject():
    plan = curriculum(NAMES, QUICK)
    assert [model_of(plan, seed) for seed in range(5)] == list(plan.sets)
    with pytest.raises(ValueError, match=r"seed 7: the novel classes make 5 models.*model 2 again.*run seeds 0 to 4"):
        model_of(plan, 7)


def test_it_refuses_data_that_do_not_have_the_classes():
    with pytest.raises(DataError, match="0 classes begin with 'n02085620'"):
        curriculum(tuple("abc"), QUICK)
    with pytest.raises(DataError, match="do not make a model of 10"):
        curriculum(tuple("abcdefgh"), replace(QUICK, similar=()))


def test_splits_are_disjoint_and_fewer_images_are_among_the_more():
    data = load("digits")
    plan = curriculum(data.train.classes, SMOKE)
    many, few = (lessons_of(data.train, data.test, plan.sets[0], replace(SMOKE, train=count), {}) for count in (40, 10))
    pictures = lambda part: {image.numpy().tobytes() for image in part.images}  # noqa: E731
    assert pictures(few.train) < pictures(many.train)
    assert not pictures(many.train) & pictures(many.validation)
    assert pictures(few.validation) == pictures(many.validation)
    assert [int((few.train.labels == c).sum()) for c in range(5)] == [10] * 5
    assert [int((many.validation.labels == c).sum()) for c in range(5)] == [SMOKE.validation] * 5
    assert many.train.classes == tuple(data.train.classes[c] for c in plan.sets[0])


def test_images_are_brought_to_the_networks_size():
    data = load("digits").train
    fitted = fit(data, SMOKE.anatomy)
    assert fitted.images.shape[1:] == (3, 32, 32)
    assert (fitted.images[:, 0] == fitted.images[:, 2]).all()


def test_the_weights_that_come_along_are_those_of_the_quick_scale():
    beside = Path(__file__).parents[3] / "shared" / "data"
    root = Path(os.environ.get("ONEIROS_DATA", beside))
    if not (root / "tiny_imagenet_100").is_dir():
        pytest.skip(f"Tiny ImageNet not found in {root}: set ONEIROS_DATA")
    data = load("tiny-imagenet-100", root=root, download=False)
    folder = resources.files("oneiros") / "papers" / "barry2022" / "weights"
    assert [file.name for file in folder.iterdir()] == [features_name(QUICK, data.checksums)]


def test_weights_are_named_by_what_they_follow_from():
    name = features_name(QUICK, {"train": "1"})
    assert name == features_name(replace(QUICK, lr=0.5, days=3, train=7), {"train": "1"})
    assert name != features_name(QUICK, {"train": "2"})
    assert name != features_name(replace(QUICK, pretraining=replace(QUICK.pretraining, seed=1)), {"train": "1"})


def rows_of(values: dict[str, np.ndarray], metric: str = "accuracy_seen", phase: str = "dusk") -> pd.DataFrame:
    """values[condition] is [models, days]."""
    known = {"paper": "barry2022", "experiment": "x", "order": "replica, set 0", "phase": phase, "metric": metric}
    return pd.DataFrame(
        [
            {**known, "condition": condition, "seed": seed, "day": day, "task": day, "value": float(value)}
            for condition, table in values.items()
            for seed, curve in enumerate(table)
            for day, value in enumerate(curve)
        ]
    )


def test_the_best_model_is_that_of_the_lowest_validation_loss():
    accuracy = {"baseline": np.array([[0.1, 0.9, 0.5], [0.2, 0.3, 0.4]])}
    loss = {"baseline": np.array([[2.0, 1.5, 1.0], [0.5, 0.6, 0.7]])}
    rows = pd.concat([rows_of(accuracy), rows_of(loss, "validation_loss")])
    assert statistics.best(rows, ["baseline"]).tolist() == [[0.5, 0.2]]


def test_models_that_a_condition_lacks_are_left_out_of_all():
    rows = rows_of({"none": np.array([[0.1], [0.2], [0.3]]), "generative": np.array([[0.4], [0.5]])})
    assert statistics.curves(rows, ["none", "generative"]).tolist() == [[[0.1], [0.2]], [[0.4], [0.5]]]


def test_days_that_differ_are_found_and_the_first_to_reach_the_goal():
    rng = np.random.default_rng(0)
    none = np.linspace(0.2, 0.8, 6) + rng.normal(scale=0.01, size=(5, 6))
    generative = none + np.array([0, 0.3, 0.3, 0, 0, 0]) + rng.normal(scale=0.005, size=(5, 6))
    rows = rows_of({"none": none, "generative": generative})
    lines = statistics.over_days(rows, "generative", "none")
    assert "5 models, 6 days" in lines[0]
    assert any("paper's mixed ANOVA" in line and "F(5, 40)" in line for line in lines)
    assert any("condition x day (paired) F(5, 20)" in line for line in lines)
    assert any(line.endswith("paired: 2, 3") and " > " in line for line in lines)
    renamed = rows.replace({"none": "baseline", "generative": "location_4"})
    assert "3 days earlier" not in statistics.earlier(renamed, ["baseline", "location_4"])[0]
    ahead = rows_of({"baseline": none, "location_4": np.roll(none, -3, axis=1)})
    assert "3 days earlier" in statistics.earlier(ahead, ["baseline", "location_4"])[0]


def test_selection_is_regressed_on_how_well_classes_are_known_without_replay():
    """Weak classes are replayed more and gain more, by construction."""
    known = np.linspace(0.1, 0.9, 10)
    parts = []
    for label, level in enumerate(known):
        gain = 0.1 * (0.5 - level)
        levels = {"none": level, "generative": 0.5, "selected": 0.5 + gain}
        for condition, value in levels.items():
            parts.append(rows_of({condition: np.full((2, 3), value)}, f"class_accuracy:{label}"))
        parts.append(rows_of({"selected": np.full((2, 3), 10 - 8 * level)}, f"replayed:{label}", "night"))
    first, second, third = statistics.choosing(pd.concat(parts))
    assert "20 classes: slope -24, R2 = 1.00, F(1, 18)" in first
    assert "slope -0.1, R2 = 1.00" in second
    assert "R2 = 1.00" in third


def test_relative_gain_of_like_and_unlike_classes():
    parts = []
    for label, (alone, together) in enumerate([(0.6, 0.5), (0.8, 0.6), (0.9, 0.4)]):
        for condition, value in (
            ("baseline", 0.5), ("generative", alone), ("similar_baseline", 0.25), ("similar_generative", together),
        ):  # fmt: skip
            parts.append(rows_of({condition: np.array([[0.0, value]])}, f"class_accuracy:{label}"))
    rows = pd.concat(parts)
    assert statistics.relative_gain(rows, "baseline", "generative").tolist() == pytest.approx([0.2, 0.6, 0.8])
    (line,) = statistics.similarity(rows)
    assert "3 classes" in line
    assert "t(2)" in line


def test_room_for_improvement():
    gains = relative_improvement(np.array([[[0.2, 0.6, 1.0, 1.0]]]))
    assert gains[0, 0].tolist() == pytest.approx([0.5, 1.0, 0.0])


def test_what_a_night_does_is_told_from_losses_and_shares_of_classes():
    """Two models, two nights: uneven nights cost exactly 0.3 for each effective class that they lack."""
    lines, batches = [], {0: [(2, 2), (4, 0)], 1: [(2, 2), (2, 2)]}
    for seed, chosen in batches.items():
        for day, counts in enumerate(chosen):
            here = {"experiment": "selection", "order": "replica", "seed": seed, "day": day}
            even = 2.0 if counts == (2, 2) else 1.0
            for condition, end in (("generative", 1.0 - 0.1 * (seed + 1)), ("selected", 1.0 + 0.3 * (2 - even))):
                loss = {**here, "condition": condition, "metric": "validation_loss"}
                lines += [{**loss, "phase": "dusk", "value": 1.0}, {**loss, "phase": "end", "value": end}]
            lines += [
                {**here, "condition": "selected", "phase": "night", "metric": f"replayed:{c}", "value": float(count)}
                for c, count in enumerate(counts)
            ]
    unselected, selected, on_evenness = statistics.nights(pd.DataFrame(lines))
    assert "by -0.150, t(1) = -3.00" in unselected
    assert "by +0.075" in selected
    assert selected.endswith("the first two nights by +0.000 and +0.150")
    assert "slope -0.3, R2 = 1.00" in on_evenness


def test_printed_statistics_are_held_to_their_direction():
    """Selected replay of weak classes and gains of the weak, put into rows by hand, point as the paper's."""
    strengths = np.linspace(0.2, 0.9, 8)
    lines = []
    for seed in range(3):
        for label, strength in enumerate(strengths):
            here = {"experiment": "selection", "order": "replica", "seed": seed, "day": 0, "phase": "dusk"}
            noise = 0.01 * ((label * 7 + seed * 3) % 5)
            shown = {"none": strength, "generative": strength, "selected": strength + 0.1 * (1 - strength) + noise / 10}
            for condition, value in shown.items():
                lines.append({**here, "condition": condition, "metric": f"class_accuracy:{label}", "value": value})
            replayed = {"condition": "selected", "metric": f"replayed:{label}", "value": 40 - 30 * strength + noise}
            lines.append({**here, "phase": "night", **replayed})
    table = directions("selection", pd.DataFrame(lines)).set_index("the paper")["direction"]
    assert [table.iloc[i] for i in (2, 3)] == ["same direction"] * 2
    turned = pd.DataFrame(lines).assign(value=lambda d: d["value"].where(d["phase"] == "dusk", 50 - d["value"]))
    assert directions("selection", turned)["direction"].iloc[2] == "opposite direction"
    assert directions("month", pd.DataFrame(lines))["direction"].tolist() == ["not run"] * 4
