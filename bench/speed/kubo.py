"""`oneiros bench ep sleep`: the two inner loops of Kubo et al. 2025, each beside the plain way of doing it."""

import statistics
from collections.abc import Callable, Iterator

import torch

from bench.speed.dense import dense_night
from bench.speed.timing import Measurement, median_ratio, seconds_side_by_side
from oneiros.core import Batch, Brain, Seeds
from oneiros.equations.compiled.spiking import event_driven_sleep
from oneiros.equations.spiking import Membranes, Plasticity
from oneiros.nets.equilibrium import EquilibriumRNN, Euler, FixedPoint, Relaxation
from oneiros.phases.wake.equilibrium_wake import EquilibriumWake


def lesson(relaxation: Relaxation) -> Callable[[], object]:
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
    fast, slow = seconds_side_by_side([lesson(FixedPoint()), lesson(Euler())])
    against = "our exact Euler batch (100 + 10 steps)"
    yield Measurement(
        bench="ep", metric="ep.fixed_point_over_euler", value=median_ratio(fast, slow), unit="ratio", against=against
    )
    yield Measurement(bench="ep", metric="ep.fixed_point_batch", value=1e3 * statistics.median(fast), unit="CPU ms")
    yield Measurement(bench="ep", metric="ep.euler_batch", value=1e3 * statistics.median(slow), unit="CPU ms")


def bench_sleep() -> Iterator[Measurement]:
    """The sleep step: a compiled dense loop against the event-driven kernel, same weights, same spikes in."""
    with Seeds(0).building("init"):
        net = EquilibriumRNN((784, 1024, 10))
    weights = [net.hidden.weight.detach(), net.output.weight.detach()]
    steps, rng = 400, Seeds(0).rng("spikes")  # about a first night's length
    spikes = torch.rand(steps, 784, generator=rng) < 0.06
    membranes, plasticity = Membranes((5.0, 60.0), (6.0,)), Plasticity((1e-6, 1e-7), (1e-5, 1e-5))
    arrays, noise = [w.numpy() for w in weights], spikes.numpy()

    def dense() -> object:
        return dense_night(
            arrays, noise, gains=(5.0, 60.0), feedback=6.0, leak=1.0, inc=plasticity.inc[:2], dec=plasticity.dec[:2]
        )

    def event() -> object:
        return event_driven_sleep(
            arrays, noise, gains=membranes.gains, feedback=membranes.feedback, leak=1.0,
            inc=plasticity.inc, dec=plasticity.dec, weight_dependent=False,
        )  # fmt: skip

    slow, fast = seconds_side_by_side([dense, event])
    against = "the event-driven kernel, its set-up included"
    yield Measurement(
        bench="sleep", metric="sleep.dense_over_event", value=median_ratio(slow, fast), unit="ratio", against=against
    )
    yield Measurement(
        bench="sleep", metric="sleep.dense_step", value=1e6 * statistics.median(slow) / steps, unit="CPU us"
    )
    yield Measurement(
        bench="sleep", metric="sleep.event_step", value=1e6 * statistics.median(fast) / steps, unit="CPU us"
    )
