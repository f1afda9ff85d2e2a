"""Exact nights for anybody's network, and the field's baselines of the same kind under their own names."""

import copy
from collections import OrderedDict
from dataclasses import dataclass, field, replace
from typing import ClassVar, Literal, Protocol, runtime_checkable

import torch
from torch import Tensor, nn

from oneiros.core import Batch, Brain, DayPhase, Memory, NightPhase, Seeds
from oneiros.memory.moments import ClassMoments, Moments
from oneiros.memory.waiting import SeenToday, Waiting
from oneiros.nets.features import GaussianHead, RandomFeatures, Tukey, features_at
from oneiros.nets.patch_front import PatchFront
from oneiros.phases.around.once_a_day import NewDay, OnceADay
from oneiros.phases.bookkeeping.accumulate import Accumulate
from oneiros.phases.bookkeeping.encode import FreezeBelow
from oneiros.phases.bookkeeping.learn_front import AccumulateBehindFront, LearnFront
from oneiros.phases.night.exact_heads import ClassMeans, Fecam, Gaussians, Head, Lda, Ridge
from oneiros.phases.night.exact_night import ExactNight
from oneiros.phases.night.shrinkages import ByCrossValidation
from oneiros.sleeper.mechanism import Attachment, Needs


@runtime_checkable
class Features(Protocol):
    """Where the features of an exact head come from."""

    def build(self, net: nn.Module, like: Tensor, seeds: Seeds) -> nn.Module:
        """A module from inputs such as `like` to features `[n, ...]`; it never learns by gradients."""
        ...


@dataclass(frozen=True)
class Inputs:
    """The inputs themselves."""

    def build(self, net: nn.Module, like: Tensor, seeds: Seeds) -> nn.Module:
        """Nothing but flattening."""
        return nn.Flatten()


def _in_single(x: Tensor) -> Tensor:
    return x.float() if x.dtype == torch.float64 else x


class _InSingle(nn.Module):
    """Inputs in single precision, which all heads and features are in."""

    def forward(self, x: Tensor) -> Tensor:
        return _in_single(x)


class _AtLayer(nn.Module):
    """The owner's network as far as one of its layers, at rest."""

    def __init__(self, net: nn.Module, layer: str) -> None:
        super().__init__()
        self.net, self.layer = net, layer

    def forward(self, x: Tensor) -> Tensor:
        double = any(each.dtype == torch.float64 for each in self.net.parameters())
        return _in_single(features_at(self.net, self.layer, x.double() if double else x).flatten(1))


@dataclass(frozen=True)
class AtLayer:
    """A layer of the owner's network, which must not learn below it: a pretrained one.

    Attributes:
        layer: name of a module.
        freeze: whether the layers below rest from the first lesson on, which needs a network that torch.fx can trace.
            Where False, the owner answers for it: features that move make sums of the past meaningless.
    """

    layer: str
    freeze: bool = True

    def build(self, net: nn.Module, like: Tensor, seeds: Seeds) -> nn.Module:
        """The network up to there; KeyError where there is no such layer."""
        body = _AtLayer(net, self.layer)
        body(like)
        if self.freeze:
            FreezeBelow(location=self.layer)(Brain(net=net), seeds.rng("freeze"))
        return body


@dataclass(frozen=True)
class RandomRelu:
    """Random projections, rectified (`oneiros.nets.features.RandomFeatures`), of the inputs or of other features.

    Attributes:
        width: how many.
        of: what is projected.
    """

    width: int = 2000
    of: Features = Inputs()

    def build(self, net: nn.Module, like: Tensor, seeds: Seeds) -> nn.Module:
        """Projections drawn from the stream "projection"."""
        below = self.of.build(net, like, seeds)
        with torch.no_grad():
            inputs = below(like).flatten(1).shape[1]
        return nn.Sequential(below, RandomFeatures(inputs, self.width, seeds.rng("projection")))


@dataclass(frozen=True)
class Root:
    """Square roots of features, with their signs: what rectified features need to look like Gaussians.

    Attributes:
        of: which features.
    """

    of: Features

    def build(self, net: nn.Module, like: Tensor, seeds: Seeds) -> nn.Module:
        """Tukey's ladder at one half."""
        return nn.Sequential(self.of.build(net, like, seeds), Tukey(0.5))


