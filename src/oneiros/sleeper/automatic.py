"""The default: nothing of an example is kept but sums, and what answers is chosen by evidence. See `Automatic`."""

import math
from dataclasses import dataclass, field, replace
from functools import partial
from typing import ClassVar, Literal

import torch
from torch import Tensor, nn

from oneiros.core import Batch, Brain, Seeds
from oneiros.memory.dreams import Dreams
from oneiros.memory.evidence import Evidence
from oneiros.memory.exemplars import Exemplars
from oneiros.memory.held_out import HeldOut
from oneiros.memory.moments import Moments
from oneiros.nets.candidates import (
    Candidates,
    Front,
    FrozenBody,
    InSingle,
    RectifiedRandom,
    Rooted,
    Standardised,
    inputs_of,
    last_given,
    last_layer,
)
from oneiros.nets.patch_front import PatchFront
from oneiros.phases.bookkeeping.gather import Gather, sums
from oneiros.phases.night.choose import RIDGE, Choose, consolidated
from oneiros.phases.night.exact_heads import Head, Lda
from oneiros.sleeper.inputs import Wrapped
from oneiros.sleeper.mechanism import Attachment, Needs

WIDEST_INPUT = 2048  # numbers in an input whose own second moments are kept
WIDEST_RANDOM = 4096  # numbers in an input that is projected at random
WIDEST_IMAGE = 1024  # the same of an image, which other features suit better unless it is small
WIDEST_FEATURES = 4096  # of a layer of the owner's: 67 MB of sums
MOST_CHANNELS = 4  # of an image
SMALLEST, LARGEST = 6, 64  # pixels of an image's side for which filters of a few pixels make sense
RIDGED = ("random",)  # fronts whose sums are solved by ridge regression, too: random features of classes in clusters
SINGLE = 1024  # features from which scatter is added up in single precision


