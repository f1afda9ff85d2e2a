"""A day of anybody's examples as lessons: arrays, data sets, loaders. Nothing is loaded before its turn."""

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.utils.data import DataLoader, Dataset, IterableDataset, TensorDataset

Day = Dataset | DataLoader | tuple[Any, Any]
LABELS = ("labels", "label", "targets", "target", "y")


def lessons(day: Day, batch_size: int, rng: torch.Generator) -> Iterator[tuple[Any, Any]]:
    """One epoch: inputs and labels of each lesson.

    A data set that can be asked for single examples is asked anew every epoch, in an order from `rng`, so that what it
    draws (augmentation) is drawn anew; a `DataLoader` and an `IterableDataset` keep their own order, and a loader its
    own batches and workers.

    Raises:
        ValueError: inputs and labels of a pair differ in length, or there is no example.
        TypeError: an item has no labels.
    """
    if isinstance(day, TensorDataset) and len(day.tensors) == 2:
        day = (day.tensors[0], day.tensors[1])
    if isinstance(day, tuple):
        yield from _of_arrays(day, batch_size, rng)
        return
    if isinstance(day, DataLoader):
        loader = day
    elif isinstance(day, IterableDataset):
        loader = DataLoader(day, batch_size, generator=_apart(rng))
    else:
        _require_some(len(day))  # pyright: ignore[reportArgumentType]  -- a data set without a length has no order
        order = _batches(torch.randperm(len(day), generator=rng), batch_size)  # pyright: ignore[reportArgumentType]
        loader = DataLoader(day, batch_sampler=[each.tolist() for each in order], generator=_apart(rng))
    count = 0
    for item in loader:
        x, y = split(item)
        count += len(y)
        yield x, y
    _require_some(count)


def _of_arrays(day: tuple[Any, ...], batch_size: int, rng: torch.Generator) -> Iterator[tuple[Any, Any]]:
    if len(day) != 2:
        raise ValueError(f"a day is a tuple of {len(day)}; expected a Dataset, a DataLoader or a pair (X, y)")
    inputs, y = day[0], _tensor(day[1])
    x = {name: _tensor(part) for name, part in inputs.items()} if isinstance(inputs, Mapping) else _tensor(inputs)
    for rows in [len(part) for part in x.values()] if isinstance(x, dict) else [len(x)]:
        if rows != len(y):
            raise ValueError(f"a day has {rows} inputs and {len(y)} labels: each input needs one label")
    _require_some(len(y))
    for index in _batches(torch.randperm(len(y), generator=rng), batch_size):
        yield ({name: part[index] for name, part in x.items()} if isinstance(x, dict) else x[index]), y[index]


def _tensor(given: Any) -> Tensor:
    """A tensor of what is one, a list, or anything that numpy takes for an array, such as a table of pandas."""
    return torch.as_tensor(given if isinstance(given, Tensor | list | tuple) else np.require(given, requirements="W"))


def split(item: Any) -> tuple[Any, Tensor]:
    """Inputs and labels of a batch of a loader.

    Raises:
        TypeError: there are no labels in it.
    """
    if isinstance(item, Mapping):
        label = next((name for name in LABELS if name in item), None)
        if label is None:
            raise TypeError(f"items have {list(item)}; expected labels under one of {', '.join(LABELS)}")
        others = {name: value for name, value in item.items() if name != label}
        return (next(iter(others.values())) if len(others) == 1 else others), torch.as_tensor(item[label])
    if not isinstance(item, list | tuple) or len(item) < 2:
        raise TypeError(f"items are {type(item).__name__}; expected pairs (x, y), or mappings with labels")
    *inputs, y = item
    return (inputs[0] if len(inputs) == 1 else tuple(inputs)), torch.as_tensor(y)


def _batches(order: Tensor, size: int) -> list[Tensor]:
    """`size` rows to a batch; a row left alone joins the batch before, since batch normalisation cannot learn one."""
    batches = list(order.split(size))
    if len(batches) > 1 and len(batches[-1]) == 1:
        batches[-2:] = [torch.cat(batches[-2:])]
    return batches


def _apart(rng: torch.Generator) -> torch.Generator:
    """For a loader, which draws a number at every epoch and should not draw it from torch's global generator."""
    return torch.Generator().manual_seed(rng.initial_seed() % 2**63)


def _require_some(count: int) -> None:
    if not count:
        raise ValueError("a day holds no example: leave it out")
