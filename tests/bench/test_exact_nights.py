"""What the guide says of exact nights is what the committed rows say."""

import json
from pathlib import Path
from statistics import mean, stdev

import pytest

ROOT = Path(__file__).parents[2]
ROWS = json.loads((ROOT / "results" / "bench" / "exact_nights.json").read_text(encoding="utf-8"))
GUIDE = (ROOT / "docs" / "which-mechanism.md").read_text(encoding="utf-8")


@pytest.mark.parametrize(
    ("stream", "words", "target"),
    [
        ("mnist", "split MNIST", "98.7"),
        ("fashion-mnist", "split Fashion-MNIST", "91"),
        ("cifar10", "split CIFAR-10", "73"),
    ],
)
def test_the_streams_from_scratch(stream, words, target):
    mine = [row for row in ROWS if row["set"] == stream]
    found = [row["accuracy"] for row in mine]
    assert sorted(row["seed"] for row in mine) == [0, 1, 2]
    seconds, kept = max(row["cpu_seconds"] for row in mine), max(row["bytes"] for row in mine) / 1e6
    line = f"| {words} | {mean(found):.2f} ± {stdev(found):.2f} | {target} | {seconds:.0f} | {kept:.1f} | no |"
    assert line in GUIDE
    assert not any(row["raw"] for row in mine)


@pytest.mark.parametrize(
    ("mechanism", "words"),
    [
        ("ExactNights, own covariances", "`ExactNights`, own covariances of square roots"),
        ("ExactNights, square roots", "`ExactNights`, square roots"),
        ("RanPac, 5,000", "`RanPac`, 5,000 random features"),
        ("FeCam", "`FeCam`"),
        ("RecursiveRidge", "`RecursiveRidge`"),
        ("StreamingLda", "`StreamingLda`"),
        ("NearestClassMean", "`NearestClassMean`"),
    ],
)
def test_the_heads_on_features(mechanism, words):
    (row,) = (row for row in ROWS if row["set"] == "features" and row["mechanism"] == mechanism)
    assert f"| {words} | {row['accuracy']:.2f} | {row['cpu_seconds']:.0f} | {row['bytes'] / 1e6:.1f} |" in GUIDE
