"""Steps without a loss, as optimisers took them before torch 2 (authors' code of Deperrois et al. 2022).

There, clearing gradients left zeros instead of nothing, so parameters that no loss of a phase reached still moved on
Adam's momentum. Test: `tests/phases/test_dreaming.py`.
"""

from dataclasses import dataclass

import torch
from torch import Tensor

from oneiros.core import Brain


@dataclass(frozen=True, kw_only=True)
class ZeroGradStep:
    """One optimiser step with zero gradients for the parameters named, if they have had gradients before.

    Adam treats each parameter by itself, so this step after a phase equals one joint step of the phase's own
    parameters and these.

    Attributes:
        parameters: prefixes of the parameters that the phase before left out, or all of a phase that is absent.
        optim: name of the optimiser.
    """

    name = "phantom-step"
    returns = ()

    parameters: tuple[str, ...]
    optim: str = "encoder"

    @property
    def changes(self) -> tuple[str, ...]:
        """The parameters named."""
        return self.parameters

    def __call__(self, brain: Brain, rng: torch.Generator) -> dict[str, Tensor]:
        """Step."""
        optimiser = brain.optimiser(self.optim)
        optimiser.zero_grad()
        named = [p for name, p in brain.net.named_parameters() if name.startswith(self.parameters)]
        if not named:
            raise ValueError(f"ZeroGradStep.parameters {self.parameters} name none of {type(brain.net).__name__}'s")
        for parameter in named:
            if optimiser.state.get(parameter):
                parameter.grad = torch.zeros_like(parameter)
        optimiser.step()
        optimiser.zero_grad()
        return {}
