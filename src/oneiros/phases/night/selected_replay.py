"""Replay steered by a reinforcement learner: which class to replay next is learned from what replaying it is worth.

Barry & Love 2022, Methods, "Replay within a reinforcement learning framework". Equations:
`oneiros.equations.selector`. Test: `tests/phases/test_selected_replay.py`.
"""

import copy
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from oneiros.core import Batch, Brain, concatenate
from oneiros.equations.selector import chi_square, correct_by_class
from oneiros.memory.class_activations import ClassActivations
from oneiros.memory.images import Images
from oneiros.memory.selector import Selector
from oneiros.nets.cut import Cut, cut
from oneiros.nets.modes import resting
from oneiros.phases.night.category_replay import SteerableReplay

CHUNK = 50  # held-out images encoded at once: a third faster than 250, whose early maps leave the cache


@dataclass(frozen=True, kw_only=True)
class SelectedReplay:
    """As many batches as a night of `inner`, each of one class that the selector chooses and is rewarded for.

    The reward is by how much the batch lowered chi-square on what is held out. The layers below the location do not
    change in a night, so held-out images' activations are computed once, and a reward costs a pass through the layers
    above. Where the layers below never change, the activations are kept instead of the images. Of each class that the
    selector has not met (all of them, in its first night) it begins with the reward of one batch, each from the same
    weights and optimiser.

    Attributes:
        inner: the night phase that dreams and learns.
        classes: how many there are, those that are not known yet included.
        held: name of the memory of what is held out: `Images`, or `ClassActivations` at the location.
        selector: name of the memory that chooses.
        optim: name of the optimiser that `inner` uses.
        rewarded: held-out images of each class that the reward looks at, the first ones; 0 for all (paper: 130).
    """

    name = "selected-replay"

    inner: SteerableReplay
    classes: int
    held: str = "validation"
    selector: str = "selector"
    optim: str = "wake"
    rewarded: int = 0

    @property
    def changes(self) -> tuple[str, ...]:
        """What `inner` changes."""
        return self.inner.changes

    @property
    def returns(self) -> tuple[str, ...]:
        """Mean loss of the night, what it did to chi-square, and batches replayed of each class."""
        return ("loss", "reward", *(f"replayed:{label}" for label in range(self.classes)))

    def __call__(self, brain: Brain, rng: torch.Generator) -> dict[str, Tensor]:
        """Sleep for one night."""
        selector = brain.remembers(self.selector, Selector)
        parts = cut(brain.net, self.inner.location)
        held = self._held(brain, parts)
        self._try_unmet(brain, parts, held, rng)
        before = last = self._chi_square(parts.above, held)
        batches = -(-len(self.inner.night(brain, rng)) // self.inner.batch_size)
        counts, losses = torch.zeros(self.classes), []
        for _ in range(batches):
            label = int(selector.choose(1, rng))
            losses.append(self._replay(brain, parts, label, rng))
            now = self._chi_square(parts.above, held)
            selector.reward(label, last - now)
            counts[label] += 1
            last = now
        values = [torch.stack(losses).mean(), torch.tensor(before - last), *counts]
        return dict(zip(self.returns, values, strict=True))

    def _held(self, brain: Brain, parts: Cut) -> Batch:
        """Activations at the location, with labels."""
        memory = brain.remembers(self.held, Images, ClassActivations)
        if isinstance(memory, Images):
            held = self._first(concatenate(list(memory.batches())))
            with resting(brain.net):
                return Batch(x=torch.cat([parts.below(x) for x in held.x.split(CHUNK)]), y=held.y)
        index = torch.cat([torch.arange(memory.count(label)) for label in memory.classes])
        labels = torch.tensor(memory.classes).repeat_interleave(torch.tensor([*map(memory.count, memory.classes)]))
        return self._first(memory.at(labels, index))

    def _first(self, held: Batch) -> Batch:
        if not self.rewarded:
            return held
        labels = held.targets()
        first = torch.cat([(labels == c).nonzero().flatten()[: self.rewarded] for c in range(self.classes)])
        return Batch(x=held.x[first], y=labels[first])

    def _chi_square(self, above: nn.Module, held: Batch) -> float:
        labels = held.targets()
        with resting(above):
            correct = correct_by_class(above(held.x), labels)
        most = torch.bincount(labels, minlength=len(correct)).to(correct)
        known = most > 0
        return float(chi_square(correct[known], most[known]))

    def _replay(self, brain: Brain, parts: Cut, label: int, rng: torch.Generator) -> Tensor:
        labels = torch.full((self.inner.batch_size,), label)
        return self.inner.learn(brain, parts, next(iter(self.inner.dream(brain, labels, rng))), rng)

    def _try_unmet(self, brain: Brain, parts: Cut, held: Batch, rng: torch.Generator) -> None:
        """Replay one batch of each class never rewarded, undoing it each time; then learn from all the rewards."""
        selector = brain.remembers(self.selector, Selector)
        unmet = [label for label in held.targets().unique().tolist() if not selector.met[label]]
        if not unmet:
            return
        optimiser, start = brain.optimiser(self.optim), self._chi_square(parts.above, held)
        above = parts.above
        weights, moments = copy.deepcopy(above.state_dict()), copy.deepcopy(optimiser.state_dict())
        rewards = []
        for label in unmet:
            self._replay(brain, parts, label, rng)
            rewards.append(start - self._chi_square(above, held))
            above.load_state_dict(weights)
            # A copy each time: the optimiser goes on to change in place what it is given.
            optimiser.load_state_dict(copy.deepcopy(moments))
        for label, reward in zip(unmet, rewards, strict=True):
            selector.reward(label, reward)
