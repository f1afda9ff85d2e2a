"""Who learns: an owner's network with a mechanism, or a head solved from sums over features that stay as they are."""

import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Literal, Protocol

import torch
from torch import Tensor, nn

from bench.matrix.lwf import LwF
from bench.matrix.streams import BATCH, Day, Lessons, network
from oneiros.core import Batch, Brain, Seeds
from oneiros.measure.probes import predictions
from oneiros.memory.moments import ClassMoments, Moments
from oneiros.nets.features import GaussianHead, RandomFeatures, Tukey
from oneiros.nets.patch_front import PatchFront
from oneiros.phases import Accumulate, ExactNight
from oneiros.phases.night.exact_heads import ClassMeans, Fecam, Head, Lda, Ridge
from oneiros.sleeper import (
    DriftCompensated,
    ElasticWeights,
    GenerativeReplay,
    LayerReplay,
    Mechanism,
    NoSleep,
    Rehearsal,
    Sleeper,
)

WIDTH = 2000  # random features
SMALLEST = 16  # pixels a side from which a front is learned from patches
MOST = 170_000_000  # numbers in all covariances of classes together, beyond which FeCAM is left out
SINGLE = 1024  # features from which sums are kept in single precision
CHUNK = 256


class Learner(Protocol):
    """Learns day by day and answers."""

    @property
    def nbytes(self) -> int:
        """What exists because of the mechanism, now."""
        ...

    @property
    def raw(self) -> bool:
        """Whether anybody's examples can be got out of what is kept."""
        ...

    def learn(self, x: Tensor, y: Tensor) -> None:
        """A day and its night."""
        ...

    def predict(self, x: Tensor) -> Tensor:
        """Class numbers."""
        ...


@dataclass(kw_only=True, eq=False)
class Setting:
    """What a learner is built for.

    Attributes:
        lessons: the stream.
        epochs: of the owner's network.
        seed: of initial weights, batches and everything drawn.
        budget: bytes that `ExactNights` keeps on this stream; 0 where that was not measured.
    """

    lessons: Lessons
    epochs: int
    seed: int
    budget: int = 0

    @property
    def like(self) -> Tensor:
        """An input."""
        return self.lessons.days[0][0][:1]

    def network(self) -> nn.Module:
        """The owner's, always the same one for a seed."""
        return network(self.like, self.lessons.classes, self.seed)


class Slept:
    """The owner's network in his own loop, Adam at 0.001, batches of 64, and a Sleeper."""

    def __init__(self, setting: Setting, mechanism: Mechanism | None) -> None:
        self._sleeper = Sleeper(setting.network(), mechanism, classes=setting.lessons.classes, seed=setting.seed)
        self._optimiser = torch.optim.Adam(self._sleeper.net.parameters())
        self._epochs, self._seeds = setting.epochs, Seeds(setting.seed)
        self._most = 0

    @property
    def nbytes(self) -> int:
        """What is kept, and what learns, dreams or answers beside the network: most at any nightfall or dawn."""
        return max(self._most, self._sleeper.nbytes)

    @property
    def raw(self) -> bool:
        """What the Sleeper says, after the night."""
        return self._sleeper.holds_raw

    def learn(self, x: Tensor, y: Tensor) -> None:
        """A day and its night."""
        day = self._sleeper.nights
        for epoch in range(self._epochs):
            order = torch.randperm(len(y), generator=self._seeds.rng("batches", day, epoch))
            for rows in order.split(BATCH):
                self._optimiser.zero_grad()
                self._sleeper.loss(x[rows], y[rows]).backward()
                self._optimiser.step()
        self._most = max(self._most, self._sleeper.nbytes)
        self._sleeper.sleep()
        self._sleeper.predict(x[:1])  # what has to be solved before it can answer is solved now, and is paid for

    def predict(self, x: Tensor) -> Tensor:
        """Class numbers."""
        return self._sleeper.predict(x)


