r"""Spiking sleep: membranes and spike-timing-dependent plasticity, as pure functions on plain tensors.

Source: Kubo, Delanois & Bazhenov 2025, Algorithm 1, extending Tadros et al. 2022. These dense functions
are the reference; `oneiros.equations.compiled.spiking` computes the same thing event by event, and is tested equal.
Layers are ordered from input to output: `weights[0]` is (first hidden x input). A hidden layer may also hear itself
through a square matrix, a loop; loops stand behind the layers in every list, in the order of the hidden layers.
Leading dimensions are accepted everywhere: several networks at once.
"""

from collections.abc import Iterator, Sequence
from typing import NamedTuple

import torch
from jaxtyping import Bool, Float, Int64
from torch import Tensor


class Plasticity(NamedTuple):
    """Step sizes of one plasticity rule, of each layer and then of each loop: potentiation `inc`, depression `dec`."""

    inc: tuple[float, ...]
    dec: tuple[float, ...]


class Membranes(NamedTuple):
    """Per-layer constants of the membranes; every threshold is 1, since only gain / threshold matters.

    Attributes:
        gains: what one unit of synaptic input adds to v (scales[l] / threshold[l] in Algorithm 1).
        feedback: the same for input from the layer above; empty for none, else one per hidden layer.
        leak: v is multiplied by this before each step (Algorithm 1: 1; Tadros et al.'s code: 0.999).
        loops: the same as `gains` for a hidden layer's input from itself; empty for none, else one per hidden layer.
    """

    gains: tuple[float, ...]
    feedback: tuple[float, ...] = ()
    leak: float = 1.0
    loops: tuple[float, ...] = ()


def fire(v: Float[Tensor, "*s n"]) -> tuple[Bool[Tensor, "*s n"], Float[Tensor, "*s n"]]:
    """Spikes of membranes above threshold 1, and the membranes with those reset to 0.

    >>> fire(torch.tensor([0.5, 1.0, 1.5]))
    (tensor([False, False,  True]), tensor([0.5000, 1.0000, 0.0000]))
    """
    spikes = v > 1
    return spikes, v.masked_fill(spikes, 0)


def additive_stdp(
    w: Float[Tensor, "*s post pre"],
    post: Bool[Tensor, "*s post"],
    pre: Bool[Tensor, "*s pre"],
    *,
    inc: float,
    dec: float,
) -> Float[Tensor, "*s post pre"]:
    """Algorithm 1, line 20: synapses onto a spiking neuron gain `inc` where pre spiked, lose `dec` where not.

    >>> additive_stdp(torch.zeros(2, 2), torch.tensor([True, False]), torch.tensor([True, False]), inc=0.5, dec=0.25)
    tensor([[ 0.5000, -0.2500],
            [ 0.0000,  0.0000]])
    """
    change = torch.where(pre, w.new_tensor(inc), w.new_tensor(-dec))
    return torch.addcmul(w, post.to(w)[..., None], change[..., None, :])


def weight_dependent_stdp(
    w: Float[Tensor, "*s post pre"],
    post: Bool[Tensor, "*s post"],
    pre: Bool[Tensor, "*s pre"],
    *,
    inc: float,
    dec: float,
) -> Float[Tensor, "*s post pre"]:
    """The rule of Tadros et al.'s published code: the additive change times 2 sigmoid(-w / 0.001).

    It all but freezes positive synapses and doubles the change of negative ones. Neither paper prints the factor.

    >>> pre = torch.tensor([True, False])  # the factor is 1 at w = 0
    >>> weight_dependent_stdp(torch.zeros(1, 2), torch.tensor([True]), pre, inc=0.5, dec=0.25)
    tensor([[ 0.5000, -0.2500]])
    """
    change = torch.where(pre, w.new_tensor(inc), w.new_tensor(-dec))[..., None, :] * (2 * torch.sigmoid(-w / 0.001))
    return w + post[..., None].to(w) * change


def patches(corners: Int64[Tensor, "time 2"], *, height: int, width: int, side: int) -> Bool[Tensor, "time pixels"]:
    """The part of the input that may fire at each step: a square of `side` with its upper left corner at `corners`.

    Tadros et al.'s code for images; neither paper mentions it.

    >>> patches(torch.tensor([[0, 1]]), height=2, width=3, side=2).reshape(2, 3).int()
    tensor([[0, 1, 1],
            [0, 1, 1]], dtype=torch.int32)
    """
    rows = torch.arange(height, device=corners.device) - corners[:, :1]
    columns = torch.arange(width, device=corners.device) - corners[:, 1:]
    inside = ((rows >= 0) & (rows < side))[:, :, None] & ((columns >= 0) & (columns < side))[:, None]
    return inside.flatten(1)


