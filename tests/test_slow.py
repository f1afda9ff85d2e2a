"""Slow scientific checks on real data: `pytest -m slow`."""

import os
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from oneiros.core import Brain, Seeds
from oneiros.data import load
from oneiros.data.streams import class_incremental
from oneiros.life import Schedule, run_through
from oneiros.nets.equilibrium import EquilibriumRNN, Euler, FixedPoint
from oneiros.phases.wake.equilibrium_wake import EquilibriumWake

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


def largest_error(before: dict, one: dict, other: dict) -> float:
    """Largest difference between two outcomes, relative to the largest change of that parameter; worst parameter."""
    return max(
        ((one[name] - other[name]).abs().max() / (other[name] - start).abs().max()).item()
        for name, start in before.items()
    )


def test_the_fixed_point_gives_the_weights_of_euler_after_two_tasks(mnist, record_property):
    """In float64, against Euler run until it is there (400 steps), and against the paper's 100 steps.

    What is left between the fixed point and 100 steps is what is left between 100 steps and 400: Euler's own
    remaining distance from the equilibrium.
    """
    before, solved = two_tasks(mnist, FixedPoint(tolerance=1e-12), torch.float64)
    _, converged = two_tasks(mnist, Euler(steps=400), torch.float64)
    _, published = two_tasks(mnist, Euler(steps=100), torch.float64)
    errors = {
        "fixed point against 400 steps": largest_error(before, solved, converged),
        "fixed point against 100 steps": largest_error(before, solved, published),
        "100 steps against 400": largest_error(before, published, converged),
    }
    for name, error in errors.items():
        record_property(name, error)
    assert errors["fixed point against 400 steps"] < 1e-5
    assert errors["fixed point against 100 steps"] < 1e-4
    assert errors["fixed point against 100 steps"] == pytest.approx(errors["100 steps against 400"], rel=0.05)


def test_in_single_precision_rounding_is_all_that_comes_on_top(mnist, record_property):
    """The format that runs: rounding of the states, some 6e-8, against weight changes of some 1e-2."""
    before, solved = two_tasks(mnist, FixedPoint(), torch.float32)
    _, published = two_tasks(mnist, Euler(), torch.float32)
    error = largest_error(before, solved, published)
    record_property("fixed point against 100 steps, float32", error)
    assert error < 2e-4
