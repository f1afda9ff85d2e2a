"""Kubo et al. 2025, Tables 2 and 3: every network, every data set, every strategy.

Read from the bottom: `Table.build` assembles data, network, memories, schedule and measurements of one cell and seed.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import torch

from oneiros.core import Brain, DayPhase, Memory, Seeds
from oneiros.data import Examples
from oneiros.data.streams import ExampleTask, class_incremental, joint, order_name, subsample, task_order
from oneiros.life import Event, Night, Schedule
from oneiros.memory import Exemplars, MeanInput
from oneiros.papers.kubo2025.datasets import DatasetConfig, Tables
from oneiros.papers.kubo2025.experiment import Lessons, lessons
from oneiros.papers.kubo2025.measure import measurements
from oneiros.papers.kubo2025.networks import NETWORKS, NetworkSetup
from oneiros.papers.kubo2025.search import cell_search
from oneiros.phases import EarlyNights, Rehearse, Remember, SealExemplars
from oneiros.runs.drawing import Drawing, drawings_in
from oneiros.runs.experiment import BuildRequest, Life, Measured
from oneiros.runs.search import Search


class Strategy(NamedTuple):
    """What a network does by day and night: how many nights it sleeps, what it rehearses, whether all is one task."""

    nights: int = 0
    rehearses: bool = False
    share: float = 0.0  # of old examples rehearsed; 0: the configuration's
    parallel: bool = False


EVERY_NIGHT = 10**6
STRATEGIES: Mapping[str, Strategy] = {
    "sequential": Strategy(),
    "src": Strategy(nights=EVERY_NIGHT),
    "rehearsal": Strategy(rehearses=True),
    "src_rehearsal": Strategy(nights=EVERY_NIGHT, rehearses=True),
    "parallel": Strategy(parallel=True),
}


class Cell(NamedTuple):
    """Which data, which network, which strategy."""

    subject: str
    network: str
    strategy: Strategy


def cells(
    subjects: tuple[str, ...], networks: tuple[str, ...], strategies: tuple[str, ...] = tuple(STRATEGIES)
) -> dict[str, Cell]:
    """Every combination, by the condition's name."""
    return {f"{s}_{n}_{k}": Cell(s, n, STRATEGIES[k]) for s in subjects for n in networks for k in strategies}


class Lesson(NamedTuple):
    """How much of a data set is taught, and in what portions."""

    examples: int
    batch_size: int
    epochs: int


def lesson_of(config: Tables, cell: Cell) -> Lesson:
    """That of the scale and the data set; that of its authors where a network is taught as published."""
    subject: DatasetConfig = getattr(config, cell.subject)
    if cell.network == "ff_bp_published":
        made = subject.ff_bp_published
        return Lesson(made.examples, made.batch_size, made.epochs)
    if cell.strategy.parallel:
        return Lesson(config.parallel_examples, config.batch_size, config.parallel_epochs)
    return Lesson(config.examples, config.batch_size, subject.epochs)


def examples_of(what: BuildRequest, subject: DatasetConfig, limit: int) -> Lessons:
    """Training and test examples of one data set, subsampled where the scale says so."""
    config: Tables = what.config
    source = _Source(subject.data, config.evaluate_on, limit, config.validation)
    found = lessons(what, source)
    if config.test_examples:
        # The same for every seed, so that differences between seeds are not differences of the test.
        found = found._replace(test=subsample(found.test, limit=config.test_examples, rng=Seeds(0).rng("thin test")))
    return found


@dataclass(frozen=True)
class _Source:
    """What `lessons` asks of a configuration."""

    data: str
    evaluate_on: str
    examples: int
    validation: float