class Solved:
    """A head solved from sums over the features of `front`, which stay as they are; no network of the owner's.

    A front that learns does so from the inputs of the first day, without their labels.
    """

    def __init__(self, setting: Setting, front: nn.Module, head: Head, *, own: bool = False) -> None:
        self._front, self._own, self._classes = front, own, setting.lessons.classes
        self._day, self._night = Accumulate(location="front"), ExactNight(head=head, into="head")
        self._rng = Seeds(setting.seed).rng("solved")
        self._brain: Brain | None = None

    @property
    def nbytes(self) -> int:
        """The sums, the front and the head."""
        brain = self._begun()
        return brain.memory["moments"].nbytes + sum(each.nbytes for each in brain.net.state_dict().values())

    @property
    def raw(self) -> bool:
        """What the sums say."""
        return self._begun().memory["moments"].holds_raw

    def learn(self, x: Tensor, y: Tensor) -> None:
        """Add the day up, then solve."""
        self._brain = self._brain or self._begin(x)
        for part, labels in zip(x.split(CHUNK), y.split(CHUNK), strict=True):
            self._day(self._brain, Batch(x=part, y=labels), self._rng)
        self._night(self._brain, self._rng)

    def predict(self, x: Tensor) -> Tensor:
        """Class numbers."""
        return predictions(self._begun().net, x, chunk=CHUNK)

    def _begin(self, x: Tensor) -> Brain:
        if isinstance(self._front, PatchFront):
            self._front.learn(x, self._rng)
        with torch.no_grad():
            d = self._front(x[:1]).flatten(1).shape[1]
        last = GaussianHead(d, self._classes, directions=True) if self._own else nn.Linear(d, self._classes)
        parts: OrderedDict[str, nn.Module] = OrderedDict(front=self._front, head=last)
        # A ridge's smallest penalties are below what single precision can tell from none.
        single = d > SINGLE and not isinstance(self._night.head, Ridge)
        sums = ClassMoments() if self._own else Moments("float32" if single else "float64")
        return Brain(net=nn.Sequential(parts), memory={"moments": sums})

    def _begun(self) -> Brain:
        if self._brain is None:
            raise RuntimeError("nothing was learned yet: call learn(x, y) first")
        return self._brain


@dataclass(frozen=True, kw_only=True)
class Entry:
    """A row of the matrix.

    Attributes:
        build: a learner for a setting.
        told: what it is, and where from.
        ours: whether it is a mechanism of this library's own kind, rather than a baseline.
        tier: cells of lower tiers come first.
        together: whether all days are lived as one: what learning day by day is held against.
    """

    build: Callable[[Setting], Learner]
    told: str
    ours: bool = False
    tier: int = 1
    together: bool = False


def _slept(mechanism: Mechanism | None) -> Callable[[Setting], Learner]:
    return lambda setting: Slept(setting, mechanism)


def _solved(front: Callable[[Setting], nn.Module], head: Head) -> Callable[[Setting], Learner]:
    return lambda setting: Solved(setting, front(setting), head)


def _inputs(setting: Setting) -> nn.Module:
    return nn.Flatten()


def _random(setting: Setting) -> nn.Module:
    return RandomFeatures(setting.like[0].numel(), WIDTH, Seeds(setting.seed).rng("random-features"))


def _learned(setting: Setting) -> nn.Module:
    """Images: filters learned on the first day. Rectified features: their square roots. Else random ReLU features."""
    like = setting.like
    if like.ndim == 4 and min(like.shape[2:]) >= SMALLEST:
        if like.shape[1] == 1:
            return PatchFront(1, 160)
        return PatchFront(like.shape[1], 400, stride=2, padding=1, grid=2, mirrored=True)
    if like.ndim == 2 and setting.lessons.bounds[0] >= 0:
        return Tukey()
    return _random(setting)


def _fecam(setting: Setting) -> Learner:
    numbers = setting.lessons.classes * setting.like[0].numel() ** 2
    if numbers > MOST:
        raise ValueError(f"covariances of all classes would hold {numbers:.1e} numbers; at most {MOST:.1e} are tried")
    return Solved(setting, Tukey(), Fecam(), own=True)


def _generative(setting: Setting) -> Learner:
    return Slept(setting, GenerativeReplay(bounds=setting.lessons.bounds))


def _layer(setting: Setting) -> Learner:
    """Behind the last convolution, or the hidden layer where there is none."""
    return Slept(setting, LayerReplay(layer="5" if setting.like.ndim == 4 else "2"))


def _drift(by: Literal["linear", "nothing"]) -> Callable[[Setting], Learner]:
    """What the hidden layer is given by its weights, before it is rectified."""

    def build(setting: Setting) -> Learner:
        return Slept(setting, DriftCompensated(layer="7" if setting.like.ndim == 4 else "1", by=by))

    return build


