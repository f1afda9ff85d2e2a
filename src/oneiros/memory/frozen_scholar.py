"""The previous scholar, as the only thing that is kept of the past (Shin et al. 2017, section 3.1).

Tests: `tests/memory/test_frozen_scholar.py`.
"""

import copy
from collections.abc import Mapping

import torch
from torch import Tensor

from oneiros.core import Batch
from oneiros.equations.scholar import rank_within_class
from oneiros.nets.generator import ClassGenerator
from oneiros.nets.scholar import Scholar

CANDIDATES = 3  # dreams for each one replayed, where classes are balanced by choosing among them


class FrozenScholar:
    """A true copy of a scholar in evaluation mode that no gradient reaches; what it recalls are its dreams.

    A recalled batch has x (dreamt), soft (the frozen solver's scores), y (its decision, the highest score) and, where
    the generator gives one, the code z. A generator that knows classes may say instead what class a dream is of
    (`intended`): a poor dream that the solver takes for another class then teaches no wrong label, which the next
    scholar would pass on.

    Args:
        like: a scholar of the architecture that will be kept; copied, so it may go on learning.
        balanced: choose among `CANDIDATES` times as many dreams, so that the classes that the solver sees in them come
            up as equally as they can; a generator that knows its classes already dreams of them equally.
        intended: whether y is the class that the generator was dreaming of, in place of the solver's decision.

    Raises:
        ValueError: `intended`, and the generator knows no classes.
    """

    def __init__(self, like: Scholar, *, balanced: bool = True, intended: bool = False) -> None:
        if intended and not isinstance(like.generator, ClassGenerator):
            raise ValueError(
                f"FrozenScholar(intended=True): {type(like.generator).__name__} knows no class it dreams of; "
                "expected a generator with classes, such as ClassVAE"
            )
        self.balanced, self.intended = balanced, intended
        self.scholars = 0
        self._scholar = _frozen(like)

    @property
    def holds_raw(self) -> bool:
        """False: dreams are nobody's examples (though a generator may have learned some by heart)."""
        return False

    @property
    def nbytes(self) -> int:
        """Bytes of the copy's weights and buffers; 0 before there is one."""
        return sum(value.nbytes for value in self._scholar.state_dict().values()) if self.scholars else 0

    def __len__(self) -> int:
        return min(self.scholars, 1)

    def take(self, scholar: Scholar) -> None:
        """Keep a copy of `scholar` in place of the one before."""
        self._scholar = _frozen(scholar)
        self.scholars += 1

    @torch.no_grad()
    def dream(self, n: int, rng: torch.Generator) -> Batch:
        """`n` dreams as the generator draws them, without the solver's answers: for who learns from codes alone."""
        if not self.scholars:
            raise RuntimeError(
                "recall from FrozenScholar with no scholar in it: run the night phase SnapshotTeacher first"
            )
        return self._scholar.generator.sample(n, rng)

    @torch.no_grad()
    def recall(self, n: int, rng: torch.Generator) -> Batch:
        """`n` dreams with the answers of the frozen solver."""
        choose = self.balanced and not isinstance(self._scholar.generator, ClassGenerator)
        drawn = self.dream(CANDIDATES * n if choose else n, rng)
        scores = self._scholar.solver(drawn.x)
        decided = drawn.targets() if self.intended else scores.argmax(1)
        batch = Batch(x=drawn.x, y=decided, z=drawn.z, soft=scores)
        if len(batch) == n:
            return batch
        chosen = rank_within_class(batch.targets(), scores.shape[1]).argsort(stable=True)[:n]
        return Batch(**{name: value[chosen] for name, value in batch.tensors().items()})

    @torch.no_grad()
    def answer(self, x: Tensor) -> Tensor:
        """The frozen solver's scores for inputs of the caller's, `[n, classes]`."""
        if not self.scholars:
            raise RuntimeError(
                "answer of FrozenScholar with no scholar in it: run the night phase SnapshotTeacher first"
            )
        return self._scholar.solver(x)

    def state_dict(self) -> dict[str, Tensor]:
        """The copy's tensors, once there is one."""
        kept = {f"scholar.{name}": value for name, value in self._scholar.state_dict().items()} if self.scholars else {}
        return {"scholars": torch.tensor(self.scholars), **kept}

    def load_state_dict(self, state: Mapping[str, Tensor]) -> None:
        """Restore what `state_dict` gave."""
        self.scholars = int(state["scholars"])
        if self.scholars:
            named = {name.removeprefix("scholar."): value for name, value in state.items() if name != "scholars"}
            self._scholar.load_state_dict(named)


def _frozen(scholar: Scholar) -> Scholar:
    return copy.deepcopy(scholar).eval().requires_grad_(False)
