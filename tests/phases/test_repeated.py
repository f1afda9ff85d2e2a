"""More than one step on a batch."""

import pytest
import torch

from oneiros.core import Batch, Brain, Seeds
from oneiros.nets.layers import Perceptron
from oneiros.phases import BackpropWake, Repeated

LESSON = Batch(x=torch.rand(6, 4, generator=Seeds(0).rng("x")), y=torch.arange(6) % 3)


def born() -> Brain:
    with Seeds(0).building("init"):
        net = Perceptron((4, 5, 3))
    return Brain(net=net, memory={}, optim={"wake": torch.optim.SGD(net.parameters(), lr=0.1, momentum=0.5)})


def test_three_times_is_the_inner_phase_three_times():
    inner, one, other = BackpropWake(), born(), born()
    said = Repeated(inner=inner, times=3)(one, LESSON, Seeds(0).rng("day"))
    for _ in range(3):
        last = inner(other, LESSON, Seeds(0).rng("day"))
    assert {k: v.item() for k, v in said.items()} == {k: v.item() for k, v in last.items()}
    for mine, theirs in zip(one.net.parameters(), other.net.parameters(), strict=True):
        assert torch.equal(mine, theirs)


def test_no_time_at_all_is_refused():
    with pytest.raises(ValueError, match="times is 0; expected at least 1"):
        Repeated(inner=BackpropWake(), times=0)
