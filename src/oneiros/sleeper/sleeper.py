"""A night for anybody's network: two lines in a plain training loop."""

import copy
import logging
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from oneiros.core import Batch, Memory, Seeds
from oneiros.equations.scholar import shared_loss
from oneiros.memory.evidence import Evidence
from oneiros.phases.losses import Replayed, mean_cross_entropy
from oneiros.sleeper import audit, checks, health, state
from oneiros.sleeper.audit import Forgotten, Judgement, Kept
from oneiros.sleeper.automatic import Automatic
from oneiros.sleeper.days import Day, lessons
from oneiros.sleeper.health import Health
from oneiros.sleeper.inputs import Reading, Scoring, Wrapped, reading, wraps
from oneiros.sleeper.mechanism import Attachment, Mechanism, the_network

LOG = logging.getLogger("oneiros.sleeper")
Criterion = Callable[[Tensor, Tensor], Tensor]
ROWS = 256


@dataclass(frozen=True)
class Lesson:
    """What one lesson comes to.

    Attributes:
        loss: 0-d; call `backward` on it.
        scores: the network's answers to today's inputs, `[n, classes]`, as the loss saw them.
    """

    loss: Tensor
    scores: Tensor


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
        net: any `nn.Module` from inputs to scores `[n, classes]`, on the device that it will stay on. Inputs are a
            tensor `[n, ...]` of floating point numbers or of token ids, or a mapping or tuple of tensors with a row an
            example each, which the network is given by name or in order; scores are a tensor, or the `logits` of what
            the network gives, or its first part.
        mechanism: what is kept and what a night does; by default, what evidence chooses (`Automatic`). Then ask
            `predict` or `model()`, since what answers best may stand beside the network.
        classes: how many classes there will ever be; None takes as many as the network has scores, and where the
            mechanism can (`Attachment.grows`), more once the network has more.
        criterion: today's loss, from scores `[n, classes]` and class numbers `[n]` to a mean, such as
            `CrossEntropyLoss(weight=..., label_smoothing=...)`; by default cross-entropy. What is replayed is judged by
            the mechanism.
        seed: of everything that is drawn here; torch's global generator is left alone.
    """

    def __init__(
        self, net: nn.Module, mechanism: Mechanism | None = None, *, classes: int | None = None,
        criterion: Criterion | None = None, seed: int = 0,
    ) -> None:  # fmt: skip
        mechanism = Automatic() if mechanism is None else mechanism
        if not isinstance(net, nn.Module):
            raise TypeError(f"net is a {type(net).__name__}; expected a torch.nn.Module")
        if isinstance(mechanism, type) or not isinstance(mechanism, Mechanism):
            raise TypeError(
                f"mechanism is {mechanism!r}; expected one such as GenerativeReplay() (an object, not a class)"
            )
        if classes is not None:
            checks.whole("classes", classes, least=2)  # one class leaves nothing to tell apart
        self.net, self.mechanism = net, mechanism
        self.classes = classes or 0  # 0 until the first lesson shows how many scores there are
        self.criterion = criterion
        self._open = classes is None
        self._inner = getattr(net, "_orig_mod", net)  # what mechanisms are attached to: torch.compile renames modules
        self._called = net  # what lessons call
        self._reading: Reading | None = None
        self.attachments: tuple[Attachment, ...] = ()
        self.nights = 0
        self.lessons = 0  # of today
        self._seed = seed
        self._blank = torch.zeros(0)  # zeros [1, ...] like an input of the first lesson: its shape, type and device
        self._met: set[int] = set()  # classes that `live` has shown
        self.health = Health(steps=0)  # of the last day and its night
        self._judgements: dict[tuple[int, str], Judgement] = {}
        self._answering: nn.Module | None = None  # `model()`, until something changes it

    def loss(self, x: Any, y: Any) -> Tensor:
        """Today's loss, what is replayed beside it, and the terms that mechanisms add; call `backward` on it.

        Args:
            x: inputs `[n, ...]`, a floating point tensor or array.
            y: class numbers `[n]`.

        Raises:
            TypeError, ValueError, KeyError: what is given cannot be learned; see `oneiros.sleeper.checks`.
        """
        return self.lesson(x, y).loss

    def lesson(self, x: Any, y: Any, *, answer: Any = None) -> Lesson:
        """As `loss`, with the scores of today's inputs beside it.

        Args:
            x: inputs, as `loss` has them.
            y: class numbers `[n]`.
            answer: what the network has said to `x` in this very step, with its graph, if somebody has asked already;
                then it is asked about what is replayed alone (and batch normalisation sees the two apart).
        """
        batch = self._understood(x, y)
        if not self.attachments:
            self.attachments = self.mechanism.attach(self._inner, batch, self.classes, self._seeds(batch.x))
            self._blank = torch.zeros_like(batch.x[:1])
        if batch.x.shape[1:] != self._blank.shape[1:] or batch.x.device != self._blank.device:
            raise ValueError(
                f"inputs are {tuple(batch.x.shape[1:])} each on {batch.x.device}; the first lesson's were "
                f"{tuple(self._blank.shape[1:])} on {self._blank.device}, and so is what was built for them"
            )
        views = [each.view(batch) for each in self.attachments]
        learned = batch
        for each in self.attachments:
            learned = each.learned(learned)
        main, scores = self._replaying(learned, answer)
        loss = torch.stack([main, *self._beside(views)]).sum()
        health.finite_loss(loss, lessons=self.lessons, nights=self.nights)
        with torch.autocast(batch.x.device.type, enabled=False):
            self._learn_beside(views)
        self.lessons += 1
        self._answering = None
        return Lesson(loss, scores)

    def _understood(self, x: Any, y: Any) -> Batch:
        """A lesson as mechanisms want it; the first one shows what the network takes and gives."""
        if not self.attachments:
            self._reading = reading(x)
        batch = checks.lesson(self._inner, x, y, self._reading)
        if not self.attachments:
            with checks.taking(self.net, batch.x):
                if wraps(self._inner, self._reading, batch.x[:1]):
                    self._inner = Wrapped(self._inner, self._reading)
                    self._called = self._inner
                self.classes = checks.scores(self._inner, batch.x[:1], classes=self.classes or None)
        elif self._open and int(batch.targets().max()) >= self.classes:
            self._grow(batch)
        checks.labels(batch.targets(), classes=self.classes)
        return batch

    def _grow(self, batch: Batch) -> None:
        """The network may have more scores than at first."""
        now = checks.scores(self._inner, batch.x[:1], classes=None)
        if now > self.classes and not all(each.grows for each in self.attachments):
            raise ValueError(
                f"the network has {now} scores now, but {type(self.mechanism).__name__} was built for "
                f"{self.classes}: give it from the beginning as many as will ever come"
            )
        self.classes = max(now, self.classes)

    def _today(self, scores: Tensor, batch: Batch) -> Tensor:
        """Today's loss of scores; rows of weight 0 are left out."""
        if self.criterion is None:
            return mean_cross_entropy(scores, batch)
        counts = slice(None) if batch.weight is None else batch.weight > 0
        loss = self.criterion(scores[counts], batch.targets()[counts])
        if loss.ndim:
            raise ValueError(f"the criterion gives {tuple(loss.shape)}; expected one number: reduction='mean'")
        return loss

    def _replaying(self, batch: Batch, answer: Any) -> tuple[Tensor, Tensor]:
        """Today's loss, once, and what is replayed in the same step; all that is not answered is scored in one pass."""
        asking = [(each, replay) for each in self.attachments for replay in each.replays]
        replayed: list[tuple[Attachment, Replayed, Batch]] = []
        for place, (each, replay) in enumerate(asking):
            # The first one's address has no place in it, so that lives with and without a second share its dreams.
            address = (self.nights, self.lessons, *([place] if place else []))
            asked = replay.ask(each.brain, self._seeds(batch.x).rng("loss", *address))
            if asked is not None:
                replayed.append((each, replay, asked))
        inputs = [batch.x] if answer is None else []
        inputs += [each.shown(asked.x.to(batch.x.dtype)) for each, _, asked in replayed]
        found: list[Tensor] = [] if answer is None else [checks.answered(self.net, answer, len(batch.x))]
        if inputs:
            together = torch.cat(inputs) if replayed else batch.x
            found += self._called(together).split([len(x) for x in inputs])
        scores, *others = found
        today = self._today(scores, batch)
        if not replayed:
            return today, scores
        past = [replay.judge(past, asked) for past, (_, replay, asked) in zip(others, replayed, strict=True)]
        return shared_loss(today, past, [replay.r(each.brain) for each, replay, _ in replayed]), scores

    def _beside(self, views: list[Batch]) -> list[Tensor]:
        """The terms that mechanisms add."""
        found: list[Tensor] = []
        for part, (each, view) in enumerate(zip(self.attachments, views, strict=True)):
            for place, term in enumerate(each.losses):
                rng = self._seeds(self._blank).rng("term", self.nights, self.lessons, part, place)
                found.append(term(each.brain, view, rng))
        return found

    def _learn_beside(self, views: list[Batch]) -> None:
        """What learns or remembers beside the network."""
        for part, (each, view) in enumerate(zip(self.attachments, views, strict=True)):
            for place, phase in enumerate(each.day):
                rng = self._seeds(self._blank).rng(phase.name, self.nights, self.lessons, part, place)
                phase(each.brain, view, rng)

    def sleep(self) -> dict[str, Tensor]:
        """One night; returns what its phases tell. The network's gradients are cleared.

        How it went is in `health` afterwards; what should be done about it is logged as warnings (`oneiros.sleeper`).

        Raises:
            RuntimeError: there was no lesson since the last night, so there is nothing to sleep on.
            FloatingPointError: a weight is NaN or infinite.
        """
        if not self.lessons:
            when = "after the last night" if self.nights else "before the first night"
            raise RuntimeError(f"no lesson {when}: call loss(x, y) by day, then sleep()")
        health.finite_weights(self.net)
        seeds = self._seeds(self._parameter())
        known = health.still_known(self.attachments, seeds, self.nights)
        told: dict[str, Tensor] = {}
        # Nights are few and their solutions exact: in the precision of the weights.
        with torch.autocast(self._parameter().device.type, enabled=False):
            for part, each in enumerate(self.attachments):
                for place, phase in enumerate(each.night):
                    rng = seeds.rng(f"night-{phase.name}", self.nights, part, place)
                    told |= phase(each.brain, rng)
        self.health = health.after(self.attachments, seeds, night=self.nights, steps=self.lessons, known=known)
        for warning in self.health.warnings:
            LOG.warning("night %d: %s", self.nights + 1, warning)
        # Those of the night's last step, to which a loop that clears gradients after its steps would add.
        self.net.zero_grad(set_to_none=True)
        self.nights += 1
        self.lessons = 0
        self._answering = None
        for each in self.attachments:
            each.brain.age = self.nights
        return told

    def model(self) -> nn.Module:
        """A plain module, apart from this Sleeper, that answers with what has been consolidated until now.

        From inputs to scores `[n, classes]`, -inf for a class that nothing is known of. In evaluation mode; it can be
        kept, exported or learned further like any other.
        """
        found = self._packed_model()
        return Scoring(found.net).eval() if isinstance(found, Wrapped) else found

    def _packed_model(self) -> nn.Module:
        """`model()`, asked with inputs that are packed."""
        for each in self.attachments:
            answer = each.answer(self.classes)
            if answer is not None:
                return answer.eval()
        return copy.deepcopy(self._inner).eval()

    @torch.no_grad()
    def scores(self, x: Any) -> Tensor:
        """Scores `[n, classes]` of `model()` for inputs as lessons have them, `ROWS` at a time."""
        if not self.attachments:
            packing = reading(x)
            asked = checks.inputs(self._inner, x, packing)
            return torch.cat([Wrapped(self._inner, packing).eval()(part) for part in asked.split(ROWS)])
        if self._answering is None:
            self._answering = self._packed_model()
        inputs = checks.inputs(self._inner, x, self._reading)
        return torch.cat([self._answering(part) for part in inputs.split(ROWS)])

    def predict(self, x: Any) -> Tensor:
        """Class numbers `[n]` for inputs `[n, ...]`: the highest of `scores`."""
        return self.scores(x).argmax(1)

    @property
    def choice(self) -> str:
        """What answers and why, in one line."""
        lines = [each.line for each in self.memories if isinstance(each, Evidence)]
        return lines[0] if lines else f"network: {type(self.mechanism).__name__} was asked for"

    def live(
        self, days: Iterable[Day], *, epochs: int = 1, batch_size: int = 64, optimiser: torch.optim.Optimizer
    ) -> Iterator[int]:
        """The training loop for those who have none: yields the number of each day after its night.

        Days are numbered by the nights before them, so a life that is resumed (`load_state_dict`) goes on with
        `live(days[sleeper.nights:], ...)`.

        Args:
            days: each a pair of arrays or tensors (X, y), a `torch.utils.data.Dataset` of pairs or of mappings with
                labels, or a `DataLoader`; the last two are asked anew every epoch, so augmentation is drawn anew.
            epochs: times through each day's examples.
            batch_size: examples to a step; a `DataLoader` has its own.
            optimiser: of the network's parameters.

        Raises:
            ValueError: all days together show a single class.
        """
        health.own_optimiser(self.net, optimiser)
        checks.whole("epochs", epochs, least=1)
        checks.whole("batch_size", batch_size, least=1)
        for number, day in enumerate(days, start=self.nights):
            for epoch in range(epochs):
                rng = Seeds(self._seed).rng("batches", number, epoch)
                for x, y in lessons(day, batch_size, rng):
                    optimiser.zero_grad()
                    self.loss(x, y).backward()
                    optimiser.step()
                    self._met |= set(torch.as_tensor(y).unique().tolist())
            self.sleep()
            yield number
        if len(self._met) < 2:
            raise ValueError(
                f"all days together show class {sorted(self._met)} and no other: there is nothing to tell apart"
            )

    def state_dict(self) -> dict[str, Tensor]:
        """All that `load_state_dict` needs to go on as if nothing had happened, as tensors by name.

        The network's weights and buffers (`net.*`), what is kept of the past, the weights and optimisers of what learns
        beside the network, and counts. Copies, contiguous and apart, so that `safetensors.torch.save_file` takes them.
        Not in it, since they are the caller's: the optimiser of the training loop, the order of the batches, and
        torch's global generator where the network draws from it (`torch.nn.Dropout`).
        """
        counts = torch.tensor([self.classes, self._seed, self.nights, self.lessons])
        met = torch.tensor([label in self._met for label in range(self.classes)])
        built = {} if not self.attachments else {"blank": self._blank.clone()}
        packed = {} if self._reading is None else {"reading": self._reading.said()}
        return {
            "counts": counts, "met": met, **built, **packed, **state.of_net(self.net),
            **state.of_parts(self.attachments, self.net),
        }  # fmt: skip

    def load_state_dict(self, kept: Mapping[str, Tensor]) -> None:
        """Go on where `state_dict` was asked, between any two lessons; the net's weights are put back with the rest.

        Args:
            kept: what `state_dict` gave, on any device.

        Raises:
            ValueError: it is of another network, mechanism, number of classes or seed; nothing has changed then.
        """
        attachments: tuple[Attachment, ...] = ()
        state.require_same_life(kept, classes=self.classes, seed=self._seed)
        state.require_same_net(self.net, kept)
        blank = kept.get("blank", torch.zeros(0)).to(self._parameter().device, copy=True)
        packing = Reading.of(kept["reading"]) if "reading" in kept else None
        inner = self._inner
        if "blank" in kept:
            if not isinstance(inner, Wrapped) and wraps(inner, packing, blank):
                inner = Wrapped(inner, packing)
            like = Batch(x=blank, y=torch.zeros(1, dtype=torch.int64, device=blank.device))
            attachments = self.mechanism.attach(inner, like, int(kept["counts"][0]), self._seeds(blank))
        state.restore(self.net, attachments, kept)
        self.classes, _, self.nights, self.lessons = (int(count) for count in kept["counts"])
        self._met = set(kept["met"].nonzero().flatten().tolist())
        self._blank, self.attachments, self._answering = blank, attachments, None
        self._called = inner if isinstance(inner, Wrapped) else self.net
        self._inner, self._reading, self._judgements = inner, packing, {}
        for each in attachments:
            each.brain.age = self.nights

    @property
    def memories(self) -> tuple[Memory, ...]:
        """Everything that is kept of the past."""
        return tuple(memory for each in self.attachments for memory in each.brain.memory.values())

    def account(self) -> list[Kept]:
        """What exists because of the mechanism: bytes, of whom, whether raw, and how that was judged, line by line."""
        kept: list[Kept] = []
        for part, each in enumerate(self.attachments):
            place = f"{part}." if len(self.attachments) > 1 else ""
            for name, memory in each.brain.memory.items():
                found = self._judged(each, name)
                kept.append(
                    Kept(f"{place}{name}", memory.nbytes, audit.classes_of(memory), raw=found.raw, judged=found.why)
                )
            nets = audit.beside(self.net, each.brain.net)
            moments = sum(map(audit.of_optimiser, each.brain.optim.values()))
            kept.append(Kept(f"{place}weights beside the network", nets, None, raw=False, judged="weights"))
            kept.append(Kept(f"{place}optimisers of the mechanism", moments, None, raw=False, judged="running means"))
        return [each for each in kept if each.nbytes]

    def _judged(self, part: Attachment, name: str) -> Judgement:
        memory = part.brain.memory[name]
        if not memory.nbytes or name not in part.judges:
            return audit.of_memory(memory)
        address = (self.attachments.index(part), name)
        if address not in self._judgements:  # what is judged rests below its layer from the first night on
            self._judgements[address] = part.judges[name](self._blank)
        return self._judgements[address]

    def forget(self, classes: Iterable[int]) -> list[Forgotten]:
        """Take classes out of every memory, and out of what `predict` answers with where that is solved from them.

        Says of each memory whether nothing of the class is left in it, and of the weights likewise: the network itself
        has learned from it all the same, and so has a generator; only lessons without it make them forget.
        """
        told: list[Forgotten] = []
        for label in classes:
            for each in self.attachments:
                solved = each.answer is not the_network
                for name, memory in each.brain.memory.items():
                    left = audit.forget(memory, label)
                    if left is not None:
                        told.append(Forgotten(name, label, memory=left, weights=solved and left))
        self._answering = None
        return told

    @property
    def nbytes(self) -> int:
        """Bytes of everything that exists because of the mechanism: memories, what learns beside, its optimisers."""
        nets = sum(audit.beside(self.net, each.brain.net) for each in self.attachments)
        moments = sum(audit.of_optimiser(one) for each in self.attachments for one in each.brain.optim.values())
        return nets + moments + sum(memory.nbytes for memory in self.memories)

    @property
    def holds_raw(self) -> bool:
        """Whether anybody's raw examples can be got out of what is kept; see `account`."""
        return any(each.raw for each in self.account())

    def _parameter(self) -> Tensor:
        return next(self.net.parameters())

    def _seeds(self, like: Tensor) -> Seeds:
        return Seeds(self._seed, str(like.device))