def data_scales(largest: Sequence[float]) -> tuple[float, ...]:
    """What each layer's input is multiplied by, from the largest weight or activation of each layer, the larger one.

    Source: Tadros et al. 2022, code. Diehl et al. 2015, whom they follow, divide by the largest of the layer and
    multiply by that of the layer below. The code multiplies by what the layer below was divided by, net of its own
    correction, which is the same in the first two layers and not above: f(1) = 1 / s(1), f(l) = 1 / (f(l - 1) s(l)).

    >>> data_scales((2.0, 4.0, 5.0))  # 1/2, 2/4, and 4/2/5 where Diehl et al. have 4/5
    (0.5, 0.5, 0.4)
    """
    scales: list[float] = []
    for most in largest:
        scales.append(1 / (most * (scales[-1] if scales else 1)))
    return tuple(scales)


def dense_sleep(
    weights: Sequence[Float[Tensor, "*s _ _"]],
    input_spikes: Bool[Tensor, "time *s pre"],
    membranes: Membranes,
    plasticity: Plasticity,
    stdp=additive_stdp,
) -> tuple[list[Tensor], list[Tensor]]:
    """Algorithm 1, `len(input_spikes)` steps from silence; the steps are those of `dense_sleep_steps`.

    Args:
        weights: of each layer, then of each loop.
        input_spikes: who fires in the input, step by step.
        membranes: `membranes.loops` says how many of `weights` are loops.
        plasticity: step sizes, in the order of `weights`.
        stdp: the rule.

    Returns:
        the new weights, and how often each neuron of each layer fired.
    """
    layers = len(weights) - len(membranes.loops)
    counts = [torch.zeros_like(w[..., 0]) for w in weights[:layers]]
    new = list(weights)
    for spikes, now in dense_sleep_steps(weights, input_spikes, membranes, plasticity, stdp):
        new = now
        for count, fired in zip(counts, spikes, strict=True):
            count += fired
    return [w.clone() for w in new], counts


def dense_sleep_steps(
    weights: Sequence[Float[Tensor, "*s _ _"]],
    input_spikes: Bool[Tensor, "time *s pre"],
    membranes: Membranes,
    plasticity: Plasticity,
    stdp=additive_stdp,
) -> Iterator[tuple[list[Tensor], list[Tensor]]]:
    """Algorithm 1 step by step: after each one, who fired in each layer, and the weights as they are now.

    At each step the layers are updated from the output down, each reading the spikes of the step before
    (so input takes one step per layer to arrive); a hidden layer also hears the layer above through its
    transposed weights, which that layer's plasticity has already updated in this step. A loop works like a layer
    whose presynaptic neurons are its own postsynaptic ones. Arguments as for `dense_sleep`.
    """
    weights = list(weights)
    layers = len(weights) - len(membranes.loops)
    silent = [torch.zeros(w.shape[:-1], dtype=torch.bool, device=w.device) for w in weights[:layers]]
    v = [s.to(w) for s, w in zip(silent, weights, strict=False)]
    before = [torch.zeros_like(input_spikes[0]), *silent] if len(input_spikes) else []
    for now_input in input_spikes:
        now = [now_input, *before[1:]]
        for layer in reversed(range(layers)):
            pre = before[layer]
            current = membranes.gains[layer] * _heard(weights[layer], pre)
            if membranes.feedback and layer + 1 < layers:
                above = _heard(weights[layer + 1].mT, before[layer + 2])
                current = current + membranes.feedback[layer] * above
            loop = layers + layer if layer < len(membranes.loops) else None
            if loop is not None:
                itself = _heard(weights[loop], before[layer + 1])
                current = current + membranes.loops[layer] * itself
            now[layer + 1], v[layer] = fire(membranes.leak * v[layer] + current)
            for which, heard in ((layer, pre), (loop, before[layer + 1])):
                if which is not None:
                    inc, dec = plasticity.inc[which], plasticity.dec[which]
                    weights[which] = stdp(weights[which], now[layer + 1], heard, inc=inc, dec=dec)
        before = now
        yield now[1:], list(weights)


def _heard(w: Float[Tensor, "*s post pre"], pre: Bool[Tensor, "*s pre"]) -> Float[Tensor, "*s post"]:
    """What the spikes of `pre` bring to each neuron through `w`."""
    return (w @ pre.to(w)[..., None]).squeeze(-1)
