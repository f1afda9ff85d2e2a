"""Parts of a list of examples in which every class keeps its share."""

from collections.abc import Sequence

import torch
from jaxtyping import Int64
from torch import Tensor

from oneiros.data import Examples


def train_val_split(examples: Examples, *, fraction: float, rng: torch.Generator) -> tuple[Examples, Examples]:
    """Two disjoint parts, (the rest, validation): of each class, round(fraction * its count) go to validation.

    Both keep the examples' order. Halves round to the even number, as Python's `round` does.

    Raises:
        ValueError: when `fraction` is not between 0 and 1.
    """
    if not 0 < fraction < 1:
        raise ValueError(f"fraction is {fraction}; expected a number between 0 and 1, ends excluded")
    members = _by_class(examples)
    chosen = _draw(members, [round(fraction * len(index)) for index in members], rng)
    rest = torch.ones(len(examples), dtype=torch.bool)
    rest[chosen] = False
    return examples.subset(rest.nonzero().flatten()), examples.subset(chosen)


def subsample(examples: Examples, *, limit: int, rng: torch.Generator) -> Examples:
    """`limit` of the examples, or all if there are not so many; every class keeps its share, and order is kept.

    Shares are rounded down, and the places left go to the largest remainders (of equal ones, to the first class).

    Raises:
        ValueError: when `limit` is less than 1.
    """
    if limit < 1:
        raise ValueError(f"limit is {limit}; expected at least 1 example")
    if limit >= len(examples):
        return examples
    members = _by_class(examples)
    return examples.subset(_draw(members, shares([len(index) for index in members], limit), rng))


def shares(counts: Sequence[int], total: int) -> list[int]:
    """`total` places divided in proportion to `counts`, by the method of largest remainders.

    >>> shares([60, 30, 10], 5)
    [3, 2, 0]
    """
    whole = [total * count // sum(counts) for count in counts]
    remainders = [total * count % sum(counts) for count in counts]
    by_remainder = sorted(range(len(counts)), key=lambda i: -remainders[i])
    for i in by_remainder[: total - sum(whole)]:
        whole[i] += 1
    return whole


def _by_class(examples: Examples) -> list[Int64[Tensor, " _"]]:
    """For each class the positions of its examples, on the CPU."""
    labels = examples.labels.cpu()
    return [(labels == label).nonzero().flatten() for label in range(len(examples.classes))]


def _draw(members: list[Int64[Tensor, " _"]], counts: list[int], rng: torch.Generator) -> Int64[Tensor, " k"]:
    """Of each list as many entries as `counts` says, chosen at random, all together in ascending order."""
    orders = [torch.randperm(len(index), generator=rng, device=rng.device).cpu() for index in members]
    chosen = [index[order[:count]] for index, order, count in zip(members, orders, counts, strict=True)]
    return torch.cat(chosen).sort().values
