"""Slow scientific checks on real data: `pytest -m slow`."""

import os
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from oneiros.core import Brain, Seeds
from oneiros.data import load
from oneiros.life import Schedule, run_through
from oneiros.nets.equilibrium import EquilibriumRNN, Euler, FixedPoint
from oneiros.phases.equilibrium_wake import EquilibriumWake
from oneiros.scenarios import class_incremental

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def mnist():
    beside = Path(__file__).parents[2] / "shared" / "data"
    root = Path(os.environ.get("ONEIROS_DATA", beside))
    if not (root / "MNIST").is_dir():
        pytest.skip(f"MNIST not found in {root}: set ONEIROS_DATA")
    return load("mnist", root=root, download=False)


def two_tasks(mnist, relaxation, dtype) -> tuple[dict, dict]:
    """Weights before and after two MNIST tasks of one epoch each."""
    with Seeds(0).building("init"):
        net = EquilibriumRNN((784, 1024, 10), relaxation=relaxation).to(dtype)
    before = {name: p.detach().clone() for name, p in net.named_parameters()}
    groups = [{"params": net.hidden.parameters(), "lr": 0.03}, {"params": net.output.parameters(), "lr": 0.001}]
    brain = Brain(net=net, optim={"wake": torch.optim.SGD(groups)})
    tasks = class_incremental(mnist.train, mnist.test, order=range(4), per_task=2, batch_size=256)
    run_through(brain, [Cast(task, dtype) for task in tasks], Schedule(day=(EquilibriumWake(),)), Seeds(0))
    return before, {name: p.detach().clone() for name, p in net.named_parameters()}


class Cast:
    """A task with its inputs in another number format."""

    def __init__(self, task, dtype) -> None:
        self.task, self.dtype = task, dtype
        self.name, self.classes = task.name, task.classes

    def __len__(self) -> int:
        return len(self.task)

    def batches(self, rng):
        return (replace(batch, x=batch.x.to(self.dtype)) for batch in self.task.batches(rng))


@pytest.mark.parametrize(("dtype", "bound"), [(torch.float64, 1e-5), (torch.float32, 1e-4)])
def test_the_fixed_point_gives_the_weights_of_exact_euler_after_two_tasks(mnist, dtype, bound, record_property):
    """Largest difference relative to the largest change; in float32 rounding alone leaves some 1e-5."""
    tolerance = 1e-9 if dtype == torch.float64 else 1e-6
    before, fast = two_tasks(mnist, FixedPoint(tolerance=tolerance), dtype)
    _, exact = two_tasks(mnist, Euler(), dtype)
    for name in before:
        change = (exact[name] - before[name]).abs().max()
        error = ((fast[name] - exact[name]).abs().max() / change).item()
        record_property(f"{dtype} {name}", error)
        assert error < bound, name
