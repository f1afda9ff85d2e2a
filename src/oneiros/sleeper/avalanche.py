"""Any night in anybody's Avalanche strategy: `plugins=[SleepPlugin(GenerativeReplay(), classes=10)]`.

Needs the extra `avalanche` (`pip install oneiros[avalanche]`). Test: `tests/sleeper/test_avalanche.py`.
"""

from typing import Any

from avalanche.core import SupervisedPlugin  # pyright: ignore[reportMissingImports]
from torch import nn

from oneiros.sleeper.mechanism import Mechanism
from oneiros.sleeper.sleeper import Sleeper


class SleepPlugin(SupervisedPlugin):
    """Lessons that replay, and a night after each experience, in Avalanche's own training loop.

    Works in every strategy that takes gradient steps on a cross-entropy of class scores. Where the mechanism replays
    by day, its loss takes the criterion's place; other plugins' terms that were added before it are kept.

    Args:
        mechanism: what is kept and what a night does.
        classes: how many classes there will ever be: the scores of the strategy's model.
        seed: of everything that is drawn here.
        every: a night after every so many experiences.
    """

    def __init__(self, mechanism: Mechanism, *, classes: int, seed: int = 0, every: int = 1) -> None:
        super().__init__()
        if every < 1:
            raise ValueError(f"SleepPlugin.every is {every}; expected a whole number of at least 1")
        self.mechanism, self.classes, self.seed, self.every = mechanism, classes, seed, every
        self.sleeper: Sleeper | None = None
        self.experiences = 0

    def before_training(self, strategy: Any, *args: Any, **kwargs: Any) -> None:
        """Attach to the strategy's model, once."""
        if not isinstance(strategy._criterion, nn.CrossEntropyLoss):
            raise TypeError(
                f"SleepPlugin needs a strategy with CrossEntropyLoss, got {type(strategy._criterion).__name__}"
            )
        if self.sleeper is None:
            self.sleeper = Sleeper(strategy.model, self.mechanism, classes=self.classes, seed=self.seed)
        elif self.sleeper.net is not strategy.model:
            raise ValueError("this SleepPlugin belongs to another strategy's model: make one plugin for each strategy")

    def before_backward(self, strategy: Any, *args: Any, **kwargs: Any) -> None:
        """Put today's loss with what is replayed in place of the criterion's."""
        assert self.sleeper is not None  # before_training made it
        lesson = self.sleeper.loss(strategy.mb_x, strategy.mb_y)
        strategy.loss = strategy.loss - strategy.criterion() + lesson

    def after_training_exp(self, strategy: Any, *args: Any, **kwargs: Any) -> None:
        """Night."""
        assert self.sleeper is not None  # before_training made it
        self.experiences += 1
        if self.experiences % self.every == 0:
            self.sleeper.sleep()
