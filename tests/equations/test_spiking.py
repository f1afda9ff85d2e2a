"""Sleep against a trace worked out on paper, limit cases, and the compiled kernel against the dense reference."""

import numpy as np
import pytest
import torch

from oneiros.equations.compiled.spiking import event_driven_sleep
from oneiros.equations.spiking import (
    Membranes,
    Plasticity,
    additive_stdp,
    data_scales,
    dense_sleep,
    weight_dependent_stdp,
)


def event_driven(weights, spikes, membranes, plasticity, *, weight_dependent):
    new, counts = event_driven_sleep(
        [w.numpy() for w in weights],
        spikes.numpy(),
        gains=membranes.gains,
        feedback=membranes.feedback,
        leak=membranes.leak,
        loops=membranes.loops,
        inc=plasticity.inc,
        dec=plasticity.dec,
        weight_dependent=weight_dependent,
    )
    return [torch.from_numpy(w) for w in new], [torch.from_numpy(c) for c in counts]


# Two inputs -> one neuron. Both inputs' spikes (columns) at five steps:
#   step            1      2      3      4      5
#   input spikes  (1,0)  (1,0)  (1,1)  (0,1)  (0,0)      W = (0.75, 0.5), gain 1, inc 1/4, dec 1/8
#   heard (t-1)   (0,0)  (1,0)  (1,0)  (1,1)  (0,1)
#   v before       0      .75    1.5    1.375  .625
#   spike          no     no     yes    yes    no
#   v after        0      .75    0      0      .625
#   W after        .75,.5 .75,.5 1,.375 1.25,.625  1.25,.625
# step 3: v = .75 + .75 = 1.5 -> spike; heard input 1 only: W1 += 1/4, W2 -= 1/8
# step 4: v = 0 + (1 + .375) = 1.375 -> spike; heard both: W1 += 1/4, W2 += 1/4
# step 5: v = 0 + .625
TRACE_W = torch.tensor([[0.75, 0.5]])
TRACE_SPIKES = torch.tensor([[1, 0], [1, 0], [1, 1], [0, 1], [0, 0]], dtype=torch.bool)
TRACE_AFTER = {3: (1.0, 0.375), 4: (1.25, 0.625), 5: (1.25, 0.625), 2: (0.75, 0.5), 1: (0.75, 0.5)}
TRACE_COUNT = {1: 0, 2: 0, 3: 1, 4: 2, 5: 2}


@pytest.mark.parametrize("steps", [1, 2, 3, 4, 5])
@pytest.mark.parametrize("engine", ["dense", "event"])
def test_five_steps_by_hand(steps, engine):
    membranes, plasticity = Membranes(gains=(1.0,)), Plasticity((0.25,), (0.125,))
    spikes = TRACE_SPIKES[:steps]
    if engine == "dense":
        (w,), (count,) = dense_sleep([TRACE_W], spikes, membranes, plasticity)
    else:
        (w,), (count,) = event_driven([TRACE_W], spikes, membranes, plasticity, weight_dependent=False)
    assert tuple(w[0].tolist()) == TRACE_AFTER[steps]
    assert count.item() == TRACE_COUNT[steps]


@pytest.mark.parametrize("engine", ["dense", "event"])
def test_feedback_reaches_the_hidden_layer_one_step_later_through_updated_weights(engine):
    """Input -> hidden -> output, one neuron each, all by hand.

    W1 = 2, W2 = 2, gains 1, feedback gain 1/2; inc 1/2 and dec 0 at the output, none at the hidden layer.
    Input spikes at step 1 only.
      step 2: hidden hears the input: v = 2 -> spikes.
      step 3: output hears hidden: v = 2 -> spikes, W2 = 2.5; the hidden layer hears nothing: v = 0.
      step 4: hidden hears the output through the updated W2: v = .5 * 2.5 = 1.25 -> spikes.
      step 5: output hears hidden: v = 2.5 -> spikes, W2 = 3; step 6: hidden v = 1.5 -> spikes. And so on.
    """
    w = [torch.tensor([[2.0]]), torch.tensor([[2.0]])]
    spikes = torch.zeros(6, 1, dtype=torch.bool)
    spikes[0] = True
    membranes, plasticity = Membranes((1.0, 1.0), (0.5,)), Plasticity((0.0, 0.5), (0.0, 0.0))
    if engine == "dense":
        new, counts = dense_sleep(w, spikes, membranes, plasticity)
    else:
        new, counts = event_driven(w, spikes, membranes, plasticity, weight_dependent=False)
    assert new[0].item() == 2.0
    assert new[1].item() == 3.0
    assert [c.item() for c in counts] == [3, 2]


