"""Kubo et al. 2025: class-incremental learning with equilibrium propagation, sleep and rehearsal (Table 2).

Read from the bottom: `ClassIncremental.build` assembles data, network, memories, schedule and measurements.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, NamedTuple, Protocol, runtime_checkable

import torch

from oneiros.core import Brain, DayPhase, Memory, NightPhase, Seeds
from oneiros.data import Examples, load
from oneiros.data.streams import class_incremental, joint, order_name, subsample, task_order, train_val_split
from oneiros.life import Event, Night, Schedule
from oneiros.memory.exemplars import Exemplars
from oneiros.memory.mean_input import MeanInput
from oneiros.nets.equilibrium import EquilibriumRNN, Euler, FixedPoint
from oneiros.papers.kubo2025.config import Config
from oneiros.papers.kubo2025.measure import measurements
from oneiros.phases.around.rehearse import Rehearse
from oneiros.phases.bookkeeping.remember import Remember, SealExemplars
from oneiros.phases.wake.equilibrium_wake import EquilibriumWake
from oneiros.runs.drawing import Drawing, drawings_in
from oneiros.runs.experiment import BuildRequest, Life, Measured
from oneiros.runs.search import Search


class Strategy(NamedTuple):
    """What a condition consists of: its sleep (None: it does not), rehearsal, one task or many, what sleep hears."""

    sleep: NightPhase | None = None
    rehearse: bool = False
    parallel: bool = False
    epochs: int = 0  # 0: the configuration's
    mean: Callable[[], Memory] = MeanInput


def strategies(config: Config) -> dict[str, Strategy]:
    """The five strategies of Table 2, then our controls."""
    sleep = config.sleep
    return {
        "sequential": Strategy(),
        "src": Strategy(sleep),
        "rehearsal": Strategy(rehearse=True),
        "src_rehearsal": Strategy(sleep, rehearse=True),
        "parallel": Strategy(parallel=True, epochs=config.parallel_epochs),
        # As many epochs as each task gets: another reading of the paper's "parallel training".
        "parallel_few_epochs": Strategy(parallel=True),
        "src_equal_nights": Strategy(config.equal_sleep),
        "src_literal": Strategy(config.literal_sleep),
        "src_decrement_only": Strategy(replace(sleep, inc=(0.0,) * len(sleep.inc))),
        "src_no_feedback": Strategy(replace(sleep, feedback=())),
    }


CONDITIONS = (
    "sequential", "src", "rehearsal", "src_rehearsal", "parallel", "parallel_few_epochs",
    "src_equal_nights", "src_literal", "src_decrement_only", "src_no_feedback",
)  # fmt: skip


class Lessons(NamedTuple):
    """Training and test examples of one run, where they came from, and what stands in for what the paper used."""

    train: Examples
    test: Examples
    checksums: Mapping[str, str]
    note: str = ""


@runtime_checkable
class Source(Protocol):
    """What `lessons` asks of a configuration."""

    @property
    def data(self) -> str:
        """Data set."""
        ...

    @property
    def evaluate_on(self) -> str:
        """Test or validation."""
        ...

    @property
    def examples(self) -> int:
        """How many to keep, 0 for all."""
        ...

    @property
    def validation(self) -> float:
        """Fraction carved off."""
        ...


def lessons(what: BuildRequest, config: Source) -> Lessons:
    """Load, take the validation part off, and subsample for small scales."""
    seeds = Seeds(what.seed)
    data = load(config.data, root=what.data, device=what.device)
    # The split is the same for every seed: no run may train on what another chose its constants by.
    train, validation = train_val_split(data.train, fraction=config.validation, rng=Seeds(0).rng("validation"))
    if config.examples:
        train = subsample(train, limit=config.examples, rng=seeds.rng("thin"))
    test = data.test if config.evaluate_on == "test" else validation
    return Lessons(train, test, data.checksums, note_on(data.provenance))


def note_on(provenance: Mapping[str, Any]) -> str:
    """What the manifest says of features: whether blocks of our own stand in for published weights.

    >>> note_on({"backbone": "blocks", "data": "cifar10", "test_accuracy": 0.7656})
    'own features: cifar10 through blocks schooled by this project, 76.56 % test accuracy, not published weights'
    >>> note_on({"backbone": "cifar_resnet20", "data": "cifar10"})
    "other features: cifar10 through cifar_resnet20; the paper's are a VGG-13's"
    >>> note_on({"backbone": "efficientnet_lite0", "data": "parquet:/somewhere/imagenette224"})
    "other features: imagenette224 through efficientnet_lite0; the paper's are a ResNet-152's, of other classes"
    >>> note_on({"backbone": "resnet152"})
    ''
    """
    if str(provenance.get("backbone")).startswith("cifar_resnet"):
        return f"other features: {provenance['data']} through {provenance['backbone']}; the paper's are a VGG-13's"
    if provenance.get("backbone") == "efficientnet_lite0":
        images = str(provenance["data"]).rpartition("/")[2]
        return f"other features: {images} through efficientnet_lite0; the paper's are a ResNet-152's, of other classes"
    if provenance.get("backbone") != "blocks":
        return ""
    accuracy = f"{100 * provenance['test_accuracy']:.2f} % test accuracy"
    through = f"{provenance['data']} through blocks schooled by this project"
    return f"own features: {through}, {accuracy}, not published weights"


def build_brain(config: Config, strategy: Strategy, train: Examples, seeds: Seeds) -> Brain:
    """An untaught brain with the memories its strategy needs."""
    relaxation = FixedPoint() if config.relaxation == "fixed_point" else Euler(steps=config.free_steps, dt=config.dt)
    sizes = (train.images[0].numel(), config.hidden, len(train.classes))
    with seeds.building("init"):
        net = EquilibriumRNN(sizes, gamma=config.gamma, relaxation=relaxation).to(train.images.device)
    groups = [
        {"params": net.hidden.parameters(), "lr": config.alpha_hidden},
        {"params": net.output.parameters(), "lr": config.alpha_output},
    ]
    memory: dict[str, Memory] = {}
    if strategy.sleep:
        memory["mean"] = strategy.mean()
    if strategy.rehearse:
        memory["exemplars"] = Exemplars(max(1, round(config.rehearsal * len(train) / len(train.classes))))
    return Brain(net=net, memory=memory, optim={"wake": torch.optim.SGD(groups)})


def schedule(config: Config, strategy: Strategy, today: int) -> Schedule:
    """Days and nights of a strategy; what it leaves out is absent."""
    wake: DayPhase = EquilibriumWake(beta=config.beta, dt=config.dt, clamped_steps=config.clamped_steps)
    day: tuple[DayPhase, ...] = (wake,)
    night: tuple[NightPhase, ...] = ()
    if strategy.rehearse:
        day = (Remember(memory="exemplars"), Rehearse(inner=wake, today=today))
        night = (SealExemplars(),)
    if strategy.sleep:
        day = (Remember(memory="mean"), *day)
        night = (strategy.sleep, *night)
    nights = (Night("task", night),) if night else ()
    return Schedule(day=day, nights=nights, epochs=strategy.epochs or config.epochs)


@dataclass(frozen=True, kw_only=True)
class ClassIncremental:
    """`oneiros run kubo2025/NAME`: every strategy over as many random task orders as there are seeds."""

    name: str
    scales: Mapping[str, Config]
    paper: str = "kubo2025"
    conditions: tuple[str, ...] = CONDITIONS
    searches: Mapping[str, Search] = field(default_factory=dict)
    strategies: Callable[[Config], dict[str, Strategy]] = strategies
    measurements: Callable[..., Callable[[Event], Iterator[Measured]]] = measurements

    def drawings(self) -> tuple[Drawing, ...]:
        """The paper's own figures."""
        return drawings_in("oneiros.papers.kubo2025.figures", self.name)

    def build(self, what: BuildRequest) -> Life:
        """One run, ready to live."""
        config: Config = what.config
        strategy, seeds = self.strategies(config)[what.condition], Seeds(what.seed, what.device)
        train, test, checksums, note = lessons(what, config)
        order = task_order(len(train.classes), Seeds(what.seed).rng("order"))
        if strategy.parallel:
            tasks = (joint(train, test, batch_size=config.batch_size),)
        else:
            tasks = class_incremental(train, test, order=order, per_task=config.per_task, batch_size=config.batch_size)
        brain = build_brain(config, strategy, train, Seeds(what.seed))
        return Life(
            brain=brain,
            tasks=tasks,
            schedule=schedule(config, strategy, today=len(train) // len(tasks)),
            seeds=seeds,
            order=order_name(order, config.per_task),
            measure=self.measurements(brain, tasks, test),
            checksums=checksums,
            note=note,
        )
