"""One lesson equals the equations it is made of, learns a separable toy, and says what it needs."""

import pytest
import torch
from torch.nn.functional import one_hot

from oneiros.core import Batch, Brain, Seeds
from oneiros.equations.equilibrium import euler_step, nudging
from oneiros.nets import EquilibriumRNN, Euler
from oneiros.phases import EquilibriumWake


def build_brain(lr: float = 0.1) -> Brain:
    with Seeds(0).building("init"):
        net = EquilibriumRNN((5, 7, 3), relaxation=Euler(steps=60, dt=0.3)).double()
    return Brain(net=net, optim={"wake": torch.optim.SGD(net.parameters(), lr=lr)})


def lesson(n: int = 6) -> Batch:
    x = torch.rand(n, 5, generator=torch.Generator().manual_seed(1), dtype=torch.float64)
    return Batch(x=x, y=torch.arange(n) % 3)


def test_one_lesson_equals_equation_10_written_out_example_by_example():
    """Free phase, clamped phase and update as loops over single examples; the sum of outer products by hand."""
    brain, batch = build_brain(), lesson()
    net = brain.net
    w1, b1, w2, b2 = (p.detach().clone() for p in net.parameters())
    change = [torch.zeros_like(p) for p in (w1, b1, w2, b2)]
    for x, label in zip(batch.x, batch.targets(), strict=True):
        drive, y = (w1 @ x + b1)[None], one_hot(label, 3).double()[None]
        h, o = torch.zeros(1, 7).double(), torch.zeros(1, 3).double()
        for _ in range(60):
            h, o = euler_step(h, o, drive, w2, b2, gamma=1.0, dt=0.3)
        free_h, free_o = h[0], o[0]
        for _ in range(4):
            h, o = euler_step(h, o, drive, w2, b2, gamma=1.0, dt=0.2, nudge=nudging(o, y, beta=0.5))
        change[0] += torch.outer(h[0] - free_h, x)
        change[1] += h[0] - free_h
        change[2] += torch.outer(o[0] - free_o, h[0])
        change[3] += o[0] - free_o
    EquilibriumWake(beta=0.5, dt=0.2, clamped_steps=4)(brain, batch, Seeds(0).rng("wake"))
    for before, step, after in zip((w1, b1, w2, b2), change, net.parameters(), strict=True):
        torch.testing.assert_close(after.detach(), before + 0.1 / 0.5 * step / 6, rtol=0, atol=1e-14)


def test_it_learns_three_orthogonal_inputs():
    brain = build_brain(lr=0.5)
    batch = Batch(x=torch.eye(5, dtype=torch.float64)[:3], y=torch.arange(3))
    for _ in range(200):
        loss = EquilibriumWake()(brain, batch, Seeds(0).rng("wake"))["loss"]
    assert loss < 0.01
    with torch.no_grad():
        assert brain.net(batch.x).argmax(1).tolist() == [0, 1, 2]


def test_another_kind_of_net_is_refused_with_what_to_do():
    brain = Brain(net=torch.nn.Linear(5, 3), optim={})
    with pytest.raises(
        TypeError, match="the net is a Linear; expected an EquilibriumRNN: give such a one, or use another phase"
    ):
        EquilibriumWake()(brain, lesson(), Seeds(0).rng("wake"))


@pytest.mark.parametrize("changed", [{"beta": 0.0}, {"dt": 0.0}, {"dt": 1.5}, {"clamped_steps": 0}])
def test_impossible_settings_are_refused(changed):
    with pytest.raises(ValueError, match="expected beta != 0, 0 < dt <= 1 and clamped_steps >= 1"):
        EquilibriumWake(**changed)
