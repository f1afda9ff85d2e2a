"""Which classes are known and which are novel, and the images that a model learns, is steered by and is judged on."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import torch
from jaxtyping import UInt8
from torch import Tensor
from torch.nn.functional import interpolate

from oneiros.core import Seeds
from oneiros.data import DataError, Examples
from oneiros.data.streams import train_val_split
from oneiros.nets.vgg import Architecture
from oneiros.papers.barry2022.config import Config


class Curriculum(NamedTuple):
    """Classes by number: those that pretraining learns, the novel ones in sets of one model each, the similar ones."""

    base: tuple[int, ...]
    sets: tuple[tuple[int, ...], ...]
    similar: tuple[int, ...]


def curriculum(names: Sequence[str], config: Config) -> Curriculum:
    """The same for every seed and condition. Similar classes are novel and spread evenly over the sets."""
    similar = tuple(_called(names, beginning) for beginning in config.similar)
    others = [c for c in _shuffled(len(names)) if c not in similar]
    known = round(config.base * len(names))
    if known > len(others):
        raise DataError(
            f"{known} of {len(names)} classes are to be known, but {len(similar)} are kept novel as similar"
        )
    base, novel = others[:known], [*similar, *others[known:]]
    models = len(novel) // config.per_model
    if not models:
        raise DataError(
            f"{len(novel)} novel classes do not make a model of {config.per_model}: lower per_model or base"
        )
    # Dealt like cards, so that neighbours in the list of similar classes go to different models.
    dealt = tuple(tuple(sorted(novel[i : models * config.per_model : models])) for i in range(models))
    return Curriculum(tuple(sorted(base)), dealt, similar)


def model_of(plan: Curriculum, seed: int) -> tuple[int, ...]:
    """The classes of model `seed`. There are as many models as sets of classes: a class is never met by two of them."""
    models = len(plan.sets)
    if seed >= models:
        raise ValueError(
            f"seed {seed}: the novel classes make {models} models, so this one would learn the classes of model "
            f"{seed % models} again and is no new subject; run seeds 0 to {models - 1}, or lower per_model"
        )
    return plan.sets[seed]


@dataclass(frozen=True, kw_only=True, eq=False)
class Lessons:
    """What one model learns from, is steered by and is judged on; labels are 0, 1, ... within its classes.

    Attributes:
        train: images of the days.
        validation: for the selector's reward and for choosing the best model; never trained on.
        test: images that it is judged on.
        classes: numbers of its classes in the whole data set.
        checksums: of the files read.
    """

    train: Examples
    validation: Examples
    test: Examples
    classes: tuple[int, ...]
    checksums: Mapping[str, str]


def lessons_of(
    train: Examples, test: Examples, classes: tuple[int, ...], config: Config, checksums: Mapping[str, str]
) -> Lessons:
    """Images of `classes`, at the network's size. The validation split is the same for every seed and condition."""
    mine, theirs = (fit(_renumbered(part, classes), config.anatomy) for part in (train, test))
    per_class = len(mine) // len(classes)
    rest, validation = train_val_split(mine, fraction=config.validation / per_class, rng=Seeds(0).rng("validation"))
    judged = theirs if config.evaluate_on == "test" else validation
    return Lessons(
        train=first_of_each(rest, config.train),
        validation=validation,
        test=first_of_each(judged, config.test),
        classes=classes,
        checksums=checksums,
    )


def first_of_each(examples: Examples, count: int) -> Examples:
    """The first `count` images of each class (0: all), so that more images contain the fewer."""
    if not count:
        return examples
    chosen = [(examples.labels == c).nonzero().flatten()[:count] for c in range(len(examples.classes))]
    return examples.subset(torch.cat(chosen))


def fit(examples: Examples, anatomy: Architecture) -> Examples:
    """Images of the network's size and channels: resized bilinearly, grey repeated."""
    images = examples.images
    if images.shape[1] != len(anatomy.mean):
        images = images.expand(-1, len(anatomy.mean), -1, -1)
    if images.shape[2:] != (anatomy.size, anatomy.size):
        images = _resized(images, anatomy.size)
    return Examples(images=images.contiguous(), labels=examples.labels, classes=examples.classes)


def _resized(images: UInt8[Tensor, "n c h w"], size: int) -> UInt8[Tensor, "n c s s"]:
    return interpolate(images.float(), size=(size, size), mode="bilinear", antialias=True).round().to(torch.uint8)


def _renumbered(examples: Examples, classes: tuple[int, ...]) -> Examples:
    mine = examples.of_classes(classes)
    numbers = torch.full((len(examples.classes),), -1, dtype=torch.int64, device=mine.labels.device)
    numbers[torch.tensor(classes, device=numbers.device)] = torch.arange(len(classes), device=numbers.device)
    return Examples(
        images=mine.images, labels=numbers[mine.labels], classes=tuple(examples.classes[c] for c in classes)
    )


def _called(names: Sequence[str], beginning: str) -> int:
    found = [number for number, name in enumerate(names) if name.startswith(beginning)]
    if len(found) != 1:
        raise DataError(
            f"{len(found)} classes begin with {beginning!r}; expected one: --set similar=... names ten alike"
        )
    return found[0]


def _shuffled(n: int) -> list[int]:
    return torch.randperm(n, generator=Seeds(0).rng("known or novel")).tolist()
