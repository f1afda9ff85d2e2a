"""Settings and data that cannot be meant: one clear error before anything is learned."""

import numpy as np
import pandas as pd
import pytest
import torch
from torch import nn

from oneiros.core import Seeds
from oneiros.sleeper import NoSleep, Sleeper
from oneiros.sleeper.sklearn import SleepingClassifier

RNG = torch.Generator().manual_seed(0)
X, Y = torch.rand(20, 8, generator=RNG), torch.arange(20) % 4
NO_COUNTS = (0, -1, 2.5, "8", True, float("nan"), None)


def network() -> nn.Module:
    with Seeds(0).building("init"):
        return nn.Sequential(nn.Linear(8, 16), nn.ReLU(), nn.Linear(16, 4))


def live(day, **options) -> nn.Module:
    net = network()
    sleeper = Sleeper(net, NoSleep())
    for _ in sleeper.live([day], optimiser=torch.optim.SGD(net.parameters(), lr=0.1), **options):
        pass
    return net


@pytest.mark.parametrize("classes", [0, 1, -1, 2.5, "4", True, float("nan")])
def test_classes_that_are_no_number_of_classes(classes):
    with pytest.raises((TypeError, ValueError), match="classes is .*; expected (a whole number of )?at least 2"):
        Sleeper(network(), NoSleep(), classes=classes)


@pytest.mark.parametrize("name", ["epochs", "batch_size"])
@pytest.mark.parametrize("value", NO_COUNTS)
def test_counts_that_are_none(name, value):
    with pytest.raises((TypeError, ValueError), match=f"{name} is .*; expected (a whole number of )?at least 1"):
        live((X, Y), **{name: value})
    with pytest.raises((TypeError, ValueError), match=f"SleepingClassifier.{name} is .*; expected .*at least 1"):
        SleepingClassifier(**{name: value}).fit(X.numpy(), Y.numpy())


@pytest.mark.parametrize(
    ("setting", "message"),
    [
        ({"hidden": 5}, "hidden is 5; expected sizes of layers"),
        ({"hidden": (0,)}, "hidden is 0; expected at least 1"),
        ({"hidden": (2.5,)}, "hidden is 2.5; expected a whole number"),
        ({"lr": 0}, "lr is 0; expected a finite number above 0"),
        ({"lr": float("nan")}, "lr is nan; expected a finite number above 0"),
        ({"lr": "x"}, "lr is 'x'; expected a finite number above 0"),
        ({"bounds": (1,)}, r"bounds is \(1,\); expected \(smallest, largest\)"),
        ({"bounds": (0, float("nan"))}, "expected .smallest, largest."),
    ],
)
def test_settings_of_the_estimator(setting, message):
    with pytest.raises((TypeError, ValueError), match=message):
        SleepingClassifier(**setting).fit(X.numpy(), Y.numpy())


def test_inputs_of_another_width_than_the_networks():
    with pytest.raises(ValueError, match=r"Sequential cannot take inputs of \(9,\) each: "):
        live((torch.rand(20, 9, generator=RNG), Y))


def test_a_table_of_pandas_is_learned_as_its_numbers_are():
    """Whichever way the same numbers come, the same weights come out."""
    expected = live((X, Y)).state_dict()
    for day in ((pd.DataFrame(X.numpy()), pd.Series(Y.numpy())), (X.numpy(), Y.tolist()), (np.asarray(X), Y)):
        found = live(day).state_dict()
        assert all(torch.equal(found[name], expected[name]) for name in expected)


def test_half_precision_is_learned_in_the_networks_own():
    found, expected = live((X.half(), Y)).state_dict(), live((X.half().float(), Y)).state_dict()
    assert all(torch.equal(found[name], expected[name]) for name in expected)
