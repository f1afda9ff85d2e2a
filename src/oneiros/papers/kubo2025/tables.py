"""Kubo et al. 2025, Tables 2 and 3: every network, every data set, every strategy.

Read from the bottom: `Table.build` assembles data, network, memories, schedule and measurements of one cell and seed.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import NamedTuple

import torch

from oneiros.core import Brain, DayPhase, Memory, NightPhase, Seeds
from oneiros.data import Examples
from oneiros.life import Night, Schedule
from oneiros.memory import Exemplars, MeanInput
from oneiros.papers.kubo2025.experiment import Lessons, lessons
from oneiros.papers.kubo2025.measure import measurements
from oneiros.papers.kubo2025.networks import NETWORKS, Taught
from oneiros.papers.kubo2025.search import cell_search
from oneiros.papers.kubo2025.subjects import Subject, Tables
from oneiros.papers.recipe import Build, Life
from oneiros.papers.search import Search
from oneiros.phases import Rehearse, Remember, SealExemplars
from oneiros.report.drawing import Drawing
from oneiros.scenarios import class_incremental, joint, order_name, task_order, thin

STRATEGIES = ("sequential", "src", "rehearsal", "src_rehearsal", "parallel")


class Cell(NamedTuple):
    """What a condition's name says: which data, which network, what it does by day and night."""

    subject: str
    network: str
    strategy: str

    @property
    def name(self) -> str:
        """The condition."""
        return "_".join(self)


def cells(subjects: tuple[str, ...], networks: tuple[str, ...], strategies: tuple[str, ...]) -> dict[str, Cell]:
    """Every combination, by the condition's name."""
    found = [Cell(s, n, k) for s in subjects for n in networks for k in strategies]
    return {cell.name: cell for cell in found}


def examples_of(what: Build, subject: Subject) -> Lessons:
    """Training and test examples of one data set, thinned where the scale says so."""
    config: Tables = what.config
    source = _Source(subject.data, config.evaluate_on, config.examples, config.validation)
    found = lessons(what, source)
    if config.test_examples:
        # The same for every seed, so that differences between seeds are not differences of the test.
        found = found._replace(test=thin(found.test, limit=config.test_examples, rng=Seeds(0).rng("thin test")))
    return found


@dataclass(frozen=True)
class _Source:
    """What `lessons` asks of a configuration."""

    data: str
    evaluate_on: str
    examples: int
    validation: float


def newborn(config: Tables, cell: Cell, train: Examples, seeds: Seeds) -> tuple[Brain, Taught]:
    """An untaught brain with the memories its strategy needs, and how it will be taught."""
    subject = getattr(config, cell.subject)
    with seeds.building("init"):
        taught = NETWORKS[cell.network](config, subject, train.images[0].numel(), len(train.classes))
        taught.net.to(train.images.device)
    groups = [
        {"params": [p for part in taught.below for p in part.parameters()], "lr": taught.learner.alpha},
        {"params": list(taught.output.parameters()), "lr": taught.learner.alpha_output},
    ]
    memory: dict[str, Memory] = {}
    if cell.strategy.startswith("src"):
        memory["mean"] = MeanInput()
    if cell.strategy.endswith("rehearsal"):
        memory["exemplars"] = Exemplars(max(1, round(config.rehearsal * len(train) / len(train.classes))))
    return Brain(net=taught.net, memory=memory, optim={"wake": torch.optim.SGD(groups)}), taught


def schedule(config: Tables, cell: Cell, taught: Taught, today: int) -> Schedule:
    """Days and nights of a cell; what its strategy leaves out is absent."""
    day: tuple[DayPhase, ...] = (taught.wake,)
    night: tuple[NightPhase, ...] = ()
    if cell.strategy.endswith("rehearsal"):
        day = (Remember(memory="exemplars"), Rehearse(inner=taught.wake, today=today))
        night = (SealExemplars(),)
    if cell.strategy.startswith("src"):
        day = (Remember(memory="mean"), *day)
        night = (taught.learner.sleep, *night)
    epochs = config.parallel_epochs if cell.strategy == "parallel" else getattr(config, cell.subject).epochs
    return Schedule(day=day, nights=(Night("task", night),) if night else (), epochs=epochs)


@dataclass(frozen=True, kw_only=True)
class Table:
    """`oneiros run kubo2025/NAME`: every cell over as many random task orders as there are seeds."""

    name: str
    summary: str
    scales: Mapping[str, Tables]
    cells: Mapping[str, Cell]
    paper: str = "kubo2025"
    drawings: tuple[Drawing, ...] = ()

    @property
    def conditions(self) -> tuple[str, ...]:
        """One for each cell."""
        return tuple(self.cells)

    @property
    def searches(self) -> dict[str, Search]:
        """The night of every cell that sleeps and does nothing else besides."""
        sleepers = {name: cell for name, cell in self.cells.items() if cell.strategy == "src"}
        return {name: cell_search(self.scales["paper"], c.subject, c.network) for name, c in sleepers.items()}

    def build(self, what: Build) -> Life:
        """One run, ready to live."""
        config, cell = what.config, self.cells[what.condition]
        train, test, checksums = examples_of(what, getattr(config, cell.subject))
        order = task_order(len(train.classes), Seeds(what.seed).rng("order"))
        if cell.strategy == "parallel":
            tasks = (joint(train, test, batch_size=config.batch_size),)
        else:
            tasks = class_incremental(train, test, order=order, per_task=config.per_task, batch_size=config.batch_size)
        brain, taught = newborn(config, cell, train, Seeds(what.seed))
        return Life(
            brain=brain,
            tasks=tasks,
            schedule=schedule(config, cell, taught, today=len(train) // len(tasks)),
            seeds=Seeds(what.seed, what.device),
            order=order_name(order, config.per_task),
            measure=measurements(brain, tasks, test, looks_inside=cell.strategy in ("sequential", "src")),
            checksums=checksums,
        )