@dataclass(frozen=True, kw_only=True)
class Automatic:
    """Learns as always by day; at night a head is solved on several kinds of features, and the best one answers.

    Candidates are the network itself, which goes on learning, and exact heads (`ExactNight`) on features that stay as
    they are. Nothing is kept of the past but sums, from which every night solves what all days together would give.

    | features | of | are |
    |---|---|---|
    | "given" | any network whose last layer is linear | what that layer is given, in the network as it came |
    | "first-day" | the same | the same in the network as it was after its first day |
    | "patches" | small images | of a front learned from the first images (`PatchFront`) |
    | "mirrored" | small coloured images | the same, mirror images alike |
    | "random", "random+ridge" | anything narrow but token ids | random and rectified; solved by LDA and by ridge |
    | "inputs" | what is no image | the inputs, standardised |
    | "roots" | the same, if never negative | their square roots |

    Of a last layer that is given nothing negative, the square roots are taken: they look more like Gaussians.

    A share of each day's examples is learned by nobody. At nightfall every candidate is asked about them, over all
    classes met so far; counts of right answers are kept, then the examples are added up, too, and forgotten. The
    highest count answers (`Sleeper.predict`, `Sleeper.model`); `Sleeper.choice` says which and why. For the network
    itself, what it knew on earlier days counts only as far as it still answers dreams of those days as it did then
    (`Dreams`, `Evidence`), so it is chosen where nothing was forgotten, and the choice is never below doing nothing as
    far as this evidence can tell.

    Attributes:
        share: of each day's different examples that are held out.
        most: held out in a day at most.
        first: examples from which a front learns, kept until there are so many or the first night comes.
        sample: of each class on the first day, kept until its night, to put through the network as it is then.
        filters: of the front for grey images; for coloured ones two and a half times as many, over fewer cells.
        width: random features.
        head: what is solved.
        errors: standard errors by which a candidate has to be behind the best to be given up with its sums.
        dreams: of earlier days, which the network is asked about; 0 for none.
    """

    needs: ClassVar[Needs] = Needs(
        paper="-",
        net="any classifier",
        inputs="any",
        keeps="means and second moments of features; a copy of the network; dreams; by day a sample of the day",
        raw=False,
    )

    share: float = 0.1
    most: int = 512
    first: int = 1000
    sample: int = 500
    filters: int = 160
    width: int = 2000
    head: Head = field(default_factory=Lda)
    errors: float = 3.0
    dreams: int = 512

    def __post_init__(self) -> None:
        least = min(self.most, self.first, self.sample, self.filters, self.width, self.dreams + 1)
        if not 0 < self.share < 1 or least < 1:
            raise ValueError(f"{self}: expected a share between 0 and 1, dreams >= 0, the other numbers at least 1")

    def attach(self, net: nn.Module, like: Batch, classes: int, seeds: Seeds) -> tuple[Attachment, ...]:
        """Fronts that suit these inputs and this network."""
        fronts = {name: front.to(like.x.device) for name, front in self._fronts(net, like).items()}
        memory = {sums(name): Moments(_precision(front)) for name, front in fronts.items()}
        held = HeldOut(share=self.share, most=self.most)
        brain = Brain(
            net=Candidates(net, fronts),
            memory={
                "today": held,
                "first-day": Exemplars(self.sample, compact=True),
                "dreams": Dreams(most=0 if _are_names(net) else self.dreams),
                "evidence": Evidence(("network", *fronts, *(f"{name}{RIDGE}" for name in RIDGED if name in fronts))),
                **memory,
            },
        )
        choose = Choose(head=self.head, errors=self.errors)
        return (
            Attachment(
                brain=brain,
                grows=True,
                learned=partial(all_but_held_out, held),
                day=(Gather(first=self.first),),
                night=(choose,),
                answer=partial(consolidated, brain, choose),
            ),
        )

    def _fronts(self, net: nn.Module, like: Batch) -> dict[str, nn.Module]:
        inputs = math.prod(like.x.shape[1:])
        fronts: dict[str, nn.Module] = {}
        head = last_layer(net, like.x[:2])
        if head is not None and inputs_of(net, head) <= WIDEST_FEATURES:
            rooted = bool((last_given(net, head, like.x) >= 0).all())
            fronts["given"] = FrozenBody(net, head, learned=True, rooted=rooted)
            fronts["first-day"] = FrozenBody(net, head, learned=False, rooted=rooted)
        if _are_names(net):
            return fronts
        images = _are_images(like.x)
        if images:
            for name, patches in self._patches(*like.x.shape[1:]).items():
                fronts[name] = InSingle(patches) if like.x.dtype == torch.float64 else patches
        if inputs <= (WIDEST_IMAGE if images else WIDEST_RANDOM):
            fronts["random"] = RectifiedRandom(inputs, self.width)
        if inputs <= WIDEST_INPUT and not images:
            fronts["inputs"] = Standardised(inputs)
            if bool((like.x >= 0).all()):
                fronts["roots"] = Rooted(inputs)
        return fronts

    def _patches(self, channels: int, height: int, width: int) -> dict[str, PatchFront]:
        side = min(6, min(height, width) // 2)
        if channels == 1:
            return {"patches": PatchFront(1, self.filters, side=side)}
        return {
            name: PatchFront(
                channels, 5 * self.filters // 2, side=side, stride=2, padding=1, grid=2, mirrored=name == "mirrored"
            )
            for name in ("patches", "mirrored")
        }


def _are_names(net: nn.Module) -> bool:
    """Whether inputs are token ids: names, not amounts."""
    return isinstance(net, Wrapped) and net.reading is not None and not net.reading.numeric


def _are_images(x: Tensor) -> bool:
    return x.ndim == 4 and x.shape[1] <= MOST_CHANNELS and min(x.shape[2:]) >= SMALLEST and max(x.shape[2:]) <= LARGEST


def all_but_held_out(held: HeldOut, batch: Batch) -> Batch:
    """A lesson in which what is held out has no weight; as it is where that would leave fewer than two."""
    keep = ~held.held(batch)
    if keep.all() or int(keep.sum()) < 2:
        return batch
    return replace(batch, weight=keep.float() / keep.sum())


def _precision(front: nn.Module) -> Literal["float32", "float64"]:
    return "float32" if isinstance(front, Front) and front.features > SINGLE else "float64"
