"""The scholar of Shin et al. 2017 (definition 2): a generator and a solver, taught together and copied together."""

from collections.abc import Iterable

import torch
from jaxtyping import Float
from torch import Tensor, nn

from oneiros.nets.generator import Generator


class Scholar(nn.Module):
    """H = (G, S): `generator` dreams inputs, `solver` scores them; called, it is its solver.

    Args:
        generator: any `nn.Module` that meets `oneiros.nets.generator.Generator`.
        solver: any `nn.Module` from inputs to scores.
    """

    def __init__(self, generator: nn.Module, solver: nn.Module) -> None:
        super().__init__()
        if not isinstance(generator, Generator):
            raise TypeError(f"{type(generator).__name__} is no generator: it needs a buffer `seen` and `sample`")
        self.generator = generator
        self.solver = solver

    def forward(self, x: Float[Tensor, "n ..."]) -> Float[Tensor, "n classes"]:
        """The solver's scores."""
        return self.solver(x)


class Succession(nn.Module):
    """Solvers that act one after another, each empty when its turn comes: Table 1's chain, in any architectures.

    All of them exist from the beginning, so that a checkpoint of any day fits; only the acting one is called.

    Args:
        heirs: the solvers, in the order of their turns; the last one stays.
    """

    acting: Tensor

    def __init__(self, heirs: Iterable[nn.Module]) -> None:
        super().__init__()
        self.heirs = nn.ModuleList(heirs)
        if not len(self.heirs):
            raise ValueError("a Succession of no solvers; expected at least one")
        self.register_buffer("acting", torch.tensor(0))

    def forward(self, x: Float[Tensor, "n ..."]) -> Float[Tensor, "n classes"]:
        """Scores of the one whose turn it is."""
        return self.heirs[int(self.acting)](x)

    def succeed(self) -> None:
        """Let the next one act."""
        self.acting.copy_((self.acting + 1).clamp(max=len(self.heirs) - 1))
