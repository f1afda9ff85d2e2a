"""Terms add up: one step goes down their sum, and each term counts as it does alone."""

import pytest
import torch
from torch import nn

from oneiros.core import Batch, Brain, LossTerm, Seeds
from oneiros.phases import BackpropWake, CrossEntropy, RectifiedWake, ScholarWake, VisualWake
from oneiros.phases.losses import mean_cross_entropy, total
from oneiros.phases.wake.rectified_wake import RectifiedLoss

LESSON = Batch(x=torch.rand(6, 4, generator=torch.Generator().manual_seed(0)), y=torch.arange(6) % 3)


def pull(brain: Brain, batch: Batch, rng: torch.Generator) -> torch.Tensor:
    """A term may be a plain function."""
    return 2.0 * 0.5 * brain.net[0].weight.square().sum()


def brain() -> Brain:
    with Seeds(0).building("init"):
        net = nn.Sequential(nn.Linear(4, 3))
    return Brain(net=net, optim={"wake": torch.optim.SGD(net.parameters(), lr=0.1)})


@pytest.mark.parametrize(
    ("alone", "both"),
    [
        (BackpropWake(), BackpropWake(losses=(CrossEntropy(), pull))),
        (VisualWake(changes=("",)), VisualWake(changes=("",), losses=(CrossEntropy(), pull))),
        (RectifiedWake(), RectifiedWake(losses=(RectifiedLoss(), pull))),
    ],
)
def test_a_term_beside_the_lesson_moves_the_weights_by_its_own_gradient(alone, both):
    """Plain descent, so that steps add up: here by - lr x 2 x weight."""
    before, plain, pulled = brain(), brain(), brain()
    first, second = alone(plain, LESSON, Seeds(0).rng("d")), both(pulled, LESSON, Seeds(0).rng("d"))
    weight = before.net[0].weight.detach()
    moved = pulled.net[0].weight.detach() - plain.net[0].weight.detach()
    torch.testing.assert_close(moved, -0.1 * 2.0 * weight)
    torch.testing.assert_close(second["loss"] - first["loss"], weight.square().sum())


def test_a_scholars_day_takes_terms_beside_eq_1():
    """Without a past, Eq. 1 is the cross-entropy."""
    from oneiros.memory import Exemplars

    one = brain()
    one.memory["scholar"] = Exemplars(per_class=1)
    wake = ScholarWake(beside=(pull,), optim="wake", changes=("",))
    expected = mean_cross_entropy(one.net(LESSON.x), LESSON) + pull(one, LESSON, torch.Generator())
    torch.testing.assert_close(wake.loss(one, LESSON, Seeds(0).rng("d")), expected)


def test_a_step_needs_a_loss():
    assert isinstance(CrossEntropy(), LossTerm)
    with pytest.raises(ValueError, match="a step without a loss: give at least one term"):
        total((), brain(), LESSON, torch.Generator())
