"""Counts and a choice that can be worked out on paper."""

import math

import pytest
import torch

from oneiros.memory.evidence import BEHIND, FAILED, Evidence


def test_what_the_network_knew_counts_as_far_as_it_was_prepared_for_today():
    """Day 1: 20 of 20. Day 2: it knew 5 of 50 before and 16 of 20 after, so 20 x (0.1 / 0.8) + 16 = 18.5 of 40."""
    evidence = Evidence(("network", "sums"))
    evidence.prepared(0, 50)
    evidence.add({"network": 20, "sums": 19}, 20)
    assert evidence.chosen == "network"
    evidence.prepared(5, 50)
    evidence.add({"network": 16, "sums": 15}, 20)
    assert evidence.right == {"network": 18.5, "sums": 34.0}
    assert evidence.chosen == "sums"
    assert evidence.line.startswith("sums: right about 85.0 % of 40 held-out examples of 2 day(s)")
    assert "network 46.2" in evidence.line


def test_a_network_that_was_prepared_for_every_day_loses_nothing():
    evidence = Evidence(("network", "sums"))
    for _ in range(3):
        evidence.prepared(45, 50)
        evidence.add({"network": 18, "sums": 17}, 20)
    assert evidence.right == {"network": 54.0, "sums": 51.0}
    assert evidence.chosen == "network"


def test_dreams_tell_what_is_kept_of_each_night_and_where_there_are_none_preparation_does():
    """20, 10 and 16 of 20. Of night 1 a quarter is kept. Night 2 has no dreams: it knew 2 of 50 before, .8 after."""
    evidence = Evidence(("network", "sums"))
    evidence.prepared(50, 50)
    evidence.add({"network": 20, "sums": 0}, 20)
    evidence.prepared(25, 50)
    evidence.add({"network": 10, "sums": 0}, 20, kept=[0.5])
    assert evidence.right["network"] == 0.5 * 20 + 10
    evidence.prepared(2, 50)
    evidence.add({"network": 16, "sums": 0}, 20, kept=[0.25, math.nan])
    assert evidence.right["network"] == 0.25 * 20 + 0.05 * 10 + 16
    evidence.prepared(0, 50)
    evidence.add({"network": 20, "sums": 0}, 20, kept=[1.0])  # what seemed lost may come back
    assert evidence.right["network"] == 20 + 0 + 0 + 20


def test_of_equals_the_network_answers():
    evidence = Evidence(("network", "sums"))
    evidence.add({"network": 7, "sums": 7}, 10)
    assert evidence.chosen == "network"


def test_a_day_counts_as_often_as_classes_were_met():
    """Two classes: 10 and 6 of 10. Ten classes: 5 and 8 of 10. So 70 and 92 of 120."""
    evidence = Evidence(("network", "early", "late"))
    evidence.add({"network": 0, "early": 10, "late": 6}, 10, classes=2)
    assert evidence.chosen == "early"
    evidence.add({"network": 0, "early": 5, "late": 8}, 10, classes=10)
    assert evidence.chosen == "late"
    assert evidence.line.startswith("late: right about 76.7 % of 20 held-out examples of 2 day(s)")
    assert "early 58.3" in evidence.line


def test_nobody_is_given_up_before_the_third_day():
    evidence = Evidence(("network", "near", "far"))
    for _ in range(3):
        assert evidence.behind(3.0) == []
        evidence.add({"network": 0, "near": 90, "far": 10}, 100)
    assert evidence.behind(3.0) == ["far"]


def test_who_is_far_behind_is_given_up_and_the_network_never():
    """0.9 and 0.5 of 100: the standard error of the difference is root(.09 / 100 + .25 / 100) = .058, 6.9 of them.

    As 30, 30 and 40 examples of as many classes.
    """
    evidence = Evidence(("network", "near", "far"))
    for asked in (30, 30, 40):
        evidence.add({"network": 0, "near": 9 * asked // 10, "far": asked // 2}, asked, classes=7)
    assert evidence.behind(3.0) == evidence.behind(6.8) == ["far"]
    assert evidence.behind(7.0) == []
    evidence.give_up("far", BEHIND)
    assert evidence.running == ("network", "near")
    assert "far was given up as far behind" in evidence.line
    with pytest.raises(ValueError, match="'network' is the network itself"):
        evidence.give_up("network", BEHIND)


def test_a_choice_that_fails_is_chosen_no_more():
    evidence = Evidence(("network", "sums"))
    evidence.add({"network": 1, "sums": 7}, 10)
    evidence.give_up("sums", FAILED)
    assert evidence.chosen == "network"


def test_state_restores_every_number():
    evidence = Evidence(("network", "a", "b"))
    evidence.prepared(3, 5)
    evidence.add({"network": 1, "a": 7, "b": 2}, 10)
    evidence.give_up("b", FAILED)
    evidence.prepared(2, 9)
    other = Evidence(("network", "a", "b"))
    other.load_state_dict(evidence.state_dict())
    assert other.__dict__ == evidence.__dict__
    assert all(isinstance(value, torch.Tensor) for value in evidence.state_dict().values())