@dataclass(frozen=True, kw_only=True)
class Front:
    """A front learned from the first images without labels (`oneiros.nets.PatchFront`), then fixed.

    Attributes:
        filters: how many; 0 is 240 for grey images and 320 for coloured ones.
        side, stride, padding, grid: see `PatchFront`; a `stride` of 0 is 1 for grey images, and 2 with a padding of 1
            and a grid of 2 for coloured ones.
        mirrored: whether mirror images look alike; by default those of coloured images do.
        enough: images to learn from, or what there is when the first night falls.
    """

    filters: int = 0
    side: int = 6
    stride: int = 0
    padding: int = 0
    grid: int = 3
    mirrored: bool | None = None
    enough: int = 5000

    def build(self, net: nn.Module, like: Tensor, seeds: Seeds) -> nn.Module:
        """A front for images like these, which has learned nothing yet."""
        if like.ndim != 4:
            raise ValueError(
                f"inputs are {tuple(like.shape[1:])} each; Front() needs images [channels, height, width]: "
                "RandomRelu() takes any input"
            )
        coloured = like.shape[1] > 1
        shape = {"stride": self.stride, "padding": self.padding, "grid": self.grid}
        if not self.stride:
            shape = {"stride": 2, "padding": 1, "grid": 2} if coloured else shape | {"stride": 1}
        filters = self.filters or (320 if coloured else 240)
        mirrored = coloured if self.mirrored is None else self.mirrored
        return PatchFront(like.shape[1], filters, side=self.side, **shape, mirrored=mirrored).to(like.device)


@dataclass(frozen=True, kw_only=True)
class ExactNights:
    """A head beside the network, over features that do not move, is solved each night from sums of all days.

    After any order of the days it is the head of all of them at once. The network itself learns as its owner has it;
    what was consolidated answers through `Sleeper.model()`.

    Attributes:
        features: `Front()` for images from scratch, `AtLayer("name")` of a pretrained network, `RandomRelu()`.
        head: `Lda()`, `Ridge()`, `ClassMeans()`; `Gaussians()` and `Fecam()` keep a matrix for each class.
        dtype: of the sums.
    """

    needs: ClassVar[Needs] = Needs(
        paper="Barry & Love 2022, solved",
        net="any classifier; a pretrained one for `AtLayer`",
        inputs="images for `Front`, any for others",
        keeps="counts, means and second moments of features; today's first images until the front has learned",
        raw=False,
    )

    features: Features = field(default_factory=Front)
    head: Head = field(default_factory=Lda)
    dtype: Literal["float64", "float32"] = "float64"

    def attach(self, net: nn.Module, like: Batch, classes: int, seeds: Seeds) -> tuple[Attachment, ...]:
        """Features and a head beside the network."""
        shown = _in_single(like.x)
        body = self.features.build(net, shown, seeds)
        d = _width(body, shown)
        own = isinstance(self.head, Gaussians | Fecam)
        with seeds.building(
            "head"
        ):  # which is zeroed: nothing of it is left to chance, and global chance is left alone
            head = GaussianHead(d, classes, directions=isinstance(self.head, Fecam)) if own else nn.Linear(d, classes)
        answers = nn.Sequential(OrderedDict(features=body, head=blank_head(head).to(like.x.device)))
        memory: dict[str, Memory] = {
            "moments": ClassMoments(self.dtype) if own else Moments(self.dtype), "seen": SeenToday()
        }  # fmt: skip
        accumulate = Accumulate(location="features")
        day: DayPhase = accumulate
        night: tuple[NightPhase, ...] = (ExactNight(head=self.head), NewDay())
        if isinstance(self.features, Front):
            learn = LearnFront(accumulate=accumulate)
            memory["waiting"] = Waiting()
            day = AccumulateBehindFront(learn=learn, enough=self.features.enough)
            night = (learn, *night)

        def answer(asked: int) -> nn.Module:
            found = copy.deepcopy(answers)
            return nn.Sequential(_InSingle(), found) if like.x.dtype == torch.float64 else found

        def view(batch: Batch) -> Batch:
            return replace(batch, x=_in_single(batch.x))

        brain = Brain(net=answers, memory=memory)
        return (Attachment(brain=brain, day=(OnceADay(inner=day),), night=night, view=view, answer=answer),)


def _width(body: nn.Module, like: Tensor) -> int:
    """Numbers in the features of one input."""
    if isinstance(body, PatchFront):
        return body.features
    with torch.no_grad():
        return body(like[:1]).flatten(1).shape[1]


def blank_head(head: nn.Module) -> nn.Module:
    """A head that knows no class yet: all scores are alike."""
    with torch.no_grad():
        for parameter in head.parameters():
            parameter.zero_()
    return head.requires_grad_(False)


def _needs(paper: str, keeps: str) -> Needs:
    return Needs(paper=paper, net="any; pretrained for `AtLayer`", inputs="any", keeps=keeps, raw=False)


