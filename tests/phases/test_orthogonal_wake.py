"""Lessons do not change what a layer answers to inputs of the days before; on the first day, it is plain descent."""

import pytest
import torch

from oneiros.core import Batch, Brain, Seeds
from oneiros.memory import MeanInput, Projector
from oneiros.nets import EquilibriumRNN, Perceptron
from oneiros.phases import BackpropWake, OrthogonalWake, SealProjectors

NAMES = ("one", "two")


def born(damping: float = 1e-9) -> Brain:
    with Seeds(0).building("init"):
        net = Perceptron((6, 8, 3)).double()
    optim = {"wake": torch.optim.SGD(net.parameters(), lr=0.5)}
    return Brain(net=net, memory={name: Projector(damping) for name in NAMES}, optim=optim)


def lesson(seed: int) -> Batch:
    rng = torch.Generator().manual_seed(seed)
    return Batch(x=torch.rand(5, 6, generator=rng, dtype=torch.float64), y=torch.randint(3, (5,), generator=rng))


WAKE, NIGHT, RNG = OrthogonalWake(memories=NAMES), SealProjectors(memories=NAMES), Seeds(0).rng("any")


def test_the_answer_to_an_old_batch_of_one_does_not_move():
    """A batch of one is its own mean: after its night, the whole network answers it as before, whatever comes."""
    brain, old = born(), Batch(x=lesson(1).x[:1], y=lesson(1).targets()[:1])
    WAKE(brain, old, RNG)
    NIGHT(brain, RNG)
    # What it heard was the layers' inputs before its own step; heard again, so that the present ones are protected.
    for p in brain.memory.values():
        p.sealed = p.today = None
    zero = torch.optim.SGD(brain.net.parameters(), lr=0.0)
    brain.optim, usual = {"wake": zero}, brain.optim
    WAKE(brain, old, RNG)
    NIGHT(brain, RNG)
    brain.optim = usual
    before, new_before = brain.net(old.x).detach(), brain.net(lesson(2).x).detach()
    for seed in range(2, 8):
        WAKE(brain, lesson(seed), RNG)
    torch.testing.assert_close(brain.net(old.x).detach(), before, rtol=0, atol=1e-6)
    assert (brain.net(lesson(2).x).detach() - new_before).abs().max() > 0.01


def test_the_first_day_is_plain_backpropagation():
    one, other = born(), born()
    WAKE(one, lesson(1), RNG)
    BackpropWake()(other, lesson(1), RNG)
    for a, b in zip(one.net.parameters(), other.net.parameters(), strict=True):
        torch.testing.assert_close(a, b, rtol=0, atol=1e-14)


def test_other_nets_and_other_memories_are_refused():
    with pytest.raises(TypeError, match="the net is an EquilibriumRNN; expected a Perceptron"):
        WAKE(Brain(net=EquilibriumRNN((6, 8, 3))), lesson(1), RNG)
    brain = born()
    brain.memory["two"] = MeanInput()
    with pytest.raises(TypeError, match="memory 'two' is a MeanInput; expected a Projector"):
        NIGHT(brain, RNG)
    with pytest.raises(ValueError, match=r"Projector.damping is 0.0; expected a number above 0"):
        Projector(0.0)