@pytest.mark.parametrize("engine", ["dense", "event"])
def test_a_layer_that_hears_itself_one_step_later_rewires_its_loop(engine):
    """Two hidden neurons that excite each other and one silent output; input to neuron 1 at step 1 only, by hand.

    W1 = (2, 0)', U = [[0, 2], [2, 0]], gains 1, loop gain 1; STDP of the loop only: inc 1/2, dec 1/4.
      step 2: neuron 1 hears the input: v = (2, 0) -> 1 spikes; it heard no neuron: its row of U loses 1/4.
              U = [[-1/4, 7/4], [2, 0]]
      step 3: both hear neuron 1: v = (-1/4, 2) -> 2 spikes; row 2: from 1 gains 1/2, from 2 loses 1/4.
              U = [[-1/4, 7/4], [5/2, -1/4]]
      step 4: both hear neuron 2: v = (-1/4 + 7/4, 0 - 1/4) = (3/2, -1/4) -> 1 spikes; row 1: -1/4 and +1/2.
              U = [[-1/2, 9/4], [5/2, -1/4]]
    """
    w = [torch.tensor([[2.0], [0.0]]), torch.zeros(1, 2), torch.tensor([[0.0, 2.0], [2.0, 0.0]])]
    spikes = torch.zeros(4, 1, dtype=torch.bool)
    spikes[0] = True
    membranes = Membranes((1.0, 1.0), loops=(1.0,))
    plasticity = Plasticity((0.0, 0.0, 0.5), (0.0, 0.0, 0.25))
    if engine == "dense":
        new, counts = dense_sleep(w, spikes, membranes, plasticity)
    else:
        new, counts = event_driven(w, spikes, membranes, plasticity, weight_dependent=False)
    assert new[2].tolist() == [[-0.5, 2.25], [2.5, -0.25]]
    assert [c.tolist() for c in counts] == [[2, 1], [0]]
    assert torch.equal(new[0], w[0])


def dyadic(rng, *shape):
    """Multiples of 1/64 in [-2, 2): sums of a few thousand are exact in float32, in any order."""
    return torch.randint(-128, 128, shape, generator=rng).float() / 64


@pytest.mark.parametrize("feedback", [(), (0.25, 0.5)])
@pytest.mark.parametrize("loops", [(), (0.25, 0.125)])
@pytest.mark.parametrize("seed", range(3))
def test_event_driven_equals_dense_bit_for_bit_where_arithmetic_is_exact(feedback, loops, seed):
    rng = torch.Generator().manual_seed(seed)
    weights = [dyadic(rng, 30, 20), dyadic(rng, 25, 30), dyadic(rng, 6, 25)]
    weights += [dyadic(rng, 30, 30), dyadic(rng, 25, 25)] if loops else []
    spikes = torch.rand(80, 20, generator=rng) < 0.15
    membranes = Membranes((0.5, 0.5, 0.5), feedback, loops=loops)
    inc, dec = (1 / 64, 1 / 128, 1 / 64, 1 / 64, 1 / 128), (1 / 128, 1 / 256, 1 / 128, 1 / 128, 1 / 256)
    plasticity = Plasticity(inc[: len(weights)], dec[: len(weights)])
    dense, dense_counts = dense_sleep(weights, spikes, membranes, plasticity)
    event, event_counts = event_driven(weights, spikes, membranes, plasticity, weight_dependent=False)
    for a, b in zip(dense, event, strict=True):
        assert torch.equal(a, b)
    for a, b in zip(dense_counts, event_counts, strict=True):
        assert torch.equal(a.long(), b)
    assert all(c.sum() > 10 for c in event_counts), "a silent layer would prove nothing"


