"""A Sleeper in Hugging Face's Trainer: `Trainer(model, callbacks=[SleepCallback(Sleeper(model))], ...)`.

Needs the extra `transformers` (`pip install 'oneiros[transformers]'`). Test: `tests/sleeper/test_transformers.py`.
"""

from collections.abc import Callable
from typing import Any

from torch import nn
from torch.utils.hooks import RemovableHandle
from transformers import TrainerCallback, TrainerControl, TrainerState, TrainingArguments

from oneiros.sleeper.overheard import inputs_of, share_of_loss
from oneiros.sleeper.sleeper import Sleeper


class SleepCallback(TrainerCallback):
    """Lessons that replay, and nights, in the Trainer's own training loop.

    The model goes on making its own loss of `labels`; while it is trained, the Sleeper's loss of the same logits takes
    that one's place. Inputs are padded to one length (`padding="max_length"`).

    Args:
        sleeper: of the very model that the Trainer is given.
        every: a night after every so many epochs; None is one night at the end of each `train`, which is then a task.
    """

    def __init__(self, sleeper: Sleeper, *, every: int | None = None) -> None:
        if not isinstance(sleeper, Sleeper):
            raise TypeError(f"SleepCallback got a {type(sleeper).__name__}; expected Sleeper(model)")
        if every is not None and every < 1:
            raise ValueError(f"SleepCallback.every is {every}; expected a whole number of at least 1, or None")
        self.sleeper, self.every = sleeper, every
        self._epochs = 0
        self._handle: RemovableHandle | None = None

    def on_train_begin(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **kwargs: Any
    ) -> None:
        """Listen to the model; refuse what cannot learn this way."""
        if kwargs["model"] is not self.sleeper.net:
            raise ValueError(
                f"the Trainer trains another {type(kwargs['model']).__name__} than the Sleeper's: give both the same"
            )
        if args.world_size > 1 or args.n_gpu > 1:
            raise ValueError("a Sleeper's nights are of one process and one device: set CUDA_VISIBLE_DEVICES to one")
        if args.label_smoothing_factor:
            raise ValueError(
                "label_smoothing_factor takes the labels from the model: leave it 0, and give "
                f"Sleeper(criterion=CrossEntropyLoss(label_smoothing={args.label_smoothing_factor}))"
            )
        self._stop_listening()  # to a training that an exception ended
        self._handle = self.sleeper.net.register_forward_hook(replaced_loss(self.sleeper), with_kwargs=True)

    def on_step_end(self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **kwargs: Any) -> None:
        """Refuse a step that was no lesson."""
        if not self.sleeper.lessons:
            raise RuntimeError(
                "a step of the Trainer was no lesson: its batches need `labels`, and the loss has to be the model's "
                "own (no compute_loss_func)"
            )

    def on_epoch_end(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **kwargs: Any
    ) -> None:
        """Night, if it is time."""
        self._epochs += 1
        if self.every is not None and self._epochs % self.every == 0:
            self.sleeper.sleep()

    def on_train_end(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **kwargs: Any
    ) -> None:
        """Night after a task."""
        self._stop_listening()
        if self.every is None and self.sleeper.lessons:
            self.sleeper.sleep()

    def _stop_listening(self) -> None:
        if self._handle is not None:
            self._handle.remove()
            self._handle = None


def replaced_loss(sleeper: Sleeper) -> Callable[[nn.Module, tuple, dict[str, Any], Any], Any]:
    """A forward hook that puts the Sleeper's loss where the model's own is, whenever it is trained on labels.

    Where gradients of several batches are added up, the Trainer tells models how many labels these have in all; some
    then give a batch's share of the mean over all, others go on giving the batch's mean. The Sleeper's loss does as
    the model's.
    """
    asked_for_shares: bool | None = None  # not known yet

    def replace(module: nn.Module, args: tuple, kwargs: dict[str, Any], output: Any) -> Any:
        nonlocal asked_for_shares
        # Not of a copy, which mechanisms make; not when the Sleeper itself asks, which gives no labels.
        if module is not sleeper.net or not module.training or kwargs.get("labels") is None:
            return None
        inputs = {name: value for name, value in kwargs.items() if name not in ("labels", "num_items_in_batch")}
        y, items = kwargs["labels"], kwargs.get("num_items_in_batch")
        share = 1.0 if items is None else len(y) / float(items)
        if asked_for_shares is None:
            found = share_of_loss(sleeper, output["loss"], output["logits"], y, (share, 1.0), who="the model")
            asked_for_shares = found == share
        loss = sleeper.lesson(inputs_of(args, inputs), y, answer=output["logits"]).loss
        output["loss"] = loss * share if asked_for_shares else loss
        return output

    return replace
