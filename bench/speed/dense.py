"""Spiking sleep by a compiled dense loop: what the event-driven kernel is held against.

The same rule as `oneiros.equations.spiking.dense_sleep`, written as one would who wants a dense step to be fast:
matrix times vector by BLAS, everything in place, plasticity only on the rows of neurons that fired.
"""

from collections.abc import Sequence
from typing import no_type_check

import numba
import numpy as np
from numpy.typing import NDArray


@numba.njit(cache=True)
@no_type_check
def _night(hidden, output, spikes, gains, feedback, leak, inc, dec):  # noqa: PLR0913
    dtype = hidden.dtype
    one, zero = dtype.type(1), dtype.type(0)
    v = np.zeros(len(hidden), dtype), np.zeros(len(output), dtype)
    before, heard = np.zeros(hidden.shape[1], dtype), np.zeros(hidden.shape[1], dtype)
    low, high = np.zeros(len(hidden), dtype), np.zeros(len(output), dtype)
    fired = np.zeros((2, len(hidden)), np.int64)
    for t in range(len(spikes)):
        for i in range(len(before)):
            heard[i], before[i] = before[i], one if spikes[t, i] else zero
        top = leak * v[1] + gains[1] * np.dot(output, low)
        new_high = np.where(top > one, one, zero)
        v[1][:] = np.where(top > one, zero, top)
        _rewire(output, new_high, low, inc[1], dec[1])
        middle = leak * v[0] + gains[0] * np.dot(hidden, heard) + feedback * np.dot(high, output)
        new_low = np.where(middle > one, one, zero)
        v[0][:] = np.where(middle > one, zero, middle)
        _rewire(hidden, new_low, heard, inc[0], dec[0])
        low, high = new_low, new_high
        for j in range(len(low)):
            fired[0, j] += low[j] > zero
        for j in range(len(high)):
            fired[1, j] += high[j] > zero
    return fired


@numba.njit(cache=True)
@no_type_check
def _rewire(w, post, pre, inc, dec):
    """Additive rule: of every neuron that fired, all synapses."""
    change = pre * (inc + dec) - dec
    for j in range(len(post)):
        if post[j] > 0:
            w[j] += change


def dense_night(  # noqa: PLR0913
    weights: Sequence[NDArray],
    spikes: NDArray,
    *,
    gains: Sequence[float],
    feedback: float,
    leak: float,
    inc: Sequence[float],
    dec: Sequence[float],
) -> tuple[list[NDArray], list[NDArray]]:
    """New weights `[post, pre]` of two layers, and how often their neurons fired; `weights` are not changed."""
    hidden, output = (np.array(w, order="C") for w in weights)
    number = hidden.dtype.type
    g, i, d = (np.array(each, hidden.dtype) for each in (gains, inc, dec))
    fired = _night(hidden, output, spikes, g, number(feedback), number(leak), i, d)
    return [hidden, output], [fired[0], fired[1, : len(output)]]
