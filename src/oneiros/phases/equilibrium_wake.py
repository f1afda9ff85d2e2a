"""Wake by equilibrium propagation (Kubo et al. 2025, sections 2.0.1 and 2.0.2; Table 1).

Equation: `oneiros.equations.equilibrium.predictive_rule` (Eq. 10). Test: `tests/phases/test_equilibrium_wake.py`.
"""

from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn.functional import one_hot

from oneiros.core import Batch, Brain
from oneiros.equations.equilibrium import predictive_rule, predictive_rule_bias
from oneiros.nets.equilibrium import EquilibriumRNN


@dataclass(frozen=True, kw_only=True)
class EquilibriumWake:
    """Free phase, weakly clamped phase, one optimiser step on the predictive rule's estimate.

    Needs an `EquilibriumRNN` and labels.

    Attributes:
        beta: nudging strength (Table 1: 1.0).
        dt: Euler step of the clamped phase (Table 1: 0.2).
        clamped_steps: its length (Table 1: 10 on MNIST, 15 elsewhere).
        optim: name of the optimiser in `brain.optim`.
    """

    name = "equilibrium-wake"
    changes = ("hidden.", "output.")
    returns = ("loss",)

    beta: float = 1.0
    dt: float = 0.2
    clamped_steps: int = 10
    optim: str = "wake"

    def __post_init__(self) -> None:
        if not self.beta or not 0 < self.dt <= 1 or self.clamped_steps < 1:
            raise ValueError(f"{self}: expected beta != 0, 0 < dt <= 1 and clamped_steps >= 1")

    @torch.no_grad()
    def __call__(self, brain: Brain, batch: Batch, rng: torch.Generator) -> dict[str, Tensor]:
        """Learn one batch."""
        net = brain.net
        if not isinstance(net, EquilibriumRNN):
            raise TypeError(f"EquilibriumWake needs an EquilibriumRNN, got {type(net).__name__}: use a backprop wake")
        x = batch.x.flatten(1)
        circuit = net.circuit(x)
        labels = batch.unweighted().targets()
        free = net.free(circuit)
        clamped = net.clamped(circuit, free, labels, beta=self.beta, dt=self.dt, steps=self.clamped_steps)
        net.hidden.weight.grad = net.input_rule(clamped, free, x, beta=self.beta)
        net.hidden.bias.grad = predictive_rule_bias(clamped.hidden, free.hidden, beta=self.beta)
        net.output.weight.grad = predictive_rule(clamped.output, free.output, clamped.hidden, beta=self.beta)
        net.output.bias.grad = predictive_rule_bias(clamped.output, free.output, beta=self.beta)
        brain.optimiser(self.optim).step()
        target = one_hot(labels, net.output.out_features).to(x.dtype)
        return {"loss": 0.5 * (free.output - target).square().sum(1).mean()}
