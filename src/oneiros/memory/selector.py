"""The hippocampus as a reinforcement learner: remembers what replaying each class was worth, and recalls by it."""

from collections.abc import Mapping

import torch
from torch import Tensor
from torch.nn.functional import one_hot

from oneiros.core import Batch
from oneiros.equations.selector import RewardNet, choice_probabilities, fit_reward, untaught


class Selector:
    """Barry & Love's side network: expected reward of replaying each class; classes are recalled by softmax of it.

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

    def store(self, batch: Batch, rng: torch.Generator) -> None:
        """Learn from rewards: y are the classes that were replayed, z `[n, 1]` what came of each."""
        if batch.z is None:
            raise ValueError("a Selector stores rewards: give a Batch with classes y and rewards z [n, 1]")
        for chosen, reward in zip(batch.targets().tolist(), batch.z[:, 0].tolist(), strict=True):
            self.net = fit_reward(self.net, chosen, reward, fits=self.fits, lr=self.lr)
            self.rewards += 1
            self.met[chosen] = True

    def recall(self, n: int, rng: torch.Generator) -> Batch:
        """`n` classes to replay, drawn by their probabilities; x is one-hot."""
        if not self.rewards:
            raise RuntimeError("recall from an empty Selector: store the reward of one batch of each class first")
        drawn = torch.rand(n, generator=rng, device=rng.device, dtype=torch.float64).cpu()
        last = int(self.met.nonzero().max())  # the sum of all may round to less than 1
        y = torch.searchsorted(self.probabilities.cumsum(0), drawn, right=True).clamp(max=last)
        return Batch(x=one_hot(y, self.classes).float(), y=y)

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