@pytest.mark.parametrize("weight_dependent", [False, True])
@pytest.mark.parametrize("leak", [1.0, 0.9])
def test_event_driven_equals_dense_on_real_weights_in_float64(weight_dependent, leak):
    rng = torch.Generator().manual_seed(5)
    weights = [torch.randn(40, 30, generator=rng).double() / 5, torch.randn(10, 40, generator=rng).double() / 5]
    spikes = torch.rand(300, 30, generator=rng) < 0.1
    membranes, plasticity = Membranes((1.0, 1.5), (0.7,), leak), Plasticity((2e-4, 1e-4), (1e-3, 5e-4))
    rule = weight_dependent_stdp if weight_dependent else additive_stdp
    dense, dense_counts = dense_sleep(weights, spikes, membranes, plasticity, rule)
    event, event_counts = event_driven(weights, spikes, membranes, plasticity, weight_dependent=weight_dependent)
    for a, b, w in zip(dense, event, weights, strict=True):
        torch.testing.assert_close(a, b, rtol=0, atol=1e-12)
        assert not torch.equal(a, w)
    for a, b in zip(dense_counts, event_counts, strict=True):
        assert torch.equal(a.long(), b)
        assert b.sum() > 30


def test_no_input_leaves_weights_bit_equal():
    weights = [torch.randn(4, 3, generator=torch.Generator().manual_seed(0))]
    (w,), (count,) = event_driven(
        weights,
        torch.zeros(50, 3, dtype=torch.bool),
        Membranes((1.0,)),
        Plasticity((0.1,), (0.1,)),
        weight_dependent=False,
    )
    assert torch.equal(w, weights[0])
    assert count.sum() == 0


def test_weight_dependence_freezes_positive_synapses_and_doubles_negative_ones():
    w = torch.tensor([[0.5, -0.5]])
    post, pre = torch.tensor([True]), torch.tensor([False, False])
    change = weight_dependent_stdp(w, post, pre, inc=0.1, dec=0.01) - w
    np.testing.assert_allclose(change[0], [0.0, -0.02], atol=1e-7)


def published_sleep(weights, spikes, *, gains, leak, inc, dec):
    """Tadros et al.'s order: within a step layers are swept from the input up, each hears this step's spikes."""
    weights = [w.numpy().copy() for w in weights]
    v = [np.zeros(len(w)) for w in weights]
    for heard in spikes.numpy():
        pre = heard
        for l, w in enumerate(weights):
            v[l] = leak * v[l] + gains[l] * (w @ pre)
            fired = v[l] >= 1
            w[fired] += np.where(pre, inc, -dec) * 2 * (1 - 1 / (1 + np.exp(-w[fired] / 0.001)))
            v[l][fired] = 0
            pre = fired
    return [torch.from_numpy(w) for w in weights]


@pytest.mark.parametrize("engine", ["dense", "event"])
def test_the_published_sweep_from_the_input_up_is_ours_a_step_later_per_layer(engine):
    """Without feedback a layer does at step t + l what it does at step t in the published order."""
    rng = torch.Generator().manual_seed(2)
    weights = [(torch.rand(b, a, generator=rng).double() - 0.4) / 20 for a, b in ((30, 40), (40, 20), (20, 5))]
    spikes = torch.rand(200, 30, generator=rng) < 0.2
    membranes, plasticity = Membranes((5.0, 6.0, 7.0), leak=0.999), Plasticity((0.002,) * 3, (0.0005,) * 3)
    later = torch.cat([spikes, torch.zeros(3, 30, dtype=torch.bool)])
    if engine == "dense":
        ours, counts = dense_sleep(weights, later, membranes, plasticity, weight_dependent_stdp)
    else:
        ours, counts = event_driven(weights, later, membranes, plasticity, weight_dependent=True)
    theirs = published_sleep(weights, spikes, gains=(5.0, 6.0, 7.0), leak=0.999, inc=0.002, dec=0.0005)
    for a, b, w in zip(ours, theirs, weights, strict=True):
        torch.testing.assert_close(a, b, rtol=0, atol=1e-12)
        assert (a - w).abs().max() > 1e-3
    assert all(c.sum() > 10 for c in counts)


@pytest.mark.parametrize("largest", [(2.0, 4.0, 5.0), (0.3, 1.7, 0.9, 2.5)])
def test_scales_from_data_are_the_published_loop(largest):
    """applied = s / previous; factor = 1 / applied; previous = applied; from previous = 1."""
    previous, factors = 1.0, []
    for s in largest:
        applied = s / previous
        factors.append(1 / applied)
        previous = applied
    assert data_scales(largest) == pytest.approx(factors)
