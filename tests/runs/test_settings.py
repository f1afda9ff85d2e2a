"""--set against its promises: nearest names, types, nested fields, the configuration's own rules."""

import dataclasses

import pytest

from oneiros.papers.kubo2025.config import MNIST
from oneiros.runs.settings import SettingError, override, settings


def test_plain_and_nested_settings_replace_only_what_they_name():
    changed = override(MNIST, ["epochs=5", "sleep.rate=0.5", "alpha_hidden=1", "sleep.feedback=()", "relaxation=euler"])
    assert (changed.epochs, changed.sleep.rate, changed.alpha_hidden) == (5, 0.5, 1.0)
    assert changed.sleep.feedback == ()
    assert changed.relaxation == "euler"
    before, after = dict(settings(MNIST)), dict(settings(changed))
    differing = {name for name in before if before[name] != after[name]}
    assert differing == {"epochs", "sleep.rate", "alpha_hidden", "sleep.feedback", "relaxation"}


@pytest.mark.parametrize(("text", "value"), [("3,4", (3.0, 4.0)), ("(3, 4)", (3.0, 4.0)), ("[3,4.5]", (3.0, 4.5))])
def test_tuples_may_be_written_with_or_without_brackets(text, value):
    assert override(MNIST, [f"sleep.gains={text}"]).sleep.gains == value


@pytest.mark.parametrize(
    ("assignment", "message"),
    [
        ("epoch=3", "no setting 'epoch'. Did you mean 'epochs'"),
        ("rate=3", "Did you mean .*'sleep.rate'"),
        ("sleep.stepz=3", "no setting 'sleep.stepz'. Did you mean 'sleep.steps'"),
        ("epochs", "has no '='"),
        ("epochs=2.5", "expected a whole number, got '2.5'"),
        ("alpha_hidden=big", "expected a number, got 'big'"),
        ("relaxation=magic", "expected 'fixed_point' or 'euler', got 'magic'"),
        ("sleep.gains=1", "gains, inc and dec need 2 numbers each"),
        ("epochs=0", "epochs is 0; expected at least 1"),
    ],
)
def test_bad_settings_say_what_came_and_what_was_expected(assignment, message):
    with pytest.raises(SettingError, match=message):
        override(MNIST, [assignment])


@pytest.mark.parametrize("value", ["1e400", "-1e400", "-" * 3000 + "1", "(" * 3000, "9" * 5000])
def test_a_value_that_no_setting_can_hold_is_refused_in_few_words(value):
    with pytest.raises(SettingError, match=r"^--set rate=.{1,63}: expected a (finite )?number") as refused:
        override(OneRate(), [f"rate={value}"])
    assert len(str(refused.value)) < 250


@dataclasses.dataclass(frozen=True)
class OneRate:
    rate: float = 0.5