@dataclass(frozen=True, kw_only=True)
class NearestClassMean:
    """The class whose mean is nearest.

    Attributes:
        features: of what.
    """

    needs: ClassVar[Needs] = Needs(
        paper="Mensink et al. 2013",
        net="any classifier; a pretrained one for `AtLayer`",
        inputs="any",
        keeps="counts and means of features (and a scatter that is not used)",
        raw=False,
    )

    features: Features = Inputs()

    def attach(self, net: nn.Module, like: Batch, classes: int, seeds: Seeds) -> tuple[Attachment, ...]:
        """An exact night with this head."""
        exact = ExactNights(features=self.features, head=ClassMeans())
        return exact.attach(net, like, classes, seeds)


@dataclass(frozen=True, kw_only=True)
class StreamingLda:
    """Deep SLDA: linear discriminant analysis with one running covariance, shrunk by a fixed amount.

    The authors update the covariance example by example, around means that still move; ours is the exact sum.

    Attributes:
        features: of what; the authors' are a pretrained network's last ones.
        shrinkage: the authors' is 1e-4 of the identity.
    """

    needs: ClassVar[Needs] = Needs(
        paper="Hayes & Kanan 2020",
        net="any classifier; a pretrained one for `AtLayer`",
        inputs="any",
        keeps="counts, means and one covariance of features",
        raw=False,
    )

    features: Features = Inputs()
    shrinkage: float = 1e-4

    def attach(self, net: nn.Module, like: Batch, classes: int, seeds: Seeds) -> tuple[Attachment, ...]:
        """An exact night with this head."""
        exact = ExactNights(features=self.features, head=Lda(shrinkage=self.shrinkage))
        return exact.attach(net, like, classes, seeds)


@dataclass(frozen=True, kw_only=True)
class RecursiveRidge:
    """Ridge regression, updated class by class (ACIL's analytic learning): the joint solution.

    Attributes:
        features: of what.
        penalty: relative to the mean of the diagonal of X'X.
    """

    needs: ClassVar[Needs] = Needs(
        paper="Zhuang et al. 2022",
        net="any classifier; a pretrained one for `AtLayer`",
        inputs="any",
        keeps="counts, means and second moments of features",
        raw=False,
    )

    features: Features = Inputs()
    penalty: float = 1e-3

    def attach(self, net: nn.Module, like: Batch, classes: int, seeds: Seeds) -> tuple[Attachment, ...]:
        """An exact night with this head."""
        exact = ExactNights(features=self.features, head=Ridge(penalty=self.penalty))
        return exact.attach(net, like, classes, seeds)


@dataclass(frozen=True, kw_only=True)
class RanPac:
    """RanPAC without its first-session adapter: random ReLU features of features, and ridge regression.

    The authors choose the penalty on a fifth of today's data; ours by generalised cross-validation from the sums.

    Attributes:
        features: of what; the authors' are a pretrained network's last ones.
        width: random features (authors: 10,000).
    """

    needs: ClassVar[Needs] = Needs(
        paper="McDonnell et al. 2023",
        net="any classifier; a pretrained one for `AtLayer`",
        inputs="any",
        keeps="counts, means and second moments of random features",
        raw=False,
    )

    features: Features = Inputs()
    width: int = 10_000

    def attach(self, net: nn.Module, like: Batch, classes: int, seeds: Seeds) -> tuple[Attachment, ...]:
        """An exact night with this head."""
        exact = ExactNights(features=RandomRelu(self.width, self.features), head=Ridge(penalty=ByCrossValidation()))
        return exact.attach(net, like, classes, seeds)


@dataclass(frozen=True, kw_only=True)
class FeCam:
    """FeCAM: Mahalanobis distances by each class's own covariance, shrunk and normalised, of square-rooted features.

    Attributes:
        features: of what; the authors' are a pretrained network's last ones, at least 0.
        variance, covariation: the two amounts of shrinkage (authors: 1 and 1).
    """

    needs: ClassVar[Needs] = Needs(
        paper="Goswami et al. 2023",
        net="any classifier; a pretrained one for `AtLayer`",
        inputs="any",
        keeps="count, mean and covariance of each class",
        raw=False,
    )

    features: Features = Inputs()
    variance: float = 1.0
    covariation: float = 1.0

    def attach(self, net: nn.Module, like: Batch, classes: int, seeds: Seeds) -> tuple[Attachment, ...]:
        """An exact night with this head."""
        exact = ExactNights(
            features=Root(self.features), head=Fecam(variance=self.variance, covariation=self.covariation)
        )
        return exact.attach(net, like, classes, seeds)
