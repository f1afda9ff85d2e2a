"""Sleep replay consolidation of anybody's chain of weight matrices (Kubo et al. 2025; Tadros et al. 2022)."""

from dataclasses import dataclass
from itertools import pairwise
from typing import ClassVar

from torch import Tensor, nn

from oneiros.core import Batch, Brain, Seeds
from oneiros.memory.mean_input import MeanInput
from oneiros.phases.bookkeeping.remember import Remember
from oneiros.phases.night.spiking_sleep import SpikingSleep
from oneiros.sleeper import checks
from oneiros.sleeper.mechanism import Attachment, Needs


@dataclass(frozen=True, kw_only=True)
class SpikeReplay:
    """At night the network turns into spiking neurons, hears noise shaped like its mean input, and rewires.

    Keeps the mean of all inputs and nothing else. Its constants belong to one network and one kind of data: choose
    them on validation data (`bench/tune_tables_kubo2025.py` shows how). Untuned constants can erase a network.

    Attributes:
        layers: names of the weights, a chain from the inputs to the scores.
        steps: length of the first night; nights lengthen by `growth` of it per day lived.
        growth: see `steps`.
        rate: spikes per step of an input whose mean is 1.
        gains: how strongly each layer's input drives its neurons.
        feedback: gain of the input from the layer above, of each hidden layer; () for none.
        inc, dec: steps of potentiation and depression of each layer.
    """

    needs: ClassVar[Needs] = Needs(
        paper="Kubo et al. 2025",
        net="a chain of weight matrices from the inputs to the scores",
        inputs="at least 0",
        keeps="the mean input",
        raw=False,
        layer="the chain's weights",
    )

    layers: tuple[str, ...]
    steps: int
    growth: float = 0.0
    rate: float
    gains: tuple[float, ...]
    feedback: tuple[float, ...] = ()
    inc: tuple[float, ...]
    dec: tuple[float, ...]

    def attach(self, net: nn.Module, like: Batch, classes: int, seeds: Seeds) -> tuple[Attachment, ...]:
        """Find the chain."""
        checks.as_one_tensor(net, "SpikeReplay", dreams=False)
        sleep = SpikingSleep(
            layers=self.layers, steps=self.steps, growth=self.growth, rate=self.rate, gains=self.gains,
            feedback=self.feedback, inc=self.inc, dec=self.dec,
        )  # fmt: skip
        self._check_chain(dict(net.named_parameters()), net, inputs=like.x[0].numel(), classes=classes)
        brain = Brain(net=net, memory={"mean": MeanInput()})
        return (Attachment(brain=brain, day=(Remember(memory="mean"),), night=(sleep,), view=self._positive),)

    def _check_chain(self, weights: dict[str, Tensor], net: nn.Module, *, inputs: int, classes: int) -> None:
        for name in self.layers:
            checks.known(name, weights, what="parameter", where=net)
            if weights[name].ndim != 2:
                raise ValueError(f"SpikeReplay needs matrices; {name} is {tuple(weights[name].shape)}")
        shapes = [tuple(weights[name].shape) for name in self.layers]
        chained = all(below[0] == above[1] for below, above in pairwise(shapes))
        if not chained or shapes[0][1] != inputs or shapes[-1][0] != classes:
            named = ", ".join(f"{name} {shape}" for name, shape in zip(self.layers, shapes, strict=True))
            raise ValueError(
                f"SpikeReplay needs a chain of matrices from the {inputs} inputs to the {classes} scores; got {named}"
            )
        kernels = [name for name, weight in weights.items() if weight.ndim > 2]
        if kernels:
            raise ValueError(
                f"SpikeReplay needs a chain of matrices and nothing else that learns features; {kernels[0]} is "
                f"{tuple(weights[kernels[0]].shape)}, whose outputs a night would take for the inputs"
            )

    def _positive(self, batch: Batch) -> Batch:
        if float(batch.x.min()) < 0:
            raise ValueError(
                f"inputs reach down to {float(batch.x.min()):.4g}, but a neuron cannot fire less than never: "
                "SpikeReplay needs inputs of at least 0"
            )
        return batch
