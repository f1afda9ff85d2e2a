"""What a front was shaped by, under the same exact night: wake, NREM and REM, k-means, chance, or labels of old.

    python -m bench fronts OUT.json --seeds 0,1,2          CIFAR-10, about half an hour on one core; goes on
    python -m bench fronts OUT.json --stream cifar100 --features pretrained=FILE,...

Class-incremental, two classes a day (ten of CIFAR-100). A front sees the images of the first day, without labels, and
is fixed from then on. The night is the same for all: linear discriminant analysis from sums of features. Nothing is
tuned on these streams: wake and sleep have the quick scale's constants and as many epochs as DAYS says, set before any
run. `pretrained` fronts are files of `oneiros features`, whose networks saw other images, with labels.
"""

import argparse
import json
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

import torch
from torch import Tensor, nn
from torch.nn.functional import normalize

from bench.exact_nights import lived, split
from oneiros.core import Seeds
from oneiros.data import Examples
from oneiros.data.files import data_root
from oneiros.data.streams import CentredTask, centred, joint
from oneiros.life import run_through
from oneiros.nets import PatchFront
from oneiros.papers.deperrois2022.config import CIFAR10
from oneiros.papers.deperrois2022.experiment import build_brain, cycles, schedule
from oneiros.sleeper import ExactNights, Front

DAYS = {"cifar10": (5, 3), "cifar100": (10, 15)}  # days, and epochs of wake and sleep on the first: 468 and 465 steps
CONDITIONS = ("pad", "without_rem", "without_nrem", "wake_only", "untrained")
FILTERS = 320


@dataclass(frozen=True, eq=False)
class Fixed:
    """Features of a module that was made beforehand; a mechanism's `features`."""

    front: nn.Module

    def build(self, net: nn.Module, like: Tensor, seeds: Seeds) -> nn.Module:
        """The module."""
        return self.front


class Encoded(nn.Module):
    """Images in [0, 1] to what an encoder makes of them.

    Args:
        encoder: of a `DreamingNet`.
        latent: whether its latents, as the paper reads them out, or the layer below.
    """

    def __init__(self, encoder: nn.Module, *, latent: bool) -> None:
        super().__init__()
        self.encoder, self.latent = encoder, latent

    def forward(self, x: Tensor) -> Tensor:
        """Features `[n, d]`."""
        features = self.encoder.features(centred(x))
        return self.encoder.latents(features) if self.latent else features


def asleep(images: Examples, condition: str, seed: int, epochs: int) -> nn.Module:
    """An encoder after wake and sleep with these images."""
    config = replace(CIFAR10, epochs=epochs)
    seeds = Seeds(seed)
    brain, cycle = build_brain(config, seeds, "cpu"), cycles(config)[condition]
    if cycle.wake is not None:
        unlabelled = replace(images, labels=torch.zeros_like(images.labels))
        task = CentredTask(inner=joint(unlabelled, unlabelled, batch_size=config.batch_size))
        run_through(brain, (task,), schedule(config, cycle), seeds)
    return brain.net.encoder.eval()


def patches(images: Examples, seed: int, *, chance: bool) -> PatchFront:
    """Filters by k-means of whitened patches; or random ones, on patches that are normalised alike."""
    x, rng = images.all().x, Seeds(seed).rng("front")
    front = Front(filters=FILTERS).build(nn.Identity(), x[:1], Seeds(seed))
    assert isinstance(front, PatchFront)
    front.learn(x, rng)
    if chance:
        front.weight.copy_(normalize(torch.randn(front.weight.shape, generator=rng)))
        front.bias.zero_()
    return front


def fronts(images: Examples, seed: int, epochs: int) -> dict[str, Callable[[], dict[str, nn.Module]]]:
    """For each way to shape a front, the fronts that come of it, by name."""
    made: dict[str, Callable[[], dict[str, nn.Module]]] = {
        "k-means": lambda: {"k-means": patches(images, seed, chance=False)},
        "chance": lambda: {"chance": patches(images, seed, chance=True)},
        "pixels": lambda: {"pixels": nn.Flatten()},
    }

    def of(condition: str) -> dict[str, nn.Module]:
        encoder = asleep(images, condition, seed, epochs)
        return {f"{condition}, {name}": Encoded(encoder, latent=name == "latents") for name in ("latents", "map")}

    return made | {condition: lambda condition=condition: of(condition) for condition in CONDITIONS}


def main() -> int:
    """Measure what is missing, write each row as it comes, say what came out."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("out", type=Path)
    parser.add_argument("--stream", choices=DAYS, default="cifar10")
    parser.add_argument("--seeds", default="0,1,2")
    parser.add_argument("--features", default="", help="NAME=FILE,... pretrained fronts, of the same images")
    parser.add_argument("--validate", action="store_true", help="judge on a fifth of the training images")
    asked = parser.parse_args()
    torch.set_num_threads(1)
    rows = json.loads(asked.out.read_text(encoding="utf-8")) if asked.out.exists() else []
    known = {(row["stream"], row["front"].partition(",")[0], row["seed"]) for row in rows}
    days, epochs = DAYS[asked.stream]
    stored = dict(each.split("=", 1) for each in asked.features.split(",") if each)
    judged = partial(split, validate=asked.validate, parts=5)

    def judge(made: dict[str, nn.Module], train: Examples, test: Examples, seed: int) -> None:
        """All fronts of one kind, whose rows are written together: none is left out where this is stopped between."""
        for name, front in made.items():
            row = lived(ExactNights(features=Fixed(front), dtype="float32"), train, test, seed=seed, days=days)
            rows.append({"stream": asked.stream, "front": name, "seed": seed, **row})
            print(rows[-1], flush=True)  # noqa: T201
        asked.out.write_text(json.dumps(rows, indent=1) + "\n", encoding="utf-8")

    for seed in map(int, asked.seeds.split(",")):
        train, test = judged(f"parquet:{data_root() / 'cifar100'}" if asked.stream == "cifar100" else asked.stream)
        first = train.of_classes(tuple(range(len(train.classes) // days)))
        for kind, make in fronts(first, seed, epochs).items():
            if (asked.stream, kind, seed) not in known:
                judge(make(), train, test, seed)
        for kind, file in stored.items():
            if (asked.stream, kind, seed) not in known:
                judge({kind: nn.Flatten()}, *judged(f"features:{file}"), seed)
    return 0
