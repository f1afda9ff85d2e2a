"""The estimator is what scikit-learn says an estimator is, and keeps classes that it saw one at a time."""

import os
import pickle
import subprocess
import sys

import numpy as np
import pytest
from sklearn.base import clone
from sklearn.datasets import load_digits, load_wine
from sklearn.exceptions import NotFittedError
from sklearn.model_selection import train_test_split
from sklearn.neural_network import MLPClassifier
from sklearn.preprocessing import StandardScaler
from sklearn.utils.estimator_checks import estimator_checks_generator

from oneiros.sleeper import GenerativeReplay, NoSleep
from oneiros.sleeper.sklearn import SleepingClassifier

QUICK = SleepingClassifier((32,), epochs=5, lr=0.01, mechanism=GenerativeReplay(hidden=(8,), latent=2, replayed=8))
CHECKS = list(estimator_checks_generator(QUICK))


def digits():
    x, y = load_digits(return_X_y=True)
    return train_test_split(x, y, test_size=0.3, random_state=0, stratify=y)


def class_by_class(model: SleepingClassifier) -> float:
    x, test_x, y, test_y = digits()
    for label in range(10):
        model.partial_fit(x[y == label], y[y == label], classes=range(10)).sleep()
    return model.score(test_x, test_y)


def test_there_are_as_many_checks_as_scikit_learn_has():
    assert len(CHECKS) > 50


@pytest.mark.parametrize(("estimator", "check"), CHECKS, ids=[c.func.__name__ for _, c in CHECKS])
@pytest.mark.filterwarnings("ignore")  # the checks provoke warnings on purpose
def test_scikit_learns_own_check(estimator, check):
    check(estimator)


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")
def test_scikit_learns_own_checks_with_the_default_settings():
    """Whole: an environment variable, read as scipy loads, switches on the one of the array interface."""
    code = """
import warnings; warnings.simplefilter("ignore")
from sklearn.utils.estimator_checks import check_estimator
from oneiros.sleeper.sklearn import SleepingClassifier
told = check_estimator(SleepingClassifier())
print({each["status"] for each in told}, len(told))
"""
    environment = os.environ | {"SCIPY_ARRAY_API": "1"}
    answer = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, env=environment, check=True)
    assert answer.stdout.startswith("{'passed'} ")


@pytest.mark.slow
def test_digits_class_by_class_without_a_stored_example():
    """A class never shown again is forgotten without sleep (a tenth is chance), kept with it."""
    sleeping = SleepingClassifier(random_state=0, bounds=(0, 16))
    assert class_by_class(SleepingClassifier(random_state=0, bounds=(0, 16), mechanism=NoSleep())) < 0.15
    assert class_by_class(sleeping) > 0.8
    assert not sleeping.sleeper_.holds_raw


def small(**settings) -> SleepingClassifier:
    mechanism = GenerativeReplay(hidden=(16,), latent=4, replayed=16)
    return SleepingClassifier((16,), epochs=2, random_state=0, bounds=(0, 16), mechanism=mechanism, **settings)


def test_a_pickled_estimator_goes_on_as_the_original_would_have():
    x, test_x, y, _ = digits()
    model = small().partial_fit(x[y < 2], y[y < 2], classes=range(10)).sleep()
    copy = pickle.loads(pickle.dumps(model))
    for each in (model, copy):
        each.partial_fit(x[y == 2], y[y == 2]).sleep()
    assert (copy.predict_proba(test_x) == model.predict_proba(test_x)).all()


def test_a_clone_has_the_settings_and_nothing_learned():
    x, _, y, _ = digits()
    model = small().fit(x[:50], y[:50])
    twin = clone(model)
    assert twin.get_params() == model.get_params()
    with pytest.raises(NotFittedError):
        twin.predict(x)
    with pytest.raises(NotFittedError):
        twin.sleep()


def test_wrong_use_gets_answers():
    x, _, y, _ = digits()
    with pytest.raises(ValueError, match="got 1 class, .*call partial_fit"):
        small().fit(x[y == 3], y[y == 3])
    with pytest.raises(ValueError, match="first call of partial_fit needs classes"):
        small().partial_fit(x, y)
    with pytest.raises(ValueError, match=r"label 8 is outside classes \[0 1 2\]"):
        small().partial_fit(x[y == 8], y[y == 8], classes=[0, 1, 2])
    model = small().partial_fit(x[:20], y[:20], classes=range(10))
    with pytest.raises(ValueError, match="but the first call of partial_fit said"):
        model.partial_fit(x[:20], y[:20], classes=range(11))
    with pytest.raises(ValueError, match="of one class there is nothing to tell apart"):
        small().partial_fit(x[y == 0], y[y == 0], classes=[0])
    with pytest.raises(RuntimeError, match="no lesson after the last night"):
        model.sleep().sleep()
    with pytest.raises(ValueError, match="NaN"):
        model.predict(np.full((1, 64), np.nan))
    with pytest.raises(ValueError, match="Unknown label type"):
        small().fit(x, y + 0.5)


def table(units: bool) -> tuple:
    """Wines: thirteen measurements, of which one is in thousands if `units`."""
    x, y = load_wine(return_X_y=True)
    if not units:
        x = x / x.max(0)
    order = np.random.default_rng(0).permutation(len(y))
    return x[order[:120]], y[order[:120]], x[order[120:]], y[order[120:]]


@pytest.mark.parametrize("units", [True, False])
def test_units_do_not_matter_class_by_class(units):
    x, y, test_x, test_y = table(units)
    model = SleepingClassifier(random_state=0, epochs=5)
    for label in range(3):
        model.partial_fit(x[y == label], y[y == label], classes=range(3)).sleep()
    assert model.score(test_x, test_y) >= 0.93
    assert not model.sleeper_.holds_raw


def test_all_classes_at_once_are_learned_as_well_as_by_scikit_learns_perceptron():
    x, y, test_x, test_y = table(True)
    scaled = StandardScaler().fit(x)
    theirs = MLPClassifier(random_state=0, max_iter=1000).fit(scaled.transform(x), y)
    ours = SleepingClassifier(random_state=0).fit(x, y)
    assert ours.score(test_x, test_y) >= theirs.score(scaled.transform(test_x), test_y) - 0.02
