"""Event-driven spiking sleep on the CPU: only neurons that fired cost anything.

The same mathematics as `oneiros.equations.spiking.dense_sleep`, compiled. Weights are held presynaptic-major,
so that one spike adds one contiguous row to the membranes above. An additive update of a whole row
(every synapse onto a spiking neuron) is split into a scalar offset per postsynaptic neuron plus corrections
where the presynaptic neuron was active: w[post, :] -= dec becomes offset[post] += dec, then += inc + dec
on active presynaptic rows. A step then costs (active pre) x (post) additions instead of a dense product.
"""

from collections.abc import Sequence

import numba
import numpy as np
from numpy.typing import NDArray


@numba.njit(cache=True, nogil=True)
def _active(spikes, index):
    """Positions of the spikes, written into `index`; how many there are."""
    n = 0
    for i in range(len(spikes)):
        if spikes[i]:
            index[n] = i
            n += 1
    return n


@numba.njit(cache=True, nogil=True)
def _gather(w, rows, total):
    """Sum of the given rows of `w`, into `total`; four at a time, so that `total` is passed over less often."""
    n_post = w.shape[1]
    total[:n_post] = 0
    fours = len(rows) // 4 * 4
    for k in range(0, fours, 4):
        a, b, c, d = w[rows[k]], w[rows[k + 1]], w[rows[k + 2]], w[rows[k + 3]]
        for j in range(n_post):
            total[j] += (a[j] + b[j]) + (c[j] + d[j])
    for k in range(fours, len(rows)):
        a = w[rows[k]]
        for j in range(n_post):
            total[j] += a[j]


@numba.njit(cache=True, nogil=True)
def _sleep(flat, sizes, input_spikes, gains, feedback, leak, inc, dec, weight_dependent):  # noqa: PLR0913
    layers = len(sizes) - 1
    widest = sizes.max()
    dtype = flat.dtype
    threshold = dtype.type(1)
    starts = np.zeros(layers + 1, np.int64)
    for l in range(layers):
        starts[l + 1] = starts[l] + sizes[l] * sizes[l + 1]
    v = np.zeros((layers, widest), dtype)
    offset = np.zeros((layers, widest), dtype)
    counts = np.zeros((layers, widest), np.int64)
    current = np.zeros(widest, dtype)
    # active[l, :n_active[l]]: who fired in layer l (0 = input) at the step before; *_now: at this step
    active = np.zeros((layers + 1, widest), np.int64)
    n_active = np.zeros(layers + 1, np.int64)
    active_now = np.zeros((layers + 1, widest), np.int64)
    n_now = np.zeros(layers + 1, np.int64)
    for t in range(len(input_spikes)):
        n_now[0] = _active(input_spikes[t], active_now[0])
        for l in range(layers - 1, -1, -1):
            n_pre, n_post = sizes[l], sizes[l + 1]
            w = flat[starts[l] : starts[l + 1]].reshape((n_pre, n_post))
            now = v[l, :n_post]
            _gather(w, active[l, : n_active[l]], current)
            heard = dtype.type(n_active[l])
            for j in range(n_post):
                now[j] = leak * now[j] + gains[l] * (current[j] - heard * offset[l, j])
            if len(feedback) > 0 and l + 1 < layers:
                above = flat[starts[l + 1] : starts[l + 2]].reshape((n_post, sizes[l + 2]))
                for k in range(n_active[l + 2]):
                    i = active[l + 2, k]
                    for j in range(n_post):
                        now[j] += feedback[l] * (above[j, i] - offset[l + 1, i])
            n = 0
            for j in range(n_post):
                if now[j] > threshold:
                    now[j] = 0
                    counts[l, j] += 1
                    active_now[l + 1, n] = j
                    n += 1
            n_now[l + 1] = n
            if weight_dependent:
                for k in range(n):
                    j = active_now[l + 1, k]
                    a = 0
                    for i in range(n_pre):
                        fired = a < n_active[l] and active[l, a] == i
                        a += fired
                        factor = dtype.type(2 / (1 + np.exp(w[i, j] / 0.001)))
                        w[i, j] += (inc[l] if fired else -dec[l]) * factor
            else:
                for k in range(n):
                    offset[l, active_now[l + 1, k]] += dec[l]
                both = inc[l] + dec[l]
                for a in range(n_active[l]):
                    row = w[active[l, a]]
                    for k in range(n):
                        row[active_now[l + 1, k]] += both
        for l in range(layers + 1):
            n_active[l] = n_now[l]
            for k in range(n_now[l]):
                active[l, k] = active_now[l, k]
    for l in range(layers):
        w = flat[starts[l] : starts[l + 1]].reshape((sizes[l], sizes[l + 1]))
        w -= offset[l, : sizes[l + 1]]
    return counts


def event_driven_sleep(
    weights: Sequence[NDArray],
    input_spikes: NDArray,
    *,
    gains: Sequence[float],
    feedback: Sequence[float],
    leak: float,
    inc: Sequence[float],
    dec: Sequence[float],
    weight_dependent: bool,
) -> tuple[list[NDArray], list[NDArray]]:
    """`dense_sleep` for arrays on the CPU; see there for arguments and returns.

    Args:
        weights: (post x pre) per layer, all float32 or all float64; not changed.
        input_spikes: (time x input), bool.

    Returns:
        new weights (post x pre, as transposed views of one buffer) and spike counts per layer.
    """
    dtype = weights[0].dtype
    sizes = np.array([weights[0].shape[1], *(len(w) for w in weights)])
    edges = np.cumsum([0, *(w.size for w in weights)])
    flat = np.empty(edges[-1], dtype)
    by_pre = [flat[a:b].reshape(w.T.shape) for w, a, b in zip(weights, edges, edges[1:], strict=False)]
    for w, own in zip(weights, by_pre, strict=True):
        own[:] = w.T
    g, f, i, d = (np.array(a, dtype) for a in (gains, feedback, inc, dec))
    counts = _sleep(flat, sizes, input_spikes, g, f, dtype.type(leak), i, d, weight_dependent)
    return [own.T for own in by_pre], [counts[k, : len(w)] for k, w in enumerate(weights)]
