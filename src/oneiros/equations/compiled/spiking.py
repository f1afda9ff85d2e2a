"""Event-driven spiking sleep on the CPU: only neurons that fired cost anything.

The same mathematics as `oneiros.equations.spiking.dense_sleep`, compiled. Weights are held presynaptic-major,
so that one spike adds one contiguous row to the membranes above. An additive update of a whole row
(every synapse onto a spiking neuron) is split into a scalar offset per postsynaptic neuron plus corrections
where the presynaptic neuron was active: w[post, :] -= dec becomes offset[post] += dec, then += inc + dec
on active presynaptic rows. A step then costs (active pre) x (post) additions instead of a dense product.
"""

from collections.abc import Sequence
from typing import no_type_check

import numpy as np
from numpy.typing import NDArray

from oneiros.equations.compiled.just_in_time import njit


@njit(cache=True, nogil=True)
@no_type_check
def _active(spikes, index):
    """Positions of the spikes, written into `index`; how many there are."""
    n = 0
    for i in range(len(spikes)):
        if spikes[i]:
            index[n] = i
            n += 1
    return n


@njit(cache=True, nogil=True)
@no_type_check
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


@njit(cache=True, nogil=True)
@no_type_check
def _fire(v, counts, fired):
    """Reset membranes above threshold 1 and list who they are in `fired`; how many there are."""
    threshold = v.dtype.type(1)
    n = 0
    for j in range(len(v)):
        if v[j] > threshold:
            v[j] = 0
            counts[j] += 1
            fired[n] = j
            n += 1
    return n


@njit(cache=True, nogil=True)
@no_type_check
def _additive(w, offset, pre, post, inc, dec):
    """Additive rule: the offset takes `dec` off whole rows, synapses from active neurons get it back and `inc`."""
    for j in post:
        offset[j] += dec
    both = inc + dec
    for i in pre:
        row = w[i]
        for j in post:
            row[j] += both


@njit(cache=True, nogil=True)
@no_type_check
def _weight_dependent(w, pre, post, inc, dec):
    """The additive change times 2 sigmoid(-w / .001), synapse by synapse."""
    for j in post:
        a = 0
        for i in range(len(w)):
            fired = a < len(pre) and pre[a] == i
            a += fired
            factor = w.dtype.type(2 / (1 + np.exp(w[i, j] / 0.001)))
            w[i, j] += (inc if fired else -dec) * factor


@njit(cache=True, nogil=True)
@no_type_check
def _rewire(w, offset, pre, post, inc, dec, weight_dependent):  # noqa: PLR0913
    if weight_dependent:
        _weight_dependent(w, pre, post, inc, dec)
    else:
        _additive(w, offset, pre, post, inc, dec)


@njit(cache=True, nogil=True)
@no_type_check
def _sleep(flat, sizes, input_spikes, gains, feedback, leak, loops, inc, dec, weight_dependent):  # noqa: PLR0913, C901
    layers, widest, dtype = len(sizes) - 1, sizes.max(), flat.dtype
    starts = np.zeros(layers + len(loops) + 1, np.int64)
    for l in range(layers):
        starts[l + 1] = starts[l] + sizes[l] * sizes[l + 1]
    for l in range(len(loops)):
        starts[layers + l + 1] = starts[layers + l] + sizes[l + 1] * sizes[l + 1]
    v, offset = np.zeros((layers, widest), dtype), np.zeros((layers + len(loops), widest), dtype)
    counts, current = np.zeros((layers, widest), np.int64), np.zeros(widest, dtype)
    # active[l, :n_active[l]]: who fired in layer l (0 = input) at the step before; *_now: at this step
    active, active_now = np.zeros((layers + 1, widest), np.int64), np.zeros((layers + 1, widest), np.int64)
    n_active, n_now = np.zeros(layers + 1, np.int64), np.zeros(layers + 1, np.int64)
    for t in range(len(input_spikes)):
        n_now[0] = _active(input_spikes[t], active_now[0])
        for l in range(layers - 1, -1, -1):
            n_post = sizes[l + 1]
            w = flat[starts[l] : starts[l + 1]].reshape((sizes[l], n_post))
            now, pre = v[l, :n_post], active[l, : n_active[l]]
            _gather(w, pre, current)
            heard = dtype.type(len(pre))
            for j in range(n_post):
                now[j] = leak * now[j] + gains[l] * (current[j] - heard * offset[l, j])
            if len(feedback) > 0 and l + 1 < layers:
                above = flat[starts[l + 1] : starts[l + 2]].reshape((n_post, sizes[l + 2]))
                for i in active[l + 2, : n_active[l + 2]]:
                    for j in range(n_post):
                        now[j] += feedback[l] * (above[j, i] - offset[l + 1, i])
            if l < len(loops):
                own, k = active[l + 1, : n_active[l + 1]], layers + l
                u = flat[starts[k] : starts[k + 1]].reshape((n_post, n_post))
                _gather(u, own, current)
                itself = dtype.type(len(own))
                for j in range(n_post):
                    now[j] += loops[l] * (current[j] - itself * offset[k, j])
            n_now[l + 1] = _fire(now, counts[l], active_now[l + 1])
            post = active_now[l + 1, : n_now[l + 1]]
            _rewire(w, offset[l], pre, post, inc[l], dec[l], weight_dependent)
            if l < len(loops):
                _rewire(u, offset[k], own, post, inc[k], dec[k], weight_dependent)
        active, active_now = active_now, active
        n_active[:] = n_now
    for l in range(layers):
        w = flat[starts[l] : starts[l + 1]].reshape((sizes[l], sizes[l + 1]))
        w -= offset[l, : sizes[l + 1]]
    for l in range(len(loops)):
        k = layers + l
        u = flat[starts[k] : starts[k + 1]].reshape((sizes[l + 1], sizes[l + 1]))
        u -= offset[k, : sizes[l + 1]]
    return counts


def event_driven_sleep(  # noqa: PLR0913
    weights: Sequence[NDArray],
    input_spikes: NDArray,
    *,
    gains: Sequence[float],
    feedback: Sequence[float],
    leak: float,
    loops: Sequence[float] = (),
    inc: Sequence[float],
    dec: Sequence[float],
    weight_dependent: bool,
) -> tuple[list[NDArray], list[NDArray]]:
    """`oneiros.equations.spiking.dense_sleep` for arrays on the CPU.

    `weights` are (post x pre) per layer and then per loop, all float32 or all float64, and not changed;
    `input_spikes` is (time x input), bool; the rest are the fields of `Membranes` and `Plasticity`.

    Returns:
        new weights (post x pre, as transposed views of one buffer) and spike counts per layer.
    """
    dtype = weights[0].dtype
    chain = weights[: len(weights) - len(loops)]
    sizes = np.array([weights[0].shape[1], *(len(w) for w in chain)])
    edges = np.cumsum([0, *(w.size for w in weights)])
    flat = np.empty(edges[-1], dtype)
    by_pre = [flat[a:b].reshape(w.T.shape) for w, a, b in zip(weights, edges, edges[1:], strict=False)]
    for w, own in zip(weights, by_pre, strict=True):
        own[:] = w.T
    g, f, u, i, d = (np.array(a, dtype) for a in (gains, feedback, loops, inc, dec))
    counts = _sleep(flat, sizes, input_spikes, g, f, dtype.type(leak), u, i, d, weight_dependent)
    return [own.T for own in by_pre], [counts[k, : len(w)] for k, w in enumerate(chain)]
