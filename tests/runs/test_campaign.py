"""What is left to decide, in order, as far as the hours go."""

import pytest

from oneiros.runs.campaign import Round, Step, affordable, steps
from oneiros.runs.catalogue import experiment


@pytest.mark.parametrize("device", ["cpu", "cuda"])
@pytest.mark.parametrize("scale", ["quick", "paper"])
def test_every_step_names_what_there_is(scale, device):
    for step in steps(scale, device):
        chosen = experiment(step.experiment)
        assert set(step.conditions) <= set(chosen.conditions), step
        assert step.scale in chosen.scales
        assert step.seeds >= 1
        assert step.decides


def test_a_gpu_begins_with_the_tables_that_need_one():
    first, second = steps("paper", "cuda")[:2]
    assert (first.experiment, second.experiment) == ("deperrois2022/cifar10", "shin2017/chain")
    assert [step.experiment for step in steps("paper", "cuda")].count("deperrois2022/cifar10") == 1
    assert steps("paper", "cpu")[0].experiment == "kubo2025/mnist"
    with pytest.raises(ValueError, match="no campaign of scale 'smoke'"):
        steps("smoke", "cpu")


def rounds(*minutes: float | None) -> list[Round]:
    """One round of four runs for each."""
    step = Step(experiment="p/e", scale="quick", conditions=(), seeds=1, minutes=0.0, decides="")
    return [Round(step=Step(**{**vars(step), "minutes": each}), seed=0, left=tuple("abcd")) for each in minutes]


def test_what_does_not_fit_is_passed_over_and_nothing_begins_when_the_time_is_up():
    now = [0.0]
    begun = []
    for each in affordable(rounds(30.0, 45.0, 15.0, None, 15.0), budget=2.0, spent=lambda: now[0], jobs=2):
        begun.append(each.step.minutes)
        now[0] += each.hours(2) or 0.5
    # 30 minutes of four runs, two at a time, are an hour; 45 would be an hour and a half; 15 half an hour; then one
    # that nobody knows, which took the last half hour.
    assert begun == [30, 15, None]
    assert len(list(affordable(rounds(30.0, 45.0), budget=None, spent=lambda: 99.0, jobs=1))) == 2
