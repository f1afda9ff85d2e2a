"""Spiking sleep: noise-driven spikes and local plasticity, no data and no loss (Kubo et al. 2025, Algorithm 1).

Equation: `oneiros.equations.spiking.dense_sleep`.
Tests: `tests/equations/test_spiking.py` and `tests/phases/test_spiking_sleep.py`.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
import torch
from torch import Tensor

from oneiros.core import Brain, Replayable
from oneiros.equations import compiled
from oneiros.equations.spiking import (
    Membranes,
    Plasticity,
    additive_stdp,
    dense_sleep,
    dense_sleep_steps,
    patches,
    weight_dependent_stdp,
)


@dataclass(frozen=True, kw_only=True)
class SpikingSleep:
    """SRC: the network turns into spiking neurons, hears noise shaped like its mean input, and rewires.

    Needs a chain of weight matrices, named from input to output, and a memory that recalls the mean input.
    Biases are ignored and stay. On the CPU the event-driven kernel runs, elsewhere the dense tensors: the
    same mathematics, tested equal.

    Attributes:
        layers: parameter names of the chain.
        steps: T, time steps of the first night.
        growth: nights lengthen with age: T = steps x (1 + growth x tasks lived before). Algorithm 1 does not say;
            Tadros et al.'s published constants grow by 1/3 of the first night per task (15,000 + 5,000 (task - 1)).
        rate: p(spike) of input i per step is min(1, rate x mean input i).
        gains: scales[l] / threshold[l] of each layer.
        feedback: gain of the input from the layer above, one per hidden layer; () for none (Tadros et al. 2022).
        inc, dec: STDP step sizes of each layer, then of each loop.
        leak: factor on v per step (Algorithm 1: 1; Tadros et al.'s code: 0.999).
        stdp: "additive" (Algorithm 1) or "weight_dependent" (Tadros et al.'s code).
        patch: side of the square of the input image that may fire at a step, elsewhere at every step, as in Tadros et
            al.'s code (11); 0 for all of it.
        memory: name of the memory to recall from.
        loops: parameter names of the hidden layers' recurrent matrices, one each, or () where they have none.
        loop_gains: gain of each loop.
    """

    name = "spiking-sleep"

    layers: tuple[str, ...]
    steps: int
    growth: float = 0.0
    rate: float
    gains: tuple[float, ...]
    feedback: tuple[float, ...] = ()
    inc: tuple[float, ...]
    dec: tuple[float, ...]
    leak: float = 1.0
    stdp: Literal["additive", "weight_dependent"] = "additive"
    patch: int = 0
    memory: str = "mean"
    loops: tuple[str, ...] = ()
    loop_gains: tuple[float, ...] = ()

    def __post_init__(self) -> None:
        n, with_loops = len(self.layers), len(self.layers) + len(self.loops)
        if n != len(self.gains) or not with_loops == len(self.inc) == len(self.dec):
            and_loops = f" and {len(self.loops)} loops, so inc and dec need {with_loops}" if self.loops else ""
            raise ValueError(
                f"SpikingSleep has {n} layers, so gains, inc and dec need {n} numbers each{and_loops}; got {self}"
            )
        if not len(self.loops) == len(self.loop_gains) or len(self.loops) not in (0, n - 1):
            raise ValueError(
                f"SpikingSleep.loops and loop_gains need one entry per hidden layer ({n - 1}) or (); "
                f"got {self.loops} and {self.loop_gains}"
            )
        if len(self.feedback) not in (0, n - 1):
            raise ValueError(
                f"SpikingSleep.feedback needs one gain per hidden layer ({n - 1}) or (); got {self.feedback}"
            )
        if min(self.steps, self.rate, self.growth, self.patch) < 0 or not 0 <= self.leak <= 1:
            raise ValueError(f"{self}: expected steps, growth, rate and patch >= 0 and 0 <= leak <= 1")
        if self.stdp not in ("additive", "weight_dependent"):
            raise ValueError(f"SpikingSleep.stdp is {self.stdp!r}; expected 'additive' or 'weight_dependent'")

    @property
    def changes(self) -> tuple[str, ...]:
        """Only the weights of the chain and of its loops move."""
        return (*self.layers, *self.loops)

    @property
    def returns(self) -> tuple[str, ...]:
        """Mean firing probability per step, of each layer of the chain."""
        return tuple(f"rate/{name}" for name in self.layers)

    @torch.no_grad()
    def __call__(self, brain: Brain, rng: torch.Generator) -> dict[str, Tensor]:
        """Sleep for one night."""
        weights = self._chain(brain)
        spikes = self._noise(brain, weights[0], rng)
        return self._rewire(weights, *self._sleep([w.detach() for w in weights], spikes), steps=len(spikes))

    def stacked(self, brains: Sequence[Brain], rngs: Sequence[torch.Generator]) -> list[dict[str, Tensor]]:
        """Sleep for one night each: on the CPU one after the other by the kernel, elsewhere `dense_stack`."""
        if self._chain(brains[0])[0].device.type == compiled.HOME:
            return [self(*each) for each in zip(brains, rngs, strict=True)]
        return self.dense_stack(brains, rngs)

    @torch.no_grad()
    def dense_stack(self, brains: Sequence[Brain], rngs: Sequence[torch.Generator]) -> list[dict[str, Tensor]]:
        """Sleep for one night each, all brains step by step in one stack of dense tensors.

        Raises:
            ValueError: their nights differ in length.
        """
        chains = [self._chain(brain) for brain in brains]
        spikes = [self._noise(brain, chain[0], rng) for brain, chain, rng in zip(brains, chains, rngs, strict=True)]
        if {len(s) for s in spikes} != {len(spikes[0])}:
            raise ValueError(f"nights in a stack are equally long, but these have {[len(s) for s in spikes]} steps")
        new, counts = self._dense([torch.stack(level) for level in zip(*chains, strict=True)], torch.stack(spikes, 1))
        return [
            self._rewire(chain, [w[i] for w in new], [c[i] for c in counts], steps=len(spikes[0]))
            for i, chain in enumerate(chains)
        ]

    @torch.no_grad()
    def record(self, brain: Brain, rng: torch.Generator) -> tuple[list[Tensor], list[Tensor]]:
        """The night that calling this would be, looked at and not lived: the brain stays as it is.

        Returns:
            who fired, `[time, neurons]` of the input and of each layer; and the weights that the night would leave.
        """
        weights = self._chain(brain)
        noise, fired, new = self._noise(brain, weights[0], rng), list[list[Tensor]](), list(weights)
        for spikes, now in dense_sleep_steps(
            [w.detach() for w in weights], noise, self._membranes, Plasticity(self.inc, self.dec), self._rule
        ):
            new = now
            fired.append(spikes)
        return [noise, *(torch.stack(layer) for layer in zip(*fired, strict=True))], [w.clone() for w in new]

    def _noise(self, brain: Brain, first: Tensor, rng: torch.Generator) -> Tensor:
        """Who fires in the input, `[time, pre]`."""
        image = brain.remembers(self.memory, Replayable).recall(1, rng).x[0]
        mean = image.flatten()
        if len(mean) != first.shape[1]:
            raise ValueError(f"{self.layers[0]} has {first.shape[1]} inputs, but the mean input has {len(mean)}")
        p = (self.rate * mean).clamp(0, 1)
        steps = int(self.steps * (1 + self.growth * brain.age))
        noise = torch.rand(steps, len(p), generator=rng, device=rng.device, dtype=torch.float32)
        spikes = noise.to(p.device) < p
        return spikes & self._patches(image, steps, rng) if self.patch else spikes

    def _rewire(
        self, weights: list[Tensor], new: list[Tensor], counts: list[Tensor], *, steps: int
    ) -> dict[str, Tensor]:
        for w, replaced in zip(weights, new, strict=True):
            w.copy_(replaced)
        rates = [c.float().mean() / max(steps, 1) for c in counts]
        return dict(zip(self.returns, rates, strict=True))

    def _patches(self, image: Tensor, steps: int, rng: torch.Generator) -> Tensor:
        if image.ndim < 2 or image.shape[-2:].numel() != image.numel() or self.patch > min(image.shape[-2:]):
            raise ValueError(
                f"SpikingSleep.patch is {self.patch}, but the mean input has shape {tuple(image.shape)}; "
                "expected one image at least as large"
            )
        height, width = image.shape[-2:]
        room = torch.tensor([height, width], device=rng.device) - self.patch + 1
        corners = (torch.rand(steps, 2, generator=rng, device=rng.device) * room).long()
        return patches(corners.to(image.device), height=height, width=width, side=self.patch)

    @property
    def _rule(self) -> Callable[..., Tensor]:
        return weight_dependent_stdp if self.stdp == "weight_dependent" else additive_stdp

    @property
    def _membranes(self) -> Membranes:
        return Membranes(self.gains, self.feedback, self.leak, self.loop_gains)

    def _dense(self, weights: list[Tensor], spikes: Tensor) -> tuple[list[Tensor], list[Tensor]]:
        return dense_sleep(weights, spikes, self._membranes, Plasticity(self.inc, self.dec), self._rule)

    def _sleep(self, weights: list[Tensor], spikes: Tensor) -> tuple[list[Tensor], list[Tensor]]:
        if spikes.device.type != compiled.HOME:
            return self._dense(weights, spikes)
        arrays: list[np.ndarray] = [w.numpy() for w in weights]
        new, counts = compiled.spiking.event_driven_sleep(
            arrays, spikes.numpy(), gains=self.gains, feedback=self.feedback, leak=self.leak, loops=self.loop_gains,
            inc=self.inc, dec=self.dec, weight_dependent=self.stdp == "weight_dependent",
        )  # fmt: skip
        return [torch.from_numpy(w) for w in new], [torch.from_numpy(c) for c in counts]

    def _chain(self, brain: Brain) -> list[Tensor]:
        parameters = dict(brain.net.named_parameters())
        if missing := [name for name in self.changes if name not in parameters]:
            raise KeyError(f"SpikingSleep.layers names {missing}; {type(brain.net).__name__} has {sorted(parameters)}")
        chain: list[Tensor] = [parameters[name] for name in self.layers]
        for below, above in zip(self.layers, self.layers[1:], strict=False):
            a, b = parameters[below].shape, parameters[above].shape
            if len(a) != 2 or len(b) != 2 or b[1] != a[0]:
                raise ValueError(
                    f"SpikingSleep needs a chain of matrices: {below} is {tuple(a)}, {above} is {tuple(b)}"
                )
        for layer, name in zip(self.layers, self.loops, strict=False):
            n, loop = len(parameters[layer]), parameters[name]
            if loop.shape != (n, n):
                raise ValueError(f"SpikingSleep needs a square loop on {layer}: {name} is {tuple(loop.shape)}")
            chain.append(loop)
        return chain