def build_brain(config: Tables, cell: Cell, train: Examples, seeds: Seeds) -> tuple[Brain, NetworkSetup]:
    """An untaught brain with the memories its strategy needs, and how it will be taught."""
    subject = getattr(config, cell.subject)
    with seeds.building("init"):
        taught = NETWORKS[cell.network](config, subject, train.images[0].numel(), len(train.classes))
        taught.net.to(train.images.device)
    groups = [
        {"params": [p for part in taught.below for p in part.parameters()], "lr": taught.learner.alpha},
        {"params": list(taught.output.parameters()), "lr": taught.learner.alpha_output},
    ]
    memory: dict[str, Memory] = dict(taught.memory)
    if cell.strategy.nights:
        memory["mean"] = MeanInput()
    if cell.strategy.rehearses:
        share = cell.strategy.share or config.rehearsal
        memory["exemplars"] = Exemplars(max(1, round(share * len(train) / len(train.classes))))
    optim: dict[str, torch.optim.Optimizer] = {"wake": torch.optim.SGD(groups, momentum=taught.momentum)}
    return Brain(net=taught.net, memory=memory, optim=optim), taught


def schedule(config: Tables, cell: Cell, taught: NetworkSetup, today: int) -> Schedule:
    """Days and nights of a cell; what its strategy leaves out is absent."""
    day: tuple[DayPhase, ...] = (taught.wake,)
    night = taught.night
    if cell.strategy.rehearses:
        day = (Remember(memory="exemplars"), Rehearse(inner=taught.wake, today=today))
        night = (*night, SealExemplars())
    if cell.strategy.nights:
        day = (*(Remember(memory=name) for name in ("mean", *taught.seen)), *day)
        sleep = taught.around(taught.learner.sleep)
        always = cell.strategy.nights == EVERY_NIGHT
        night = (sleep if always else EarlyNights(inner=sleep, nights=cell.strategy.nights), *night)
    epochs = lesson_of(config, cell).epochs
    return Schedule(day=day, nights=(Night("task", night),) if night else (), epochs=epochs)


@dataclass(frozen=True, kw_only=True)
class Table:
    """`oneiros run kubo2025/NAME`: every cell over as many random task orders as there are seeds.

    Attributes:
        name, scales: as every experiment has them.
        cells: by condition.
        order: classes in the order in which they are taught; () for one of all classes at random, by seed.
        looks_inside: whether hidden activity and weights are measured where nothing is rehearsed (Figs. 6 and 7).
    """

    name: str
    scales: Mapping[str, Tables]
    cells: Mapping[str, Cell]
    paper: str = "kubo2025"
    order: tuple[int, ...] = ()
    looks_inside: bool = True

    @property
    def conditions(self) -> tuple[str, ...]:
        """One for each cell."""
        return tuple(self.cells)

    @property
    def searches(self) -> dict[str, Search]:
        """The night of every cell that sleeps and does nothing else besides."""
        sleepers = {name: cell for name, cell in self.cells.items() if cell.strategy == STRATEGIES["src"]}
        return {name: cell_search(self.scales["paper"], c.subject, c.network) for name, c in sleepers.items()}

    def drawings(self) -> tuple[Drawing, ...]:
        """The paper's own figures."""
        return drawings_in("oneiros.papers.kubo2025.figures", self.name)

    def build(self, what: BuildRequest) -> Life:
        """One run, ready to live."""
        config, cell = what.config, self.cells[what.condition]
        lesson = lesson_of(config, cell)
        train, test, checksums, note = examples_of(what, getattr(config, cell.subject), lesson.examples)
        order = self.order or task_order(len(train.classes), Seeds(what.seed).rng("order"))
        if cell.strategy.parallel:
            tasks = (joint(train, test, batch_size=lesson.batch_size),)
        else:
            tasks = class_incremental(train, test, order=order, per_task=config.per_task, batch_size=lesson.batch_size)
        brain, taught = build_brain(config, cell, train, Seeds(what.seed))
        return Life(
            brain=brain,
            tasks=tasks,
            schedule=schedule(config, cell, taught, today=len(train) // len(tasks)),
            seeds=Seeds(what.seed, what.device),
            order=order_name(order, config.per_task),
            measure=self._measure(brain, tasks, test, cell.strategy),
            checksums=checksums,
            note=note,
        )

    def _measure(
        self, brain: Brain, tasks: Sequence[ExampleTask], test: Examples, strategy: Strategy
    ) -> Callable[[Event], Iterator[Measured]]:
        looks = self.looks_inside and not strategy.rehearses and not strategy.parallel
        return measurements(brain, tasks, test, looks_inside=looks)
