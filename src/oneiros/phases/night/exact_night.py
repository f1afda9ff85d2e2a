"""A night that is solved instead of dreamed; `Accumulate` adds up by day what it is solved from.

Equations: `oneiros.equations.moments`, `discriminant`, `ridge`, `classwise`. Test: `tests/phases/test_exact_night.py`.
"""

from dataclasses import dataclass, field

import torch
from torch import Tensor, nn

from oneiros.core import Brain
from oneiros.memory.moments import Moments
from oneiros.nets.modes import in_full
from oneiros.phases.night.exact_heads import Head, Lda


@dataclass(frozen=True, kw_only=True)
class ExactNight:
    """Solves the head from all that was ever added up: after any order of the days it is the joint solution.

    Attributes:
        head: what is solved, such as `Lda()`, `Ridge()` or `Gaussians()`.
        into: name of the module that is the head; a `torch.nn.Linear`, or a `GaussianHead` for Gaussians.
        memory: name of the `Moments`.
    """

    name = "exact-night"
    returns = ("shrinkage",)

    head: Head = field(default_factory=Lda)
    into: str = "head"
    memory: str = "moments"

    @property
    def changes(self) -> tuple[str, ...]:
        """The head."""
        return (f"{self.into}.",)

    @in_full()
    def __call__(self, brain: Brain, rng: torch.Generator) -> dict[str, Tensor]:
        """Solve, and write the head."""
        module, moments = brain.net.get_submodule(self.into), brain.remembers(self.memory, Moments)
        own = dict(module.named_parameters())
        if "bias" not in own:
            raise ValueError(
                f"{self.into!r} is a {type(module).__name__} without a bias, which an exact head needs: "
                "Linear(..., bias=True)"
            )
        solved = self.head.solve(moments, len(own["bias"]))
        _write(module, own, solved.parameters, self.into)
        return {"shrinkage": torch.tensor(solved.shrinkage)}


def _write(module: nn.Module, own: dict[str, nn.Parameter], solved: object, into: str) -> None:
    assert isinstance(solved, dict)
    theirs = {name: tuple(value.shape) for name, value in solved.items()}
    mine = {name: tuple(value.shape) for name, value in own.items()}
    if theirs != mine:
        raise ValueError(f"{into!r} is a {type(module).__name__} with {mine}; the night solved {theirs}")
    with torch.no_grad():
        for name, value in solved.items():
            own[name].copy_(value)
