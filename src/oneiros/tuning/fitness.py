"""Living candidates: one set of constants, day by day, on validation data."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from oneiros.brain_state import BrainState, brain_state, restore_brain
from oneiros.core import Seeds
from oneiros.life import Cursor, live
from oneiros.runs.experiment import BuildRequest, Life
from oneiros.runs.search import Search, Tunable
from oneiros.runs.settings import override


@dataclass(frozen=True, order=True)
class LifeSeeds:
    """What decides a life besides its constants: the seed of weights and task order, and that of its days and nights.

    Sleep 0 is the life that `oneiros run` lives with this seed; every other number draws other noise in each night,
    and shuffles each day's lessons otherwise.
    """

    sleep: int
    seed: int

    def __str__(self) -> str:
        return f"{self.seed}.{self.sleep}"

    def seeds(self, device: str) -> Seeds:
        """The random streams of its days and nights."""
        seeds = Seeds(self.seed, device)
        return replace(seeds, seed=seeds.number("sleep", self.sleep)) if self.sleep else seeds


@dataclass(kw_only=True)
class Fitness:
    """Lives candidates of one condition. Evenings before the first night are kept, where no candidate changes them.

    Attributes:
        experiment, condition, config: what is tuned; `config` is that of the scale, with `--set` applied.
        data, device: as for a run.
        evenings: what brains were like when the first day's lessons were over.
        checksums: of the data files read.
        n_days: days of a life, known once one has begun.
    """

    experiment: Tunable
    condition: str
    config: Any
    data: Path | None
    device: str = "cpu"
    evenings: dict[LifeSeeds, BrainState] = field(default_factory=dict)
    checksums: dict[str, str] = field(default_factory=dict)
    n_days: int = 0

    @property
    def search(self) -> Search:
        """The condition's."""
        return self.experiment.searches[self.condition]

    def days(self, values: Mapping[str, float | int], life_seeds: LifeSeeds) -> Iterator[float]:
        """What the constants `values` reach at the end of each day of one life."""
        life = self._life(values, life_seeds)
        start, evening = None, Cursor(0, life.schedule.epochs)
        keeps = self.search.nights_only and all(night.when == "task" for night in life.schedule.nights)
        if keeps and life_seeds in self.evenings:
            restore_brain(life.brain, self.evenings[life_seeds])
            start = evening
        for event in live(life.brain, life.tasks, life.schedule, life.seeds, start=start):
            if keeps and event.kind == "epoch_end" and event.resume == evening:
                self.evenings[life_seeds] = brain_state(life.brain).copied()
            # Every event, as in a run: a recipe may compare one with the next.
            measured = [m for m in life.measure(event) if m.metric == self.search.metric]
            if event.kind == "task_end":
                yield next(m.value for m in measured if m.task == event.task and m.phase == "end")

    def _life(self, values: Mapping[str, float | int], life_seeds: LifeSeeds) -> Life:
        config = self.search.place(override(self.config, self.search.validation), values)
        life = self.experiment.build(
            BuildRequest(
                config=config, condition=self.condition, seed=life_seeds.seed, data=self.data, device=self.device
            )
        )
        self.checksums.update(life.checksums)
        self.n_days = len(life.tasks)
        return replace(life, seeds=life_seeds.seeds(self.device)) if life_seeds.sleep else life
