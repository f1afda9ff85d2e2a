"""A night for anybody's network: two lines in a plain training loop."""

from collections.abc import Iterable, Iterator
from typing import Any

import torch
from torch import Tensor, nn
from torch.utils.data import DataLoader, Dataset

from oneiros.adapters import checks
from oneiros.adapters.mechanism import Attachment, Mechanism
from oneiros.core import Memory, Seeds

Day = Dataset | tuple[Any, Any]


class Sleeper:
    """A classifier that learns by day and consolidates by night, in its owner's training loop.

    The network learns in place. `loss` stands where cross-entropy stood, and `sleep` comes after each task:

        sleeper = Sleeper(net, GenerativeReplay(), classes=10)
        for task in tasks:
            for x, y in task:
                optimiser.zero_grad()
                sleeper.loss(x, y).backward()
                optimiser.step()
            sleeper.sleep()

    Args:
        net: any `nn.Module` from inputs `[n, ...]` to scores `[n, classes]`, on the device that it will stay on.
        mechanism: what is kept and what a night does.
        classes: how many classes there will ever be.
        seed: of everything that is drawn here; torch's global generator is left alone.
    """

    def __init__(self, net: nn.Module, mechanism: Mechanism, *, classes: int, seed: int = 0) -> None:
        if not isinstance(net, nn.Module):
            raise TypeError(f"net is a {type(net).__name__}; expected a torch.nn.Module")
        if isinstance(mechanism, type) or not isinstance(mechanism, Mechanism):
            raise TypeError(
                f"mechanism is {mechanism!r}; expected one such as GenerativeReplay() (an object, not a class)"
            )
        if classes < 2:
            raise ValueError(f"classes is {classes}; expected at least 2, since one class leaves nothing to tell apart")
        self.net, self.mechanism, self.classes = net, mechanism, classes
        self.attachments: tuple[Attachment, ...] = ()
        self.nights = 0
        self.lessons = 0  # of today
        self._seed = seed
        self._first = torch.zeros(0)  # an input of the first lesson, for its shape and device

    def loss(self, x: Any, y: Any) -> Tensor:
        """Today's loss and what is replayed beside it; call `backward` on it.

        Args:
            x: inputs `[n, ...]`, a floating point tensor or array.
            y: class numbers `[n]`.

        Raises:
            TypeError, ValueError, KeyError: what is given cannot be learned; see `oneiros.adapters.checks`.
        """
        batch = checks.lesson(self.net, x, y, classes=self.classes)
        if not self.attachments:
            checks.scores(self.net, batch.x[:1], classes=self.classes)
            self.attachments = self.mechanism.attach(self.net, batch, self.classes, self._seeds(batch.x))
            self._first = batch.x[0].detach().clone()
        if batch.x.shape[1:] != self._first.shape or batch.x.device != self._first.device:
            raise ValueError(
                f"inputs are {tuple(batch.x.shape[1:])} each on {batch.x.device}; the first lesson's were "
                f"{tuple(self._first.shape)} on {self._first.device}, and so is what was built for them"
            )
        seeds = self._seeds(batch.x)
        views = [each.view(batch) for each in self.attachments]
        main = next((i for i, each in enumerate(self.attachments) if each.replays), 0)
        attached = self.attachments[main]
        loss = attached.loss(attached.brain, views[main], seeds.rng("loss", self.nights, self.lessons))
        for part, (each, view) in enumerate(zip(self.attachments, views, strict=True)):
            for place, phase in enumerate(each.day):
                phase(each.brain, view, seeds.rng(phase.name, self.nights, self.lessons, part, place))
        self.lessons += 1
        return loss

    def sleep(self) -> dict[str, Tensor]:
        """One night; returns what its phases tell.

        Raises:
            RuntimeError: there was no lesson since the last night, so there is nothing to sleep on.
        """
        if not self.lessons:
            when = "after the last night" if self.nights else "before the first night"
            raise RuntimeError(f"no lesson {when}: call loss(x, y) by day, then sleep()")
        told: dict[str, Tensor] = {}
        for part, each in enumerate(self.attachments):
            for place, phase in enumerate(each.night):
                rng = self._seeds(self._parameter()).rng(f"night-{phase.name}", self.nights, part, place)
                told |= phase(each.brain, rng)
        self.nights += 1
        self.lessons = 0
        for each in self.attachments:
            each.brain.age = self.nights
        return told

    def live(
        self, days: Iterable[Day], *, epochs: int = 1, batch_size: int = 64, optimiser: torch.optim.Optimizer
    ) -> Iterator[int]:
        """The training loop for those who have none: yields the number of each day after its night.

        Args:
            days: each a `torch.utils.data.Dataset` of (x, y), or a pair of arrays or tensors (X, y).
            epochs: times through each day's examples.
            batch_size: examples to a step.
            optimiser: of the network's parameters.

        Raises:
            ValueError: all days together show a single class.
        """
        met: set[int] = set()
        for number, day in enumerate(days):
            examples = _examples(day)
            met |= set(torch.as_tensor(examples[1]).unique().tolist())
            for epoch in range(epochs):
                rng = Seeds(self._seed).rng("batches", number, epoch)
                for index in _batches(torch.randperm(len(examples[1]), generator=rng), batch_size):
                    optimiser.zero_grad()
                    self.loss(examples[0][index], examples[1][index]).backward()
                    optimiser.step()
            self.sleep()
            yield number
        if len(met) < 2:
            raise ValueError(f"all days together show class {sorted(met)} and no other: there is nothing to tell apart")

    @property
    def memories(self) -> tuple[Memory, ...]:
        """Everything that is kept of the past."""
        return tuple(memory for each in self.attachments for memory in each.brain.memory.values())

    @property
    def nbytes(self) -> int:
        """Bytes kept of the past."""
        return sum(memory.nbytes for memory in self.memories)

    @property
    def holds_raw(self) -> bool:
        """Whether anybody's raw examples can be got out of what is kept."""
        return any(memory.holds_raw and memory.nbytes for memory in self.memories)

    def _parameter(self) -> Tensor:
        return next(self.net.parameters())

    def _seeds(self, like: Tensor) -> Seeds:
        return Seeds(self._seed, str(like.device))


def _batches(order: Tensor, size: int) -> list[Tensor]:
    """`size` rows to a batch; a row left alone joins the batch before, since batch normalisation cannot learn one."""
    batches = list(order.split(size))
    if len(batches) > 1 and len(batches[-1]) == 1:
        batches[-2:] = [torch.cat(batches[-2:])]
    return batches


def _examples(day: Day) -> tuple[Tensor, Tensor]:
    """Inputs and labels of a day as two tensors."""
    if isinstance(day, tuple):
        if len(day) != 2:
            raise ValueError(f"a day is a tuple of {len(day)}; expected a Dataset or a pair (X, y)")
        return torch.as_tensor(day[0]), torch.as_tensor(day[1])
    parts = list(DataLoader(day, batch_size=1024))
    return torch.cat([torch.as_tensor(x) for x, _ in parts]), torch.cat([torch.as_tensor(y) for _, y in parts])