def _equal(setting: Setting) -> Learner:
    if not setting.budget:
        raise ValueError("the bytes of ExactNights on this stream and seed are not known yet: run that cell first")
    # Grey values are kept as bytes, other numbers as they are.
    each = setting.like[0].numel() if setting.like.ndim == 4 else setting.like[0].nbytes
    return Slept(setting, Rehearsal(per_class=max(1, setting.budget // (each * setting.lessons.classes)), replayed=128))


ENTRIES: dict[str, Entry] = {
    "NCM": Entry(build=_solved(_inputs, ClassMeans()), told="nearest class mean (Mensink et al. 2013)", tier=0),
    "SLDA": Entry(build=_solved(_inputs, Lda()), told="streaming LDA (Hayes & Kanan 2020)", tier=0),
    "ExactNights": Entry(
        build=_solved(_learned, Lda()), ours=True, tier=0,
        told="LDA on a front learned on day 1 (images), on square roots (rectified features), else as RandomLDA",
    ),
    "RandomLDA": Entry(build=_solved(_random, Lda()), told="LDA on 2,000 random ReLU features", ours=True, tier=0),
    "RanPAC": Entry(
        build=_solved(_random, Ridge()), told="ridge on 2,000 random ReLU features (McDonnell et al. 2023)", tier=0
    ),
    "Default": Entry(build=_slept(None), told="`Sleeper(net)`: `Automatic`, chosen by evidence", ours=True, tier=0),
    "FeCAM": Entry(build=_fecam, told="a Gaussian for each class (Goswami et al. 2023)", tier=3),
    "NoSleep": Entry(build=_slept(NoSleep()), told="the owner's network, nothing else", tier=1),
    "Joint": Entry(build=_slept(NoSleep()), told="the owner's network, all days at once", tier=1, together=True),
    "LwF": Entry(build=_slept(LwF()), told="learning without forgetting (Li & Hoiem 2016)", tier=2),
    "EWC": Entry(build=_slept(ElasticWeights(weight=100.0)), told="elastic weights (Kirkpatrick et al. 2017)", tier=2),
    "Rehearsal20": Entry(build=_slept(Rehearsal(per_class=20)), told="20 raw examples a class", tier=2),
    "RehearsalEqual": Entry(build=_equal, told="raw examples in as many bytes as ExactNights keeps", tier=2),
    "LayerReplay": Entry(build=_layer, told="category replay (Barry & Love 2022)", ours=True, tier=2),
    "DriftCompensated": Entry(
        build=_drift("linear"), ours=True, tier=3,
        told="LDA on the owner's hidden layer, which learns on; sums move along (after Gomez-Villa et al. 2024)",
    ),
    "DriftIgnored": Entry(build=_drift("nothing"), told="the same, and sums stay: the control", tier=3),
    "GenerativeReplay": Entry(build=_generative, told="dreams of a class VAE (Shin et al. 2017)", ours=True, tier=4),
}  # fmt: skip


@dataclass(kw_only=True, eq=False)
class Measured:
    """What a learner did.

    Attributes:
        own: accuracy on each day's own test after its night; empty where all days are lived as one.
        final: accuracy on each day's test at the end.
        accuracy: on all test examples at the end.
        seconds: of CPU, in days and nights, without tests.
        nbytes: most that was kept after any day.
        raw: whether raw examples were kept after any day.
    """

    own: list[float] = field(default_factory=list)
    final: list[float] = field(default_factory=list)
    accuracy: float = 0.0
    seconds: float = 0.0
    nbytes: int = 0
    raw: bool = False

    @property
    def forgetting(self) -> float:
        """Mean fall of a day's accuracy from after its night to the end, over all days but the last."""
        falls = [own - final for own, final in zip(self.own[:-1], self.final[:-1], strict=True)]
        return sum(falls) / len(falls) if falls else 0.0


def measure(entry: Entry, setting: Setting, tell: Callable[[float], None]) -> Measured:
    """Live through all days, tested after each."""
    lessons, found = setting.lessons, Measured()
    learner = entry.build(setting)
    days: tuple[Day, ...] = lessons.days
    if entry.together:
        days = ((torch.cat([x for x, _ in days]), torch.cat([y for _, y in days])),)
    for number, (x, y) in enumerate(days):
        start = time.process_time()
        learner.learn(x, y)
        found.seconds += time.process_time() - start
        found.nbytes, found.raw = max(found.nbytes, learner.nbytes), found.raw or learner.raw
        if not entry.together:
            found.own.append(_right(learner, lessons.tests[number]).mean().item())
        tell((number + 1) / len(days))
    right = [_right(learner, test) for test in lessons.tests]
    found.final = [each.mean().item() for each in right]
    found.accuracy = torch.cat(right).mean().item()
    return found


def _right(learner: Learner, test: Day) -> Tensor:
    return (learner.predict(test[0]) == test[1]).double()
