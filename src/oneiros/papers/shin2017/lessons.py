"""What is learned in each experiment of Shin et al. 2017: days, tests and names, from a configuration."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import torch

from oneiros.core import Seeds, Task
from oneiros.data import Dataset, Examples, load
from oneiros.data.streams import (
    EmptyTask,
    ExampleTask,
    blended,
    class_incremental,
    domains,
    in_colour,
    joint,
    order_name,
    permuted,
    relabelled,
    subsample,
    train_val_split,
)
from oneiros.papers.shin2017.config import Config
from oneiros.runs.experiment import BuildRequest

BLENDED = "mnist-on-cifar10"
STAND_IN = "stand-in: digits blended over CIFAR-10 scenes in place of SVHN"


@dataclass(frozen=True, kw_only=True)
class Lessons:
    """The tasks of one run.

    Attributes:
        tasks: the days.
        tests: what is asked about each of them.
        heads: for each task the classes to choose among, where the network is told the task; else empty tuples.
        shape: of one input.
        classes: number of scores.
        groups: of tasks whose inputs look different for the same classes.
        neighbours: whether pixels that lie together belong together, so that convolutions make sense.
        order: for the rows.
        checksums: of the data files read.
        note: what stands in for what the paper used, see `oneiros.runs.store.Manifest`.
    """

    tasks: tuple[Task, ...]
    tests: tuple[Examples, ...]
    heads: tuple[tuple[int, ...], ...]
    shape: tuple[int, ...]
    classes: int
    groups: int
    neighbours: bool
    order: str
    checksums: Mapping[str, str]
    note: str = ""


def new_classes(what: BuildRequest) -> Lessons:
    """Fig. 6 and 7: two digits a task, 0 and 1 first."""
    config: Config = what.config
    data = _prepared(what, config.data)
    order = tuple(range(len(data.train.classes)))
    tasks = class_incremental(
        data.train, data.test, order=order, per_task=config.per_task, batch_size=config.batch_size
    )
    return _lessons(tasks, data, order=order_name(order, config.per_task))


def permutations(what: BuildRequest) -> Lessons:
    """Fig. 2: the same digits with their pixels in another order each task; orders differ between seeds."""
    config: Config = what.config
    data = _prepared(what, config.data)
    rng = Seeds(what.seed).rng("permutations")
    tasks = permuted(data.train, data.test, tasks=config.tasks, rng=rng, batch_size=config.batch_size)
    lessons = _lessons(tasks, data, order=f"{config.tasks} permutations", groups=config.tasks)
    return replace(lessons, neighbours=False)


def two_domains(what: BuildRequest) -> Lessons:
    """Fig. 3: the same classes from one data set, then from another."""
    config: Config = what.config
    sets = [_prepared(what, name, colour=True) for name in (config.data, config.second)]
    tasks = domains(sets, batch_size=config.batch_size)
    lessons = _lessons(tasks, sets[0], order=" to ".join(d.name for d in sets), groups=2)
    note = STAND_IN if BLENDED in (config.data, config.second) else ""
    return replace(lessons, checksums={**sets[0].checksums, **sets[1].checksums}, note=note)


def two_heads(what: BuildRequest) -> Lessons:
    """Fig. 5: as `two_domains`, with a head of its own for each domain; the network is told which."""
    plain = two_domains(what)
    n, tasks = plain.classes, []
    names = tuple(f"{task.name} {label}" for task in plain.tasks for label in range(n))
    for index, task in enumerate(plain.tasks):
        assert isinstance(task, ExampleTask)
        parts = {part: relabelled(getattr(task, part), first=index * n, classes=names) for part in ("train", "test")}
        mine = tuple(range(index * n, (index + 1) * n))
        tasks.append(ExampleTask(name=task.name, classes=mine, batch_size=task.batch_size, **parts))
    return replace(
        plain,
        tasks=tuple(tasks),
        tests=tuple(task.test for task in tasks),
        heads=tuple(task.classes for task in tasks),
        classes=len(names),
        groups=1,
    )


def generations(what: BuildRequest) -> Lessons:
    """Table 1: one day of real digits, then days on which nothing happens; each scholar learns from the one before."""
    config: Config = what.config
    data = _prepared(what, config.data)
    first = joint(data.train, data.test, batch_size=config.batch_size)
    shape = tuple(data.train.images.shape[1:])
    quiet = tuple(
        EmptyTask(name=f"scholar {k}", classes=first.classes, shape=shape, hours=len(first), device=what.device)
        for k in range(2, config.tasks + 1)
    )
    lessons = _lessons((first,), data, order="chain")
    n = config.tasks
    return replace(lessons, tasks=(first, *quiet), tests=(data.test,) * n, heads=((),) * n)


def all_at_once(lessons: Lessons, batch_size: int) -> Lessons:
    """The same examples on one day: the upper bound."""
    parts = [task for task in lessons.tasks if isinstance(task, ExampleTask)]
    together = [_joined([getattr(task, part) for task in parts]) for part in ("train", "test")]
    task = joint(*together, batch_size=batch_size)
    return replace(lessons, tasks=(task,), tests=(task.test,), heads=((),), groups=1)


def _lessons(tasks: Sequence[ExampleTask], data: Dataset, *, order: str, groups: int = 1) -> Lessons:
    return Lessons(
        tasks=tuple(tasks),
        tests=tuple(task.test for task in tasks),
        heads=((),) * len(tasks),
        shape=tuple(data.train.images.shape[1:]),
        classes=len(data.train.classes),
        groups=groups,
        neighbours=True,
        order=order,
        checksums=data.checksums,
    )


def _prepared(what: BuildRequest, name: str, *, colour: bool = False) -> Dataset:
    """The data set called `name`, its validation part taken off, subsampled for small scales."""
    config: Config = what.config
    if name == BLENDED:
        digits, scenes = (load(part, root=what.data, device=what.device) for part in ("mnist", "cifar10"))
        # One blend for all seeds, as if it were files.
        data = blended(digits, scenes, rng=Seeds(0).rng("blended"))
    else:
        data = load(name, root=what.data, device=what.device)
        data = in_colour(data) if colour else data
    train, validation = train_val_split(data.train, fraction=config.validation, rng=Seeds(0).rng("validation"))
    test = data.test if config.evaluate_on == "test" else validation
    if config.examples:
        train = subsample(train, limit=config.examples, rng=Seeds(what.seed).rng("thin"))
    return replace(data, train=train, test=test)


def _joined(parts: Sequence[Examples]) -> Examples:
    return Examples(
        images=torch.cat([part.images for part in parts]),
        labels=torch.cat([part.labels for part in parts]),
        classes=parts[0].classes,
    )
