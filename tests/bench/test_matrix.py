"""The matrix on scikit-learn's digits: what it measures, that it goes on, and what its tables say of rows."""

import warnings
from pathlib import Path

import pandas as pd
import pytest
import torch
from sklearn.neighbors import NearestCentroid
from torch.nn.functional import cross_entropy

from bench.matrix.cells import Cell, Matrix, bytes_kept, finished_rows, run
from bench.matrix.learners import ENTRIES, Measured, Setting, Slept
from bench.matrix.lwf import LwF
from bench.matrix.page import write_page
from bench.matrix.streams import STREAMS, Source
from bench.matrix.table import accuracy_table, block, verdicts
from oneiros.nets.scholar import Scholar
from oneiros.sleeper import GenerativeReplay, NoSleep, Sleeper

SOURCE = Source(features=Path("nowhere"), limit=(200, 100))
CHEAP = ("NCM", "SLDA", "NoSleep", "Joint", "Rehearsal20")


def cells(*mechanisms):
    return [Cell(stream="digits", mechanism=mechanism, seed=0) for mechanism in mechanisms]


@pytest.fixture(scope="module")
def lived(tmp_path_factory):
    out, said = tmp_path_factory.mktemp("matrix"), []
    run(Matrix(out=out, source=SOURCE, scale="smoke"), cells(*CHEAP), said.append)
    return out, said


def value(rows, mechanism, metric):
    return rows.loc[(rows["condition"] == mechanism) & (rows["metric"] == metric), "value"].item()


def test_class_means_of_a_stream_are_those_of_all_its_data_at_once(lived):
    """Oracle: scikit-learn's nearest centroid, which sees everything together."""
    lessons = STREAMS["digits"].lessons(SOURCE, 0)
    x, y = (torch.cat(each).numpy() for each in zip(*lessons.days, strict=True))
    asked, truth = (torch.cat(each).numpy() for each in zip(*lessons.tests, strict=True))
    with warnings.catch_warnings(action="ignore"):  # pixels at the edge are always black
        centroids = NearestCentroid().fit(x.reshape(len(x), -1), y)
    right = (centroids.predict(asked.reshape(len(asked), -1)) == truth).mean()
    rows = finished_rows(lived[0])[0]
    assert value(rows, "NCM", "final_accuracy") == pytest.approx(right)


def test_every_class_comes_once_and_the_seed_decides_on_the_order():
    orders = []
    for seed in range(2):
        lessons = STREAMS["digits"].lessons(SOURCE, seed)
        days = [set(y.tolist()) for _, y in lessons.days]
        assert [len(day) for day in days] == [2] * 5
        assert set.union(*days) == set(range(10))
        assert [set(y.tolist()) for _, y in lessons.tests] == days
        assert sum(len(y) for _, y in lessons.days) == 200
        orders.append(lessons.order)
    assert orders[0] != orders[1]


def test_the_floor_knows_the_last_day_only_and_says_what_it_costs(lived):
    rows = finished_rows(lived[0])[0]
    assert value(rows, "NoSleep", "final_accuracy") <= 0.25
    assert value(rows, "NoSleep", "bytes") == 0
    # 200 examples of 64 grey values: twenty a class are all that there are.
    assert value(rows, "Rehearsal20", "bytes") == 200 * 64
    assert value(rows, "Rehearsal20", "raw") == 1
    assert value(rows, "SLDA", "raw") == 0
    assert set(rows.loc[rows["condition"] == "Joint", "metric"]) == {
        "accuracy", "final_accuracy", "cpu_seconds", "bytes", "raw"
    }  # fmt: skip


def test_a_finished_cell_stays_and_a_refusal_is_noted(lived):
    out, first = lived
    before = finished_rows(out)[0]
    assert len(first) == len(CHEAP) + 1
    said = []
    matrix = Matrix(out=out, source=SOURCE, scale="smoke")
    run(matrix, cells(*CHEAP, "RehearsalEqual"), said.append)
    assert sum("finished before" in line for line in said) == len(CHEAP)
    assert sum("refused: ValueError: the bytes of ExactNights" in line for line in said) == 1
    again = []
    run(matrix, cells("RehearsalEqual"), again.append)
    assert "refused before: the bytes of ExactNights" in again[0]
    pd.testing.assert_frame_equal(finished_rows(out)[0], before)
    assert bytes_kept(out, "digits", 0) == 0


def test_data_that_are_not_there_leave_their_stream_out(tmp_path):
    said = []
    cell = Cell(stream="cifar100-lite0", mechanism="NCM", seed=0)
    run(Matrix(out=tmp_path, source=SOURCE, scale="smoke"), [cell], said.append)
    assert "left out: features:nowhere" in said[0]


