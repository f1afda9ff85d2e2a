"""Wake by the exact gradient through convergent dynamics (Kubo et al. 2025, MRNN-BPTT; Ernoult et al. 2019).

Equation: `oneiros.equations.equilibrium.equilibrium_credit`. Test: `tests/phases/test_convergent_wake.py`.
"""

from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn.functional import cross_entropy, one_hot

from oneiros.core import Batch, Brain
from oneiros.equations.equilibrium import equilibrium_credit, hard_sigmoid
from oneiros.nets.equilibrium import EquilibriumRNN
from oneiros.nets.modes import in_full


@dataclass(frozen=True, kw_only=True)
class ConvergentWake:
    """Free equilibrium, then one optimiser step on the gradient of the cross-entropy of its scores.

    The gradient is that of backpropagation through `steps` Euler steps at the equilibrium, found from the equilibrium
    alone. `BackpropWake` on a net that relaxes by `Euler` steps goes back through every step from rest: as published,
    and many times slower. Both are the same where an input settles well before the last `steps`. Where the loop hardly
    forgets (a mode near 1), they differ: its state still moves, and units that are on their slope at the end were not
    all along. Needs an `EquilibriumRNN` and labels.

    Attributes:
        dt, steps: how far back the gradient goes (Table 1: 100 steps of 0.2).
        optim: name of the optimiser in `brain.optim`.
    """

    name = "convergent-wake"
    changes = ("hidden.", "output.")
    returns = ("loss",)

    dt: float = 0.2
    steps: int = 100
    optim: str = "wake"

    def __post_init__(self) -> None:
        if not 0 < self.dt <= 1 or self.steps < 1:
            raise ValueError(f"{self}: expected 0 < dt <= 1 and steps >= 1")

    @in_full()
    @torch.no_grad()
    def __call__(self, brain: Brain, batch: Batch, rng: torch.Generator) -> dict[str, Tensor]:
        """Learn one batch."""
        net = brain.network(EquilibriumRNN)
        x, labels = batch.x.flatten(1), batch.unweighted().targets()
        hidden = net.free(net.circuit(x)).hidden
        scores = net.output(hidden)
        target = one_hot(labels, net.output.out_features).to(scores)
        wrong = (scores.softmax(1) - target) / len(x)
        credit = equilibrium_credit(
            wrong, hidden, scores, net.output.weight, gamma=net.gamma, dt=self.dt, steps=self.steps
        )
        net.hidden.weight.grad = net.from_inputs(x, credit.hidden)
        net.hidden.bias.grad = credit.hidden.sum(0)
        # W2 is used twice: upwards, and transposed as feedback.
        upwards, feedback = credit.output.T @ hidden, hard_sigmoid(scores).T @ credit.hidden
        net.output.weight.grad = torch.add(upwards, feedback, alpha=net.gamma)
        net.output.bias.grad = credit.output.sum(0)
        brain.optimiser(self.optim).step()
        return {"loss": cross_entropy(scores, labels)}
