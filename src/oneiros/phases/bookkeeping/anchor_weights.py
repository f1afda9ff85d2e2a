"""Falling asleep with elastic weights: what mattered today is held from tomorrow (Kirkpatrick et al. 2017).

Equation: `oneiros.equations.elastic.fisher_diagonal`. Test: `tests/phases/test_elastic.py`.
"""

from dataclasses import dataclass

import torch
from torch import Tensor

from oneiros.core import Brain
from oneiros.equations.elastic import fisher_diagonal
from oneiros.memory.anchor import Anchor
from oneiros.memory.exemplars import Exemplars
from oneiros.nets.modes import resting


@dataclass(frozen=True, kw_only=True)
class AnchorWeights:
    """Asks how much each weight matters for the answers to a sample of today; keeps that and the weights.

    The sample is forgotten. Parameters that learn no more are left out. Moves no parameter.

    Needs a classifier that answers each row by itself in evaluation mode.

    Attributes:
        decay: what is left of earlier importances a night (Schwarz et al.'s gamma); 1 keeps them all.
        sample: name of the `Exemplars` memory that sampled today's inputs.
        into: name of the `Anchor` memory.
        chunk: examples at once; each takes as many bytes as the weights.
    """

    name = "anchor-weights"
    changes = ()
    returns = ("importance",)

    decay: float = 1.0
    sample: str = "today"
    into: str = "anchor"
    chunk: int = 32

    def __post_init__(self) -> None:
        if not 0 <= self.decay <= 1 or self.chunk < 1:
            raise ValueError(f"{self}: expected a decay from 0 to 1 and a chunk of at least 1")

    def __call__(self, brain: Brain, rng: torch.Generator) -> dict[str, Tensor]:
        """Estimate, and keep; the answer is today's importance, summed over all weights."""
        anchor, taken = brain.remembers(self.into, Anchor), brain.remembers(self.sample, Exemplars).take_today()
        if not taken:
            raise RuntimeError(f"AnchorWeights: nothing of today is in {self.sample!r}: run Remember by day")
        x = torch.cat(list(taken.values()))
        weights = {name: p for name, p in brain.net.named_parameters() if p.requires_grad}
        importance = {name: torch.zeros_like(p) for name, p in weights.items()}
        with resting(brain.net):
            for part in x.split(self.chunk):
                for name, value in fisher_diagonal(brain.net, part, parameters=weights).items():
                    importance[name] += value * len(part) / len(x)
        anchor.take(weights, importance, decay=self.decay)
        return {"importance": torch.stack([value.sum() for value in importance.values()]).sum()}
