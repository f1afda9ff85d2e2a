"""Every condition of every experiment of Barry 2022 runs and yields exactly the addresses of a full run."""

import io
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
import torch
from PIL import Image

from oneiros.core import Seeds
from oneiros.nets.vgg import VGG, Architecture
from oneiros.papers.barry2022 import experiment as recipe
from oneiros.report import check, valid_rows
from oneiros.runs.catalogue import experiment, installed
from oneiros.runs.experiment import Run, execute
from oneiros.runs.store import read_rows

REPLICA = ("locations", "exemplars", "similar", "downsampled", "month", "selection")
# One of each kind: what is left out differs from these by a number in its configuration only.
KINDS = {
    "locations": ("baseline", "location_2", "location_5", "veridical", "location_4_rectified"),
    "exemplars": ("generative_20",),
    "similar": ("similar_baseline", "similar_generative"),
    "downsampled": ("location_4_coarser", "location_1_whole"),
    "month": ("continuous",),
    "selection": ("none", "generative", "selected"),
}


@pytest.fixture(autouse=True, scope="module")
def own_cache(tmp_path_factory):
    """Pretrained weights of these tests go where nobody else looks for any."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_CACHE_HOME", str(tmp_path_factory.mktemp("cache")))
        yield


def lived(out, name: str, condition: str, seed: int = 0, **changed) -> pd.DataFrame:
    chosen = experiment(f"barry2022/{name}")
    run = Run(
        experiment=f"barry2022/{name}", scale="smoke", config=replace(chosen.scales["smoke"], **changed),
        condition=condition, seed=seed, out=out, data=None, device="cpu",
    )  # fmt: skip
    execute(run, chosen, lambda fraction, text: None)
    return read_rows(out)


def expected_addresses(condition: str, classes: list[int], days: int = 2) -> set[tuple]:
    """Written out independently of the recipe: (day, phase, metric)."""
    wanted = set()
    for day in range(days):
        for phase in ("dusk", "end"):
            wanted |= {(day, phase, metric) for metric in ("accuracy_seen", "validation_loss")}
            wanted |= {(day, phase, f"class_accuracy:{label}") for label in classes}
        wanted |= {(day, "end", "day_accuracy"), (day, "end", "stored_bytes")}
        if condition == "selected":
            wanted |= {(day, "night", f"selected-replay/{key}") for key in ("loss", "reward")}
            wanted |= {(day, "night", f"replayed:{label}") for label in classes}
        elif not condition.startswith(("baseline", "none", "similar_baseline")):
            wanted.add((day, "night", "category-replay/loss"))
    return wanted


@pytest.mark.parametrize(("name", "condition"), [(n, c) for n, each in KINDS.items() for c in each])
def test_every_kind_of_condition_yields_exactly_its_addresses(tmp_path, name, condition):
    rows = lived(tmp_path, name, condition)
    classes = sorted({int(m.split(":")[1]) for m in rows["metric"] if m.startswith("class_accuracy")})
    assert len(classes) == 5
    got = set(rows[["day", "phase", "metric"]].itertuples(index=False, name=None))
    assert got == expected_addresses(condition, classes)
    assert len(rows) == len(got)
    assert rows["order"].str.startswith("replica, ").all()
    accuracies = rows[rows["metric"].str.contains("accuracy")]
    assert accuracies["value"].between(0, 1).all()
    logged = rows[(rows["metric"] == "day_accuracy")].set_index("day")["value"]
    dusk = rows[(rows["metric"] == "accuracy_seen") & (rows["phase"] == "dusk")].set_index("day")["value"]
    assert logged.equals(dusk)


def test_the_first_day_is_the_same_in_every_condition_that_shares_a_seed(tmp_path):
    for condition in ("baseline", "location_2", "veridical"):
        rows = lived(tmp_path, "locations", condition)
    first = rows[(rows["day"] == 0) & (rows["phase"] == "dusk") & (rows["metric"] == "validation_loss")]
    assert len(first) == 3
    assert first["value"].nunique() == 1
    last = rows[(rows["day"] == 1) & (rows["phase"] == "dusk") & (rows["metric"] == "validation_loss")]
    assert last["value"].nunique() == 3


def test_a_night_keeps_activations_and_no_image(tmp_path):
    """5 classes x 12 activations of location 2 of a 32-pixel network: 4 maps of 8 x 8, coarsened by 4."""
    rows = lived(tmp_path, "locations", "location_2")
    stored = rows.loc[rows["metric"] == "stored_bytes", "value"]
    assert set(stored) == {5 * 12 * 4 * 2 * 2 * 4}


def test_rows_can_be_judged_and_drawn(tmp_path):
    for condition in ("baseline", "location_4"):
        for seed in (0, 1, 2):
            rows = lived(tmp_path, "locations", condition, seed=seed, base=0.3, per_model=2)  # three sets of classes
    judged = valid_rows(rows)
    assert judged.problems == ()
    answers = {claim.first: claim.verdict for claim in check(rows).claims if claim.n}
    assert set(answers) == {"location_4"}
    for drawing in experiment("barry2022/locations").drawings():
        figure = drawing.draw(judged.rows)
        assert figure is not None
        assert "Replica" in figure.subfigs[0]._suptitle.get_text()


def test_pretraining_is_measured_and_kept(tmp_path):
    rows = lived(tmp_path, "pretrain", "schooling")
    assert list(rows["metric"]) == ["accuracy_seen"]


def photographs(root, classes: int = 4) -> None:
    rng = np.random.default_rng(0)
    for half, count in (("train", 6), ("test", 2)):
        for label in range(classes):
            folder = root / "imagenet" / half / f"n{label:08d}"
            folder.mkdir(parents=True)
            for number in range(count):
                shape = (20 + number, 40 - label, 3)
                buffer = io.BytesIO()
                Image.fromarray(rng.integers(0, 255, shape, dtype=np.uint8)).save(buffer, format="jpeg")
                (folder / f"{number}.JPEG").write_bytes(buffer.getvalue())


def test_the_full_size_path_on_small_photographs(tmp_path, monkeypatch):
    """Photographs of many shapes, published convolutions (here: small ones in torchvision's names), no base classes."""
    photographs(tmp_path)
    chosen = experiment("barry2022/full-locations")
    small = Architecture(blocks=((2,), (2, 2), (2,), (2,), (3,)), size=32, head=(6,))
    with Seeds(0).building("published"):
        published = {f"features.{i}": w for i, w in enumerate(VGG(small, 2).features.parameters())}
    monkeypatch.setattr(recipe, "vgg16_features", lambda: published)
    config = replace(chosen.scales["smoke"], anatomy=small)
    for condition in ("baseline", "location_4"):
        run = Run(
            experiment="barry2022/full-locations", scale="smoke", config=config, condition=condition,
            seed=1, out=tmp_path / "out", data=tmp_path, device="cpu",
        )  # fmt: skip
        execute(run, chosen, lambda fraction, text: None)
    rows = read_rows(tmp_path / "out")
    assert set(rows["order"]) == {"set 1 of 2"}
    assert len(rows[rows["metric"] == "day_accuracy"]) == 4


def test_full_size_says_where_it_looks(tmp_path):
    with pytest.raises(Exception, match=r"put photographs there as train/CLASS/\*\.JPEG"):
        lived_full(tmp_path)


def lived_full(tmp_path):
    chosen = experiment("barry2022/full-month")
    run = Run(
        experiment="barry2022/full-month", scale="smoke", config=chosen.scales["smoke"], condition="none",
        seed=0, out=tmp_path / "out", data=tmp_path, device="cpu",
    )  # fmt: skip
    execute(run, chosen, lambda fraction, text: None)


def test_all_of_its_experiments_can_be_found():
    mine = [name for name in installed() if name.startswith("barry2022/")]
    assert len(mine) == 2 * len(REPLICA) + 1
    for name in mine:
        found = experiment(name)
        assert f"{found.paper}/{found.name}" == name
        assert set(found.scales) == {"smoke", "quick", "paper"}
        assert torch.is_grad_enabled()
