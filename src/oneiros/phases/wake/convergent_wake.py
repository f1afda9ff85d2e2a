"""Wake by the exact gradient through convergent dynamics (Kubo et al. 2025, MRNN-BPTT; Ernoult et al. 2019).

Equation: `oneiros.equations.equilibrium.implicit_credit`. Test: `tests/phases/test_convergent_wake.py`.
"""

from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn.functional import cross_entropy, one_hot

from oneiros.core import Batch, Brain
from oneiros.equations.equilibrium import hard_sigmoid, implicit_credit
from oneiros.nets.equilibrium import EquilibriumRNN


@dataclass(frozen=True, kw_only=True)
class ConvergentWake:
    """Free equilibrium, then one optimiser step on the gradient of the cross-entropy of its scores.

    The gradient is that of backpropagation through time once the dynamics have settled, found from the equilibrium
    alone. `BackpropWake` on a net that relaxes by `Euler` steps gives the same one by going back through every step:
    as published, and many times slower. Needs an `EquilibriumRNN` and labels.

    Attributes:
        optim: name of the optimiser in `brain.optim`.
    """

    name = "convergent-wake"
    changes = ("hidden.", "output.")
    returns = ("loss",)

    optim: str = "wake"

    @torch.no_grad()
    def __call__(self, brain: Brain, batch: Batch, rng: torch.Generator) -> dict[str, Tensor]:
        """Learn one batch."""
        net = brain.net
        if not isinstance(net, EquilibriumRNN):
            raise TypeError(f"ConvergentWake needs an EquilibriumRNN, got {type(net).__name__}: use BackpropWake")
        x, labels = batch.x.flatten(1), batch.unweighted().targets()
        hidden = net.free(net.circuit(x)).hidden
        scores = net.output(hidden)
        target = one_hot(labels, net.output.out_features).to(scores)
        wrong = (scores.softmax(1) - target) / len(x)
        credit = implicit_credit(wrong, hidden, scores, net.output.weight, gamma=net.gamma)
        net.hidden.weight.grad = net.from_inputs(x, credit.hidden)
        net.hidden.bias.grad = credit.hidden.sum(0)
        # W2 is used twice: upwards, and transposed as feedback.
        upwards, feedback = credit.output.T @ hidden, hard_sigmoid(scores).T @ credit.hidden
        net.output.weight.grad = torch.add(upwards, feedback, alpha=net.gamma)
        net.output.bias.grad = credit.output.sum(0)
        brain.optimiser(self.optim).step()
        return {"loss": cross_entropy(scores, labels)}
