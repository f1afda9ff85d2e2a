"""What a step goes down: terms that add up (`oneiros.core.LossTerm`), and what is replayed beside today's lessons.

Equations: `oneiros.equations.scholar`. Test: `tests/phases/test_losses.py`.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
from jaxtyping import Float, Int64
from torch import Tensor
from torch.nn.functional import cross_entropy

from oneiros.core import Batch, Brain, LossTerm, Replayable
from oneiros.equations.elastic import elastic_energy
from oneiros.equations.scholar import Ratio, share_of_new, soft_target_loss
from oneiros.memory.anchor import Anchor


def cross_entropy_each(scores: Float[Tensor, "n classes"], labels: Int64[Tensor, " n"]) -> Float[Tensor, " n"]:
    """Cross-entropy of each example.

    >>> cross_entropy_each(torch.zeros(1, 2), torch.tensor([0]))  # log 2
    tensor([0.6931])
    """
    return cross_entropy(scores, labels, reduction="none")


def mean_cross_entropy(scores: Float[Tensor, "n classes"], batch: Batch) -> Float[Tensor, ""]:
    """Cross-entropy of a batch, each row counting by its weight."""
    if batch.weight is None:
        return cross_entropy(scores, batch.targets())
    return batch.mean(cross_entropy_each(scores, batch.targets()))


@dataclass(frozen=True)
class CrossEntropy:
    """Today's lesson: cross-entropy between the net's scores and the labels, each row counting by its weight."""

    def __call__(self, brain: Brain, batch: Batch, rng: torch.Generator) -> Tensor:
        """Mean over the batch."""
        return batch.mean(cross_entropy_each(brain.net(batch.x), batch.targets()))


def total(terms: Sequence[LossTerm], brain: Brain, batch: Batch, rng: torch.Generator) -> Tensor:
    """The sum of all terms; each has its weight in a field of its own.

    Raises:
        ValueError: there is none.
    """
    if not terms:
        raise ValueError("a step without a loss: give at least one term, such as CrossEntropy()")
    first, *others = (term(brain, batch, rng) for term in terms)
    return sum(others, first)


@dataclass(frozen=True)
class HardTargets:
    """The label is the one recalled: the old solver's decision, or the class dreamed of (`FrozenScholar.intended`).

    Best where the generator is poor: the solver's doubts are about bad dreams.
    """

    def __call__(self, scores: Tensor, replayed: Batch) -> Tensor:
        """Cross-entropy of each replayed example, `[n]`."""
        return cross_entropy_each(scores, replayed.targets())


@dataclass(frozen=True)
class SoftTargets:
    """The old solver's probabilities are the target, softened by `temperature` (Hinton et al. 2015)."""

    temperature: float = 2.0

    def __post_init__(self) -> None:
        if self.temperature <= 0:
            raise ValueError(f"SoftTargets.temperature is {self.temperature}; expected more than 0")

    def __call__(self, scores: Tensor, replayed: Batch) -> Tensor:
        """Distillation loss of each replayed example, `[n]`."""
        if replayed.soft is None:
            raise ValueError(
                "SoftTargets needs a memory that recalls scores (FrozenScholar, PastLessons); use HardTargets"
            )
        return soft_target_loss(scores, replayed.soft, temperature=self.temperature)


@dataclass(frozen=True, kw_only=True)
class ElasticPenalty:
    """What it costs to move weights that mattered (Kirkpatrick et al. 2017, Eq. 3); nothing before the first night.

    Attributes:
        weight: lambda. Importances are means over examples, so it also says how many examples the past counts as.
        memory: name of the `Anchor`.
    """

    weight: float
    memory: str = "anchor"

    def __post_init__(self) -> None:
        if self.weight <= 0:
            raise ValueError(
                f"ElasticPenalty.weight is {self.weight}; expected more than 0 (leave the term out instead)"
            )

    def __call__(self, brain: Brain, batch: Batch, rng: torch.Generator) -> Tensor:
        """Lambda times the elastic energy of the net as it is."""
        anchor = brain.remembers(self.memory, Anchor)
        if not anchor.days:
            return torch.zeros((), device=batch.x.device)
        return self.weight * elastic_energy(dict(brain.net.named_parameters()), anchor.weights, anchor.importance)


@dataclass(frozen=True, kw_only=True)
class Replayed:
    """Experiences of a memory that are learned in today's own step, and take their share of its loss (Eq. 1).

    No `LossTerm`: today's share depends on it, and its inputs are scored in one pass with today's. Whoever takes the
    step asks first, scores, and puts both together with `oneiros.equations.scholar.shared_loss`.

    Attributes:
        memory: name of the memory to recall from, any `Replayable`; while it is empty, nothing is replayed.
        n: experiences a step.
        ratio: r, today's share of the loss: a number, "1/i" for task i, or a function of `brain.age` = i - 1.
        targets: what the experiences teach; called on (scores, recalled batch), gives a loss of each.
    """

    memory: str
    n: int = 128
    ratio: Ratio = "1/i"
    targets: Callable[[Tensor, Batch], Tensor] = SoftTargets()

    def ask(self, brain: Brain, rng: torch.Generator) -> Batch | None:
        """What is to be scored; None while there is nothing to replay."""
        memory = brain.remembers(self.memory, Replayable)
        return memory.recall(self.n, rng) if len(memory) else None

    def judge(self, scores: Float[Tensor, "n classes"], asked: Batch) -> Float[Tensor, ""]:
        """The mean loss of these scores of what was asked."""
        return asked.mean(self.targets(scores, asked))

    def r(self, brain: Brain) -> float:
        """Today's share at the brain's age."""
        return share_of_new(self.ratio, brain.age)