def test_learning_without_forgetting_keeps_the_old_answers_over_the_classes_it_knew():
    """By hand: on the first day cross-entropy alone; on the second T^2 KL to last night's answers besides."""
    torch.manual_seed(0)
    net = torch.nn.Linear(3, 4)
    sleeper = Sleeper(net, LwF(), classes=4)
    x, first, second = torch.rand(6, 3), torch.tensor([0, 1] * 3), torch.tensor([2, 3] * 3)
    assert sleeper.loss(x, first).item() == pytest.approx(cross_entropy(net(x), first).item())
    assert sleeper.nbytes == 0
    sleeper.sleep()
    old = net(x).detach()[:, :2]
    assert sleeper.nbytes == 16 * 4
    with torch.no_grad():
        net.weight += torch.rand(4, 3)
    ours, theirs = (each / 2 for each in (net(x)[:, :2], old))
    kept = 4 * (theirs.softmax(1) * (theirs.log_softmax(1) - ours.log_softmax(1))).sum(1).mean()
    expected = cross_entropy(net(x), second) + kept
    assert sleeper.loss(x, second).item() == pytest.approx(expected.item(), rel=1e-5)


def test_bytes_are_those_of_all_that_the_mechanism_brought():
    """By hand: after the night a generator, and a frozen copy of it and of the network."""
    lessons = STREAMS["digits"].lessons(SOURCE, 0)
    setting = Setting(lessons=lessons, epochs=1, seed=0)
    learner = Slept(setting, GenerativeReplay(hidden=(8,), latent=2))
    learner.learn(*lessons.days[0])
    attached = learner._sleeper.attachments[0].brain.net
    assert isinstance(attached, Scholar)
    generator = sum(each.nbytes for each in attached.generator.state_dict().values())
    network = sum(each.nbytes for each in setting.network().state_dict().values())
    assert learner.nbytes == 2 * generator + network
    assert Slept(setting, NoSleep()).nbytes == 0


def test_forgetting_is_the_mean_fall_over_all_days_but_the_last():
    assert Measured(own=[0.9, 0.8, 1.0], final=[0.5, 0.6, 0.2]).forgetting == pytest.approx((0.4 + 0.2) / 2)


def made(values, raw=()):
    rows = []
    for name, accuracy in values.items():
        ends = {
            "final_accuracy": accuracy,
            "raw": float(name in raw),
            "bytes": 1e6,
            "cpu_seconds": 2.0,
            "forgetting": 0,
        }
        for seed in range(2):
            address = {"experiment": "mnist", "condition": name, "seed": seed}
            rows += [{**address, "metric": metric, "value": number} for metric, number in ends.items()]
    return pd.DataFrame(rows)


def test_the_tables_say_where_ours_is_not_the_best_that_keeps_no_example(tmp_path):
    rows = made({"SLDA": 0.9, "GenerativeReplay": 0.8, "Rehearsal20": 0.95, "Joint": 0.97}, raw=("Rehearsal20",))
    assert (
        "| mnist (2) | `SLDA` 90.0 | not ours: `GenerativeReplay` is 10.0 behind | not run | 97.0, 7.0 above |"
        in verdicts(rows)
    )
    table = accuracy_table(rows)
    assert "| `SLDA` | **90.0 ± 0.0 (2)** |" in table
    assert "| `Rehearsal20` † | 95.0 ± 0.0 (2) |" in table  # kept examples, so never the best
    write_page(rows, {"code": ["x"]}, tmp_path / "page.html")
    page = (tmp_path / "page.html").read_text()
    assert page.count("<svg") == 2
    assert page.count("<table>") == block(rows).count("| --- |\n")


def test_the_tables_say_when_ours_is_the_best():
    rows = made({"SLDA": 0.9, "ExactNights": 0.98, "Joint": 0.97})
    assert "| mnist (2) | `ExactNights` 98.0 | ours | not run | 97.0, reached |" in verdicts(rows)
    assert set(rows["condition"]) <= set(ENTRIES)


def test_rows_are_compared_on_the_seeds_that_all_of_them_have():
    """SLDA's second seed is a hard one, of 50 %, that the other does not have: on the first SLDA is ahead."""
    rows = made({"SLDA": 0.9, "ExactNights": 0.8})
    rows.loc[(rows["seed"] == 1) & (rows["metric"] == "final_accuracy"), "value"] = 0.5
    rows = rows[(rows["condition"] == "SLDA") | (rows["seed"] == 0)]
    assert "| mnist (1) | `SLDA` 90.0 | not ours: `ExactNights` is 10.0 behind |" in verdicts(rows)
    assert "| `SLDA` | **70.0 ± 28.3 (2)** |" in accuracy_table(rows)
