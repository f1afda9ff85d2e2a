"""An experiment whose accuracy is a known function of its constants, so that a search can be judged."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

import torch

from oneiros.core import Batch, Brain, Seeds
from oneiros.life import Event, Schedule
from oneiros.runs.experiment import BuildRequest, Life, Measured
from oneiros.runs.search import Range, Search

OPTIMUM = {"a": 0.3, "b": 20.0, "c": 7}
RANGES = {"a": Range(0, 1, log=False), "b": Range(1, 1000), "c": Range(1, 20, log=False, whole=True)}
DAYS = 2


def height(values: Mapping[str, float | int]) -> float:
    """1 at the optimum, lower everywhere else; by share of each range, so that all constants matter alike."""
    apart = [RANGES[name].share(values[name]) - RANGES[name].share(OPTIMUM[name]) for name in RANGES]
    return 1 - sum(d * d for d in apart) / len(apart)


@dataclass(frozen=True, kw_only=True)
class Config:
    a: float = 0.9
    b: float = 2.0
    c: int = 18
    evaluate_on: str = "test"


@dataclass(frozen=True, kw_only=True)
class Day:
    name: str = "day"
    classes: tuple[int, ...] = (0,)

    def __len__(self) -> int:
        return 1

    def batches(self, rng: torch.Generator):
        yield Batch(x=torch.zeros(1, 1))


@dataclass(frozen=True, kw_only=True)
class Toy:
    """Reaches `height` on its last evening and 1 before; remembers what it was asked to build."""

    searches: Mapping[str, Search]
    asked: list[BuildRequest] = field(default_factory=list)
    paper: str = "toy"
    name: str = "hill"
    scales: Mapping[str, Config] = field(default_factory=lambda: {"paper": Config()})
    conditions: tuple[str, ...] = ("src",)

    def drawings(self) -> tuple:
        return ()

    def build(self, what: BuildRequest) -> Life:
        self.asked.append(what)

        def measure(event: Event):
            if event.kind == "task_end":
                last = event.task == DAYS - 1
                value = height({name: getattr(what.config, name) for name in RANGES}) if last else 1.0
                yield Measured(metric="accuracy_seen", value=value, task=event.task, phase="end")

        return Life(
            brain=Brain(net=torch.nn.Linear(1, 1)), tasks=(Day(),) * DAYS, schedule=Schedule(day=()),
            seeds=Seeds(what.seed), order="0", measure=measure, checksums={"hill": "0" * 64},
        )  # fmt: skip


def place(config: Config, values: Mapping[str, float | int]) -> Config:
    return replace(config, **values)


def toy(**search) -> Toy:
    starts = ({"a": 0.9, "b": 2.0, "c": 18},)
    return Toy(searches={"src": Search(ranges=RANGES, place=place, starts=starts, **search)})
