"""Task streams: what a life learns, day after day (the scenarios of van de Ven and Tolias 2019)."""

from collections.abc import Sequence
from dataclasses import replace

import torch
from jaxtyping import Int64, Shaped
from torch import Tensor

from oneiros.data import Dataset, Examples
from oneiros.data.streams.task import ExampleTask


def class_incremental(
    train: Examples, test: Examples, *, order: Sequence[int], per_task: int, batch_size: int
) -> tuple[ExampleTask, ...]:
    """New classes every day, `per_task` of them, in the order given; labels stay as they are.

    A task is called by its classes, such as "0+1". Classes that `order` leaves out are never seen.

    Raises:
        ValueError: when `order` is empty, repeats a class, names an unknown one, or cannot be cut into tasks of
            `per_task`.
    """
    _check_order(order, per_task, len(train.classes))
    days = [tuple(order[i : i + per_task]) for i in range(0, len(order), per_task)]
    return tuple(
        ExampleTask(
            name="+".join(map(str, classes)),
            classes=classes,
            train=train.of_classes(classes),
            test=test.of_classes(classes),
            batch_size=batch_size,
        )
        for classes in days
    )


def joint(train: Examples, test: Examples, *, batch_size: int) -> ExampleTask:
    """Everything on one day: the upper bound that learning day by day is held against."""
    return ExampleTask(name="joint", classes=_present(train), train=train, test=test, batch_size=batch_size)


def permuted(
    train: Examples, test: Examples, *, tasks: int, rng: torch.Generator, batch_size: int
) -> tuple[ExampleTask, ...]:
    """The same labels every day, with the pixels of all images in a new order that is fixed for the day.

    The first task's images are as they were. The channels of a pixel move together; of features, all do.
    Each task holds a copy of its own of `train` and `test`.

    Raises:
        ValueError: when `tasks` is less than 1.
    """
    if tasks < 1:
        raise ValueError(f"tasks is {tasks}; expected at least 1")
    pixels = _positions(train.images)
    orders = [torch.arange(pixels)]
    orders += [torch.randperm(pixels, generator=rng, device=rng.device).cpu() for _ in range(tasks - 1)]
    return tuple(
        ExampleTask(
            name=f"permutation {number}",
            classes=_present(train),
            train=replace(train, images=permute_pixels(train.images, order)),
            test=replace(test, images=permute_pixels(test.images, order)),
            batch_size=batch_size,
        )
        for number, order in enumerate(orders)
    )


def domains(datasets: Sequence[Dataset], *, batch_size: int) -> tuple[ExampleTask, ...]:
    """The same classes every day, from another data set each: a task for each of `datasets`, called by its name.

    Raises:
        ValueError: when there are none, two share a name, or they differ in classes or in an image's shape or type.
    """
    if not datasets:
        raise ValueError("domains of no data sets; expected at least one")
    if len({dataset.name for dataset in datasets}) < len(datasets):
        raise ValueError(f"the data sets are called {[d.name for d in datasets]}; expected each name once")
    for dataset in datasets[1:]:
        if _kind(dataset.train) != _kind(datasets[0].train):
            raise ValueError(
                f"{dataset.name!r} holds {_kind(dataset.train)}, but {datasets[0].name!r} {_kind(datasets[0].train)}; "
                "expected the same image shape, type and classes"
            )
    return tuple(
        ExampleTask(name=d.name, classes=_present(d.train), train=d.train, test=d.test, batch_size=batch_size)
        for d in datasets
    )


def task_order(n_classes: int, rng: torch.Generator) -> tuple[int, ...]:
    """The classes 0..n_classes - 1 in an order drawn from `rng`."""
    return tuple(torch.randperm(n_classes, generator=rng, device=rng.device).tolist())


def order_name(order: Sequence[int], per_task: int) -> str:
    """An order of classes as a short name: tasks joined by "-", classes by nothing, or "." where one has two digits.

    >>> order_name((0, 1, 2, 3, 4, 5), 2)
    '01-23-45'
    >>> order_name((0, 10, 2, 3), 2)
    '0.10-2.3'
    """
    between = "." if max(order) >= 10 else ""
    return "-".join(between.join(map(str, order[i : i + per_task])) for i in range(0, len(order), per_task))


def permute_pixels(images: Shaped[Tensor, "n ..."], order: Int64[Tensor, " pixels"]) -> Shaped[Tensor, "n ..."]:
    """`images` with pixel `order[i]` at place i, row by row; images `[n, channels, height, width]` or features.

    >>> permute_pixels(torch.tensor([[5.0, 6.0, 7.0]]), torch.tensor([2, 0, 1]))
    tensor([[7., 5., 6.]])
    """
    flat = images.flatten(2) if images.ndim == 4 else images.flatten(1)
    return flat[..., order.to(images.device)].view_as(images)


def _positions(images: Shaped[Tensor, "n ..."]) -> int:
    return images[0, 0].numel() if images.ndim == 4 else images[0].numel()


def _present(examples: Examples) -> tuple[int, ...]:
    return tuple(examples.labels.unique().tolist())


def _kind(examples: Examples) -> tuple[list[int], torch.dtype, tuple[str, ...]]:
    return list(examples.images.shape[1:]), examples.images.dtype, examples.classes


def _check_order(order: Sequence[int], per_task: int, n_classes: int) -> None:
    if per_task < 1 or not order or len(order) % per_task:
        raise ValueError(f"{len(order)} classes cannot be cut into tasks of {per_task}; expected a multiple of it")
    if len(set(order)) < len(order):
        repeated = next(label for label in order if list(order).count(label) > 1)
        raise ValueError(f"order {tuple(order)} names class {repeated} more than once; expected each at most once")
    unknown = [label for label in order if not 0 <= label < n_classes]
    if unknown:
        raise ValueError(f"order names class {unknown[0]}; expected classes from 0 to {n_classes - 1}")
