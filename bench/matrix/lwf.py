"""Learning without Forgetting for one growing head (Li & Hoiem 2016): a baseline of the matrix."""

import copy
from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor, nn

from oneiros.core import Batch, Brain, Seeds
from oneiros.equations.scholar import soft_target_loss
from oneiros.sleeper import Attachment, Needs


class OldNetwork:
    """A frozen copy of the network as it was last night, and the classes that it had met by then."""

    holds_raw = False

    def __init__(self, like: nn.Module) -> None:
        self._like, self.net = like, copy.deepcopy(like)
        self.known: set[int] = set()
        self.today: set[int] = set()

    @property
    def nbytes(self) -> int:
        """Of the copy, once there is one."""
        return sum(each.nbytes for each in self.net.state_dict().values()) if self.known else 0

    def take(self) -> None:
        """Copy the network as it is."""
        self.net = copy.deepcopy(self._like).eval().requires_grad_(False)
        self.known |= self.today

    def state_dict(self) -> dict[str, Tensor]:
        """The copy's tensors."""
        return dict(self.net.state_dict())

    def load_state_dict(self, state: Mapping[str, Tensor]) -> None:
        """Restore them."""
        self.net.load_state_dict(state)


@dataclass(frozen=True)
class _Meet:
    """By day: notes which classes are taught."""

    name = "meet"
    changes = ()
    returns = ()

    def __call__(self, brain: Brain, batch: Batch, rng: torch.Generator) -> dict[str, Tensor]:
        brain.remembers("old", OldNetwork).today |= set(batch.targets().tolist())
        return {}


@dataclass(frozen=True)
class _Keep:
    """By night: the network becomes tomorrow's teacher."""

    name = "keep"
    changes = ()
    returns = ()

    def __call__(self, brain: Brain, rng: torch.Generator) -> dict[str, Tensor]:
        brain.remembers("old", OldNetwork).take()
        return {}


@dataclass(frozen=True, kw_only=True)
class OldAnswers:
    """The old network's answers to today's inputs, over the classes that it knew, stay as they were.

    Attributes:
        weight: of this term (their lambda_o: 1).
        temperature: of the answers (theirs: 2).
    """

    weight: float = 1.0
    temperature: float = 2.0

    def __call__(self, brain: Brain, batch: Batch, rng: torch.Generator) -> Tensor:
        """Mean distillation loss of the batch; 0 on the first day."""
        old = brain.remembers("old", OldNetwork)
        if not old.known:
            return batch.x.new_zeros(())
        columns = sorted(old.known)
        with torch.no_grad():
            teacher = old.net(batch.x)[:, columns]
        scores = brain.net(batch.x)[:, columns]
        return self.weight * soft_target_loss(scores, teacher, temperature=self.temperature).mean()


@dataclass(frozen=True, kw_only=True)
class LwF:
    """Today's cross-entropy over all classes, and `OldAnswers`."""

    needs: ClassVar[Needs] = Needs(
        paper="Li & Hoiem 2016", net="any classifier that can be copied", inputs="any", keeps="a copy of the network",
        raw=False,
    )  # fmt: skip

    answers: OldAnswers = OldAnswers()

    def attach(self, net: nn.Module, like: Batch, classes: int, seeds: Seeds) -> tuple[Attachment, ...]:
        """A teacher beside the network."""
        brain = Brain(net=net, memory={"old": OldNetwork(net)})
        return (Attachment(brain=brain, losses=(self.answers,), day=(_Meet(),), night=(_Keep(),)),)
