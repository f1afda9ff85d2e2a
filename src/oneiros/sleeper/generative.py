"""Replay of dreams: a generator beside the network dreams of earlier classes (Shin et al. 2017)."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import ClassVar

import torch
from torch import Tensor, nn

from oneiros.core import Batch, Brain, Seeds
from oneiros.equations.scholar import Ratio
from oneiros.memory.frozen_scholar import FrozenScholar
from oneiros.nets.scholar import Scholar
from oneiros.nets.vae import ClassVAE
from oneiros.phases.around.repeated import Repeated
from oneiros.phases.bookkeeping.handover import FreshOptimisers, SnapshotTeacher
from oneiros.phases.losses import HardTargets, Replayed
from oneiros.phases.wake.learn_class_vae import LearnClassVAE
from oneiros.sleeper import checks
from oneiros.sleeper.mechanism import Attachment, Needs


class _Stretched(nn.Module):
    """A network that is shown inputs in [0, 1] and sees them in its own range."""

    def __init__(self, inner: nn.Module, bounds: tuple[float, float]) -> None:
        super().__init__()
        self.inner = inner
        self.bounds = bounds

    def forward(self, x: Tensor) -> Tensor:
        double = any(each.dtype == torch.float64 for each in self.inner.parameters())
        return self.inner(_stretch(x.double() if double else x, self.bounds))


def _stretch(x: Tensor, bounds: tuple[float, float]) -> Tensor:
    low, high = bounds
    return x * (high - low) + low


@dataclass(frozen=True, kw_only=True)
class GenerativeReplay:
    """Today's classes are learned beside dreams of the earlier ones; nothing of yesterday is kept but weights.

    A class-conditional VAE learns by day from the same batches as the network. At night both are copied; by day the
    copy dreams, and the loss is Eq. 1 of the paper: r today's plus 1 - r that of the dreams. The paper's solver names
    its dreams; here the class that was dreamed of does, since a solver's mistakes about poor dreams are passed on and
    grow from day to day (`targets=SoftTargets(), intended=False` is as in the paper).

    Attributes:
        hidden, latent: sizes of the generator's layers and of its code.
        lr: of the generator's Adam.
        steps: of the generator in each of the network's: it has more to learn, and days may be short.
        beta: weight of its KL term.
        replayed: dreams in each of the network's steps; the generator learns from half as many.
        ratio: r, "1/i" (all days count alike), a number, or a function of the days before this one.
        targets: what dreams teach, the old network's scores (`SoftTargets`) or a label (`HardTargets`).
        intended: whether that label is the class dreamed of, or what the old network takes the dream for.
        bounds: smallest and largest value of an input.
    """

    needs: ClassVar[Needs] = Needs(
        paper="Shin et al. 2017",
        net="any classifier that can be copied",
        inputs="within `bounds`",
        keeps="a copy of the network, a generator and its copy",
        raw=False,
    )

    hidden: tuple[int, ...] = (400, 400)
    latent: int = 32
    lr: float = 3e-3
    steps: int = 4
    beta: float = 0.1
    replayed: int = 128
    ratio: Ratio = "1/i"
    targets: Callable[[Tensor, Batch], Tensor] = HardTargets()
    intended: bool = True
    bounds: tuple[float, float] = (0.0, 1.0)

    def __post_init__(self) -> None:
        if not self.bounds[0] < self.bounds[1]:
            raise ValueError(f"GenerativeReplay.bounds is {self.bounds}; expected (smallest, largest)")
        if self.replayed < 2:
            raise ValueError(f"GenerativeReplay.replayed is {self.replayed}; expected at least 2")
        if self.steps < 1:
            raise ValueError(f"GenerativeReplay.steps is {self.steps}; expected at least 1")

    def attach(self, net: nn.Module, like: Batch, classes: int, seeds: Seeds) -> tuple[Attachment, ...]:
        """A scholar: the network and a generator of inputs like these."""
        checks.as_one_tensor(net, "GenerativeReplay", dreams=True)
        with seeds.building("generator"):
            vae = ClassVAE(tuple(like.x.shape[1:]), classes=classes, hidden=self.hidden, latent=self.latent)
        scholar = Scholar(vae.to(like.x.device), _Stretched(net, self.bounds))
        replay = Replayed(memory="scholar", n=self.replayed, ratio=self.ratio, targets=self.targets)
        learn = LearnClassVAE(beta=self.beta, ratio=self.ratio, replayed=self.replayed // 2)
        optim: dict[str, torch.optim.Optimizer] = {
            "generator": torch.optim.Adam(vae.parameters(), lr=self.lr, fused=like.x.device.type in ("cpu", "cuda"))
        }
        brain = Brain(net=scholar, memory={"scholar": FrozenScholar(scholar, intended=self.intended)}, optim=optim)
        day = Repeated(inner=learn, times=self.steps)
        night = (SnapshotTeacher(), FreshOptimisers(optim=("generator",)))
        return (
            Attachment(
                brain=brain, replays=(replay,), day=(day,), night=night, view=self._in_units, shown=self._in_bounds
            ),
        )

    def _in_bounds(self, x: Tensor) -> Tensor:
        return _stretch(x, self.bounds)

    def _in_units(self, batch: Batch) -> Batch:
        """Inputs from `bounds` to [0, 1], or an error that says how far they reach."""
        low, high = self.bounds
        least, most = float(batch.x.min()), float(batch.x.max())
        if least < low or most > high:
            raise ValueError(
                f"inputs reach from {least:.4g} to {most:.4g}, but GenerativeReplay.bounds is {self.bounds}: "
                "give the smallest and largest value that an input can have"
            )
        return replace(batch, x=((batch.x - low) / (high - low)).float())
