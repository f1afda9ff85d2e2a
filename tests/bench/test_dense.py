"""The dense loop of `bench speed sleep` does what the equation says: a yardstick that is wrong measures nothing."""

import numpy as np
import torch

from bench.speed.dense import dense_night
from oneiros.equations.spiking import Membranes, Plasticity, dense_sleep


def test_a_night_by_the_dense_loop_is_that_of_the_equation():
    rng = torch.Generator().manual_seed(0)
    weights = [torch.randn(7, 9, generator=rng, dtype=torch.float64), torch.randn(3, 7, generator=rng).double()]
    spikes = torch.rand(60, 9, generator=rng) < 0.3
    inc, dec = (1e-3, 2e-3), (3e-3, 1e-3)
    wanted, counts = dense_sleep(
        weights, spikes, Membranes((0.5, 0.8), (0.4,), 0.95), Plasticity(inc, dec)
    )  # gains, feedback, leak
    found, fired = dense_night(
        [w.numpy() for w in weights], spikes.numpy(), gains=(0.5, 0.8), feedback=0.4, leak=0.95, inc=inc, dec=dec
    )
    for mine, theirs in zip(found, wanted, strict=True):
        np.testing.assert_allclose(mine, theirs.numpy(), rtol=1e-10)
    for mine, theirs in zip(fired, counts, strict=True):
        np.testing.assert_array_equal(mine, theirs.numpy())
        assert mine.sum() > 10
