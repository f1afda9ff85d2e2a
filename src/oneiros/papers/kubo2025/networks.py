"""The networks that Kubo et al. 2025 compare, each with the day phase that teaches it."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import NamedTuple

from torch import nn

from oneiros.core import DayPhase, Memory, NightPhase
from oneiros.memory import Images, Projector
from oneiros.nets import DropoutPerceptron, EquilibriumRNN, Perceptron, RecurrentNet
from oneiros.papers.kubo2025.datasets import DatasetConfig, Learner, Tables
from oneiros.phases import (
    BackpropWake,
    ConvergentWake,
    EquilibriumWake,
    OrthogonalWake,
    RectifiedWake,
    ScaledToData,
    SealProjectors,
    SpikingSleep,
)


class NetworkSetup(NamedTuple):
    """A network and how it learns: `below` and `output` are the parts with a learning rate of their own.

    `memory` and `night` are what this way of learning needs besides; most need nothing. Where it sleeps, `seen` names
    the memories to fill besides the mean input, and `around` makes its night of the learner's.
    """

    net: nn.Module
    wake: DayPhase
    below: tuple[nn.Module, ...]
    output: nn.Module
    learner: Learner
    memory: Mapping[str, Memory] = {}
    night: tuple[NightPhase, ...] = ()
    momentum: float = 0.0
    seen: tuple[str, ...] = ()
    around: Callable[[SpikingSleep], NightPhase] = lambda sleep: sleep


def mrnn_ep(config: Tables, subject: DatasetConfig, inputs: int, classes: int) -> NetworkSetup:
    """MRNN-EP: feedback from the output, taught by equilibrium propagation."""
    net = EquilibriumRNN((inputs, subject.hidden, classes), gamma=config.gamma)
    wake = EquilibriumWake(beta=config.beta, dt=config.dt, clamped_steps=subject.clamped_steps)
    return NetworkSetup(net, wake, (net.hidden,), net.output, subject.mrnn_ep)


def mrnn_bptt(config: Tables, subject: DatasetConfig, inputs: int, classes: int) -> NetworkSetup:
    """MRNN-BPTT: the same network, taught by the exact gradient through its dynamics."""
    net = EquilibriumRNN((inputs, subject.hidden, classes), gamma=config.gamma)
    return NetworkSetup(net, ConvergentWake(dt=config.dt), (net.hidden,), net.output, subject.mrnn_bptt)


def rnn_bptt(config: Tables, subject: DatasetConfig, inputs: int, classes: int) -> NetworkSetup:
    """RNN-BPTT: recurrence inside the hidden layer only, taught by backpropagation through time."""
    net = RecurrentNet((inputs, subject.hidden, classes), steps=config.recurrent_steps)
    return NetworkSetup(net, BackpropWake(), (net.hidden, net.recurrent), net.output, subject.rnn_bptt)


def ff_bp(config: Tables, subject: DatasetConfig, inputs: int, classes: int) -> NetworkSetup:
    """FF-BP: no recurrence, two hidden layers, taught by backpropagation (Tadros et al. 2022)."""
    net = Perceptron((inputs, subject.ff_hidden, subject.ff_hidden, classes))
    return NetworkSetup(net, BackpropWake(), (net.layers[0], net.layers[2]), net.layers[4], subject.ff_bp)


def ff_owm(config: Tables, subject: DatasetConfig, inputs: int, classes: int) -> NetworkSetup:
    """FF-BP, taught by orthogonal weight modification."""
    taught, owm = ff_bp(config, subject, inputs, classes), subject.ff_owm
    names = ("first projector", "second projector", "third projector")
    return taught._replace(
        wake=OrthogonalWake(memories=names),
        learner=replace(taught.learner, alpha=owm.alpha, alpha_output=owm.alpha),
        memory={name: Projector(owm.damping) for name in names},
        night=(SealProjectors(memories=names),),
    )


def ff_bp_published(config: Tables, subject: DatasetConfig, inputs: int, classes: int) -> NetworkSetup:
    """FF-BP as in the code of Tadros et al. 2022: no biases, dropout, rectified output, scales from data."""
    made = subject.ff_bp_published
    net = DropoutPerceptron((inputs, made.hidden, made.hidden, classes), dropout=made.dropout, span=made.span)
    return NetworkSetup(
        net, RectifiedWake(), (net.layers[0], net.layers[4]), net.layers[8],
        Learner(alpha=made.alpha, alpha_output=made.alpha, sleep=made.sleep),
        memory={"seen": Images()}, momentum=made.momentum, seen=("seen",),
        around=lambda sleep: ScaledToData(inner=sleep, memory="seen"),
    )  # fmt: skip


NETWORKS: Mapping[str, Callable[[Tables, DatasetConfig, int, int], NetworkSetup]] = {
    "mrnn_ep": mrnn_ep,
    "mrnn_bptt": mrnn_bptt,
    "rnn_bptt": rnn_bptt,
    "ff_bp": ff_bp,
    "ff_owm": ff_owm,
    "ff_bp_published": ff_bp_published,
}
