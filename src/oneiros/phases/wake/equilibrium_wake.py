"""Wake by equilibrium propagation (Kubo et al. 2025, sections 2.0.1 and 2.0.2; Table 1).

Equation: `oneiros.equations.equilibrium.predictive_rule` (Eq. 10). Test: `tests/phases/test_equilibrium_wake.py`.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn.functional import one_hot

from oneiros.core import Batch, Brain
from oneiros.equations import compiled
from oneiros.equations.equilibrium import predictive_rule, predictive_rule_bias
from oneiros.nets.equilibrium import EquilibriumRNN, States, stacked
from oneiros.nets.modes import in_full


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

    @in_full()
    @torch.no_grad()
    def __call__(self, brain: Brain, batch: Batch, rng: torch.Generator) -> dict[str, Tensor]:
        """Learn one batch."""
        net = brain.network(EquilibriumRNN)
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

    def stacked(
        self, brains: Sequence[Brain], batches: Sequence[Batch], rngs: Sequence[torch.Generator]
    ) -> list[dict[str, Tensor]]:
        """Learn one batch each: on the CPU one after the other by the kernels, elsewhere `dense_stack`."""
        if batches[0].x.device.type == compiled.HOME:
            return [self(*each) for each in zip(brains, batches, rngs, strict=True)]
        return self.dense_stack(brains, batches)

    @in_full()
    @torch.no_grad()
    def dense_stack(self, brains: Sequence[Brain], batches: Sequence[Batch]) -> list[dict[str, Tensor]]:
        """Learn one batch each, as one stack of dense tensors; batches may differ in length.

        Raises:
            ValueError: the nets differ in more than their weights.
        """
        nets = [brain.network(EquilibriumRNN) for brain in brains]
        longest = max(map(len, batches))
        x = torch.stack([_filled(batch.x.flatten(1), longest) for batch in batches])
        labels = torch.stack([_filled(batch.unweighted().targets(), longest) for batch in batches])
        lengths = torch.tensor([len(batch) for batch in batches], device=x.device)
        filling = (torch.arange(longest, device=x.device) >= lengths[:, None])[..., None]
        circuit = stacked(nets, x)
        free = nets[0].free(circuit)
        clamped = nets[0].clamped(circuit, free, labels, beta=self.beta, dt=self.dt, steps=self.clamped_steps)
        # Where nothing changes from the free to the clamped phase, nothing is learned; means are over true examples.
        clamped = States(*(torch.where(filling, f, c) for f, c in zip(free, clamped, strict=True)))
        share = longest / lengths.to(x)
        found = {
            "hidden.weight": predictive_rule(clamped.hidden, free.hidden, x, beta=self.beta),
            "hidden.bias": predictive_rule_bias(clamped.hidden, free.hidden, beta=self.beta),
            "output.weight": predictive_rule(clamped.output, free.output, clamped.hidden, beta=self.beta),
            "output.bias": predictive_rule_bias(clamped.output, free.output, beta=self.beta),
        }
        for name, gradient in found.items():
            gradient *= share.view(-1, *[1] * (gradient.ndim - 1))
            for net, mine in zip(nets, gradient, strict=True):
                net.get_parameter(name).grad = mine
        for brain in brains:
            brain.optimiser(self.optim).step()
        error = 0.5 * (free.output - one_hot(labels, circuit.b_out.shape[-1]).to(x)).square().sum(2)
        loss = error.masked_fill(filling[..., 0], 0).sum(1) / lengths
        return [{"loss": mine} for mine in loss]


def _filled(rows: Tensor, length: int) -> Tensor:
    """`rows` with its last row repeated up to `length`: a filling that settles when a true example does."""
    return rows if len(rows) == length else torch.cat([rows, rows[-1:].expand(length - len(rows), *rows.shape[1:])])
