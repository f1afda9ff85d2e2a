"""Nights up to a day, and none after."""

import pytest
import torch

from oneiros.core import Batch, Brain, Seeds
from oneiros.memory import MeanInput
from oneiros.nets import EquilibriumRNN
from oneiros.phases import EarlyNights, SpikingSleep

NIGHT = SpikingSleep(
    layers=("hidden.weight", "output.weight"), steps=40, rate=1.0, gains=(2.0, 3.0), inc=(0.01, 0.02), dec=(0.005, 0.01)
)


def slept(phase, age: int) -> list[torch.Tensor]:
    with Seeds(0).building("init"):
        net = EquilibriumRNN((6, 8, 3))
    mean = MeanInput()
    mean.store(Batch(x=torch.rand(10, 6, generator=torch.Generator().manual_seed(0))), Seeds(0).rng("store"))
    brain = Brain(net=net, memory={"mean": mean}, age=age)
    phase(brain, Seeds(0).rng("night"))
    return [p.detach().clone() for p in net.parameters()]


@pytest.mark.parametrize(("age", "sleeps"), [(0, True), (1, True), (2, False), (3, False)])
def test_two_nights_and_no_more(age, sleeps):
    awake, asleep = slept(EarlyNights(inner=NIGHT, nights=0), age), slept(NIGHT, age)
    got = slept(EarlyNights(inner=NIGHT, nights=2), age)
    assert not torch.equal(awake[0], asleep[0])
    assert all(torch.equal(a, b) for a, b in zip(got, asleep if sleeps else awake, strict=True))


def test_a_negative_number_is_refused():
    with pytest.raises(ValueError, match="EarlyNights.nights is -1; expected 0 or more"):
        EarlyNights(inner=NIGHT, nights=-1)
