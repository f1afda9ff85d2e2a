"""A Sleeper in Lightning's Trainer: `Trainer(callbacks=[SleepCallback(Sleeper(module.net))])`.

Needs the extra `lightning` (`pip install 'oneiros[lightning]'`). Test: `tests/sleeper/test_lightning.py`.
"""

from collections.abc import Callable, Mapping
from typing import Any

from lightning.pytorch import Callback, LightningModule, Trainer
from torch import Tensor

from oneiros.sleeper.days import split
from oneiros.sleeper.overheard import overhearing, share_of_loss
from oneiros.sleeper.sleeper import Sleeper


class SleepCallback(Callback):
    """Lessons that replay, and nights, in Lightning's own training loop.

    `training_step` stays as it is: it asks the network once and returns its loss, and the Sleeper's loss of the same
    scores takes that one's place. A checkpoint of the Trainer holds the Sleeper's state, too.

    Args:
        sleeper: of the module, or of the network in it that gives the scores.
        every: a night after every so many epochs; None is one night at the end of each `fit`, which is then a task.
    """

    def __init__(self, sleeper: Sleeper, *, every: int | None = None) -> None:
        if not isinstance(sleeper, Sleeper):
            raise TypeError(f"SleepCallback got a {type(sleeper).__name__}; expected Sleeper(module.net)")
        if every is not None and every < 1:
            raise ValueError(f"SleepCallback.every is {every}; expected a whole number of at least 1, or None")
        self.sleeper, self.every = sleeper, every
        self._epochs = 0
        self._restored: Mapping[str, Tensor] | None = None
        self._step: Callable[..., Any] | None = None  # the module's own, while ours stands in its place

    def on_fit_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Refuse what cannot learn this way."""
        if not any(self.sleeper.net is module for module in pl_module.modules()):
            raise ValueError(
                f"the Sleeper's {type(self.sleeper.net).__name__} is not in this {type(pl_module).__name__}: "
                "make it of the module's own network, Sleeper(module.net)"
            )
        if trainer.world_size > 1:
            raise ValueError(f"a Sleeper's nights are of one process, and here are {trainer.world_size}: devices=1")
        if not pl_module.automatic_optimization:
            raise ValueError(
                "with manual optimisation nobody can put a loss in your loss's place: call sleeper.loss(x, y) in "
                "training_step yourself, sleeper.sleep() after it, and leave SleepCallback out"
            )

    def on_train_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Go on where a checkpoint was, if one was given; stand in the step's place."""
        if self._restored is not None:
            self.sleeper.load_state_dict(self._restored)
            self._restored = None
        self._step = step = pl_module.training_step
        compared = False

        def with_the_past(*args: Any, **kwargs: Any) -> Any:
            nonlocal compared
            told = self._lesson(step, args, kwargs, compare=not compared)
            compared = True
            return told

        pl_module.training_step = with_the_past

    def _lesson(self, step: Callable[..., Any], args: tuple, kwargs: dict[str, Any], *, compare: bool) -> Any:
        """The module's own step, its loss replaced."""
        with overhearing(self.sleeper.net) as heard:
            told = step(*args, **kwargs)
        own = told.get("loss") if isinstance(told, Mapping) else told
        if own is None:  # a step that is left out
            return told
        if len(heard) != 1:
            raise ValueError(
                f"training_step asked {type(self.sleeper.net).__name__} {len(heard)} times; expected once, so that its "
                "answer is to today's inputs: call it once, or call sleeper.loss(x, y) yourself, without SleepCallback"
            )
        ((x, answer),) = heard
        _, y = split(args[0] if args else kwargs["batch"])
        if compare:
            share_of_loss(self.sleeper, own, answer, y, (1.0,), who="training_step")
        loss = self.sleeper.lesson(x, y, answer=answer).loss
        return {**told, "loss": loss} if isinstance(told, Mapping) else loss

    def on_train_epoch_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Night, if it is time."""
        self._epochs += 1
        if self.every is not None and self._epochs % self.every == 0:
            self.sleeper.sleep()

    def on_train_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Night after a task, and the module's own step again."""
        self._give_back(pl_module)
        if self.every is None and self.sleeper.lessons:
            self.sleeper.sleep()

    def on_exception(self, trainer: Trainer, pl_module: LightningModule, exception: BaseException) -> None:
        """The module's own step again."""
        self._give_back(pl_module)

    def _give_back(self, pl_module: LightningModule) -> None:
        if self._step is not None:
            del pl_module.training_step  # ours, on the instance; its class has its own
            self._step = None

    def state_dict(self) -> dict[str, Any]:
        """The Sleeper's state, and how many epochs there were."""
        return {"sleeper": self.sleeper.state_dict(), "epochs": self._epochs}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Kept until training starts, when the module is where it stays."""
        self._restored, self._epochs = state_dict["sleeper"], state_dict["epochs"]
