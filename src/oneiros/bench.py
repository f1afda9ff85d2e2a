"""`oneiros bench`: speed as ratios, both sides interleaved in one run, so that a noisy machine slows both.

Each benchmark answers with measurements; the ratio is the number to quote, milliseconds are for orientation.
"""

import statistics
from collections.abc import Callable, Iterator

import torch

from oneiros.benches.dgr import bench_dgr
from oneiros.benches.pad import bench_pad
from oneiros.benches.timing import Measurement as Measurement
from oneiros.benches.timing import median_ratio, seconds_side_by_side
from oneiros.benches.tuning import bench_tuning
from oneiros.core import Batch, Brain, Seeds
from oneiros.equations.spiking import Membranes, Plasticity, dense_sleep
from oneiros.kernels.spiking import event_driven_sleep
from oneiros.nets.equilibrium import EquilibriumRNN, Euler, FixedPoint, Relaxation
from oneiros.phases.equilibrium_wake import EquilibriumWake


def _lesson(relaxation: Relaxation) -> Callable[[], object]:
    """One EP batch of the paper's size (256 inputs, 784-1024-10) on inputs with MNIST's mean and sparseness."""
    with Seeds(0).building("init"):
        net = EquilibriumRNN((784, 1024, 10), relaxation=relaxation)
    groups = [{"params": net.hidden.parameters(), "lr": 0.03}, {"params": net.output.parameters(), "lr": 0.001}]
    brain = Brain(net=net, optim={"wake": torch.optim.SGD(groups)})
    rng = Seeds(0).rng("inputs")
    bright = torch.rand(256, 784, generator=rng) < 0.19
    x = torch.rand(256, 784, generator=rng) * bright
    batch = Batch(x=x, y=torch.randint(10, (256,), generator=rng))
    wake = EquilibriumWake()
    return lambda: wake(brain, batch, rng)


def bench_ep() -> Iterator[Measurement]:
    """The EP batch: fixed-point free phase against the paper's 100 Euler steps, both compiled."""
    fast, slow = seconds_side_by_side([_lesson(FixedPoint()), _lesson(Euler())])
    against = "our exact Euler batch (100 + 10 steps)"
    yield Measurement(
        bench="ep", metric="ep.fixed_point_over_euler", value=median_ratio(fast, slow), unit="ratio", against=against
    )
    yield Measurement(bench="ep", metric="ep.fixed_point_batch", value=1e3 * statistics.median(fast), unit="ms")
    yield Measurement(bench="ep", metric="ep.euler_batch", value=1e3 * statistics.median(slow), unit="ms")


def bench_sleep() -> Iterator[Measurement]:
    """The sleep step: dense tensors against the event-driven kernel, same weights, same spikes in."""
    with Seeds(0).building("init"):
        net = EquilibriumRNN((784, 1024, 10))
    weights = [net.hidden.weight.detach(), net.output.weight.detach()]
    steps, rng = 400, Seeds(0).rng("spikes")  # about a first night's length
    spikes = torch.rand(steps, 784, generator=rng) < 0.06
    membranes, plasticity = Membranes((5.0, 60.0), (6.0,)), Plasticity((1e-6, 1e-7), (1e-5, 1e-5))
    arrays, noise = [w.numpy() for w in weights], spikes.numpy()

    def event() -> object:
        return event_driven_sleep(
            arrays, noise, gains=membranes.gains, feedback=membranes.feedback, leak=1.0,
            inc=plasticity.inc, dec=plasticity.dec, weight_dependent=False,
        )  # fmt: skip

    dense, fast = seconds_side_by_side([lambda: dense_sleep(weights, spikes, membranes, plasticity), event])
    against = "the event-driven kernel, its set-up included"
    yield Measurement(
        bench="sleep", metric="sleep.dense_over_event", value=median_ratio(dense, fast), unit="ratio", against=against
    )
    yield Measurement(bench="sleep", metric="sleep.dense_step", value=1e6 * statistics.median(dense) / steps, unit="us")
    yield Measurement(bench="sleep", metric="sleep.event_step", value=1e6 * statistics.median(fast) / steps, unit="us")


def bench_gaussian() -> Iterator[Measurement]:
    """Drawing a class's activations: see `oneiros.bench_gaussian`."""
    from oneiros.bench_gaussian import bench_gaussian as measured  # it imports this module

    yield from measured()


def bench_replay() -> Iterator[Measurement]:
    """What a night of category replay costs: see `oneiros.bench_replay`."""
    from oneiros.bench_replay import bench_replay as measured  # it imports this module

    yield from measured()


BENCHES: dict[str, Callable[[], Iterator[Measurement]]] = {
    "ep": bench_ep,
    "sleep": bench_sleep,
    "pad": bench_pad,
    "dgr": bench_dgr,
    "gaussian": bench_gaussian,
    "replay": bench_replay,
    "tune": bench_tuning,
}
