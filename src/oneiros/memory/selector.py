"""The hippocampus as a reinforcement learner: remembers what replaying each class was worth, and chooses by it."""

from collections.abc import Mapping

import torch
from jaxtyping import Int
from torch import Tensor

from oneiros.equations.selector import RewardNet, choice_probabilities, fit_reward, untaught


class Selector:
    """Barry & Love's side network: expected reward of replaying each class; classes are chosen by softmax of it.

    Args:
        classes: how many.
        temperature: below 1 the choice is sharper than softmax (authors' code: .3).
        fits: Adam steps on each reward (paper: 50).
        lr: its learning rate (paper: .001).
    """

    def __init__(self, classes: int, *, temperature: float = 0.3, fits: int = 50, lr: float = 0.001) -> None:
        if classes < 2 or temperature <= 0 or fits < 1 or lr <= 0:
            raise ValueError(f"Selector({classes}, {temperature}, {fits}, {lr}): expected classes >= 2, others > 0")
        self.classes, self.temperature, self.fits, self.lr = classes, temperature, fits, lr
        self.net = untaught(classes)
        self.rewards = 0
        self.met = torch.zeros(classes, dtype=torch.bool)  # classes that were rewarded: the others are not chosen

    @property
    def holds_raw(self) -> bool:
        """False: only what was worth replaying."""
        return False

    @property
    def nbytes(self) -> int:
        """Bytes kept; 0 before the first reward."""
        return self.net.parameters.nbytes + self.net.moments.nbytes if self.rewards else 0

    def __len__(self) -> int:
        """Rewards it has learned from."""
        return self.rewards

    @property
    def probabilities(self) -> Tensor:
        """How likely each class is to be replayed next; 0 for one that never was rewarded."""
        if not self.rewards:
            return torch.zeros(self.classes, dtype=torch.float64)
        return choice_probabilities(self.net.parameters[:-1].where(self.met, -torch.inf), self.temperature)

    def reward(self, label: int, worth: float) -> None:
        """Learn that replaying class `label` was worth this much."""
        self.net = fit_reward(self.net, label, worth, fits=self.fits, lr=self.lr)
        self.rewards += 1
        self.met[label] = True

    def choose(self, n: int, rng: torch.Generator) -> Int[Tensor, " n"]:
        """`n` classes to replay, drawn by their probabilities."""
        if not self.rewards:
            raise RuntimeError("choice from an empty Selector: reward one batch of each class first")
        drawn = torch.rand(n, generator=rng, device=rng.device, dtype=torch.float64).cpu()
        last = int(self.met.nonzero().max())  # the sum of all may round to less than 1
        return torch.searchsorted(self.probabilities.cumsum(0), drawn, right=True).clamp(max=last)

    def state_dict(self) -> dict[str, Tensor]:
        """Tensors that restore this memory."""
        counts = torch.tensor([self.net.t, self.rewards])
        net = {"parameters": self.net.parameters.clone(), "moments": self.net.moments.clone()}
        return {**net, "counts": counts, "met": self.met.clone()}

    def load_state_dict(self, state: Mapping[str, Tensor]) -> None:
        """Restore what `state_dict` returned."""
        t, self.rewards = (int(count) for count in state["counts"])
        self.net = RewardNet(state["parameters"].cpu().clone(), state["moments"].cpu().clone(), t)
        # Without "met" in checkpoints of lives in which every class is tried in the first night.
        self.met = state["met"].cpu().clone() if "met" in state else torch.full((self.classes,), self.rewards > 0)
