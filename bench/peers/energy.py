"""A batch of equilibrium propagation, 256 examples through 784-1024-10: energy-based-learning against ours.

Both let a batch settle, nudge it and take a step of gradient descent. Theirs by its fixed-point minimiser, layer by
layer; with as many passes as our Euler steps (100 free, 10 nudged), and with those of its own script for this network
(`papers/fast-drn/dhn.py`, 15 and 15 in both directions). Inputs have MNIST's mean and sparseness.
"""

from collections.abc import Callable
from pathlib import Path

import torch

from bench.peers.clones import importable
from bench.peers.told import Race
from bench.speed.kubo import lesson
from bench.speed.timing import seconds_side_by_side
from oneiros.nets.equilibrium import Euler, FixedPoint
from oneiros.runs.arithmetic import arithmetic, computing


def race(clone: Path, rounds: int) -> Race:
    """Theirs in two lengths, ours by two free phases."""
    torch.set_num_threads(1)
    with importable(clone):
        sides = {
            "theirs, 100 and 10 passes": _theirs(100, 10, "positive"),
            "theirs, 15 and 2 x 15 passes": _theirs(15, 15, "centered"),
            "ours, Euler, 100 and 10 steps": _ours(lesson(Euler())),
            "ours, fixed point": _ours(lesson(FixedPoint())),
        }
        taken = seconds_side_by_side(list(sides.values()), rounds)
    return Race(
        title="Equilibrium propagation: one batch of 256, 784-1024-10", clone=clone, unit="CPU ms a batch", scale=1e3,
        seconds=dict(zip(sides, taken, strict=True)),
        note="The ratio is to the first line.",
    )  # fmt: skip


def _ours(step: Callable[[], object]) -> Callable[[], object]:
    def done() -> object:
        with computing(arithmetic("cpu"), "cpu"):
            return step()

    return done


def _theirs(free: int, nudged: int, variant: str) -> Callable[[], object]:
    """One batch through the clone's own trainer."""
    from model.function.cost import SquaredError  # pyright: ignore[reportMissingImports]
    from model.function.network import Network  # pyright: ignore[reportMissingImports]
    from model.hopfield.minimizer import FixedPointMinimizer  # pyright: ignore[reportMissingImports]
    from model.hopfield.network import DeepHopfieldEnergy  # pyright: ignore[reportMissingImports]
    from training.epoch import Trainer  # pyright: ignore[reportMissingImports]
    from training.monitor import Optimizer  # pyright: ignore[reportMissingImports]
    from training.sgd import AugmentedFunction, EquilibriumProp  # pyright: ignore[reportMissingImports]

    rng = torch.Generator().manual_seed(0)
    x = torch.rand(256, 1, 28, 28, generator=rng) * (torch.rand(256, 1, 28, 28, generator=rng) < 0.19)
    batch = [(x, torch.randint(10, (256,), generator=rng))]
    energy = DeepHopfieldEnergy([(1, 28, 28), (1024,), (10,)], [0.7, 0.7])
    energy.set_device("cpu")
    cost, network = SquaredError(energy.layers()[-1]), Network(energy)
    augmented = AugmentedFunction(energy, cost)
    settle = FixedPointMinimizer(augmented, network.free_layers(), num_iterations=nudged)
    estimator = EquilibriumProp(energy.params(), energy.layers(), augmented, cost, settle, variant=variant, nudging=0.2)
    optimiser = Optimizer(energy, cost, [0.05] * 4)
    rest = FixedPointMinimizer(energy, network.free_layers(), num_iterations=free)
    return Trainer(network, cost, energy.params(), batch, estimator, optimiser, rest).run
