"""An experiment of somebody's own, in a file of theirs: a network learns the digits with and without rehearsal."""

from collections.abc import Mapping
from dataclasses import dataclass, field

import torch

from oneiros import Brain, Night, Schedule, Seeds, load
from oneiros.core import Batch
from oneiros.data.streams import class_incremental
from oneiros.measure.probes import accuracy, predictions
from oneiros.nets import Perceptron
from oneiros.phases import BackpropWake
from oneiros.runs.experiment import BuildRequest, Life, Measured


@dataclass(frozen=True, kw_only=True)
class Config:
    """What can be `--set`."""

    lr: float = 0.1
    hidden: int = 16


@dataclass(frozen=True, kw_only=True)
class Halved:
    """A night that halves the weights of the first layer; moves what it says."""

    name = "halved"
    changes = ("layers.0.weight",)
    returns = ()

    def __call__(self, brain: Brain, rng: torch.Generator) -> dict[str, torch.Tensor]:
        with torch.no_grad():
            brain.net.get_parameter("layers.0.weight").mul_(0.5)
        return {}


@dataclass(frozen=True, kw_only=True)
class Mine:
    """`oneiros run my_experiment.py:MINE`."""

    paper: str = "mylab2027"
    name: str = "digits"
    conditions: tuple[str, ...] = ("awake", "halved")
    scales: Mapping[str, Config] = field(default_factory=lambda: {"smoke": Config(), "paper": Config(hidden=32)})

    def build(self, what: BuildRequest) -> Life:
        data, seeds = load("digits"), Seeds(what.seed, what.device)
        train, test = data.train, data.test
        tasks = class_incremental(train, test, order=tuple(range(10)), per_task=5, batch_size=50)
        with seeds.building("net"):
            net = Perceptron((64, what.config.hidden, 10))
        brain = Brain(net=net, optim={"wake": torch.optim.SGD(net.parameters(), lr=what.config.lr)})
        nights = (Night("task", (Halved(),)),) if what.condition == "halved" else ()

        def measure(event):
            if event.kind == "task_end":
                asked: Batch = test.all()
                value = accuracy(predictions(net, asked.x), asked.y, tuple(range(10)))
                yield Measured(metric="accuracy_seen", value=value, task=event.task, phase="end")

        return Life(
            brain=brain, tasks=tasks, schedule=Schedule(day=(BackpropWake(),), nights=nights), seeds=seeds,
            order="in order", measure=measure, checksums=data.checksums,
        )  # fmt: skip

    def drawings(self) -> tuple:
        return ()


MINE = Mine()
