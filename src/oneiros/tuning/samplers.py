"""Who proposes candidates: Optuna's samplers, and CMA-ES from its own package.

Every proposal draws from a stream addressed by its number, so a search that is killed and goes on proposes what the
uninterrupted one would have proposed. None keeps its state in the storage in a form that has to be unpickled.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Literal

import numpy as np
from cmaes import CMA
from optuna import Study
from optuna.distributions import BaseDistribution, FloatDistribution, IntDistribution
from optuna.samplers import BaseSampler, NSGAIISampler, RandomSampler, TPESampler
from optuna.trial import FrozenTrial, TrialState

from oneiros.core import Seeds
from oneiros.runs.search import Range, Search

SamplerName = Literal["tpe", "ga", "cmaes", "random"]


def distribution(each: Range) -> BaseDistribution:
    """A range as Optuna calls it."""
    if each.whole:
        return IntDistribution(round(each.low), round(each.high), log=each.log)
    return FloatDistribution(each.low, each.high, log=each.log)


def make_sampler(name: SamplerName, search: Search, seeds: Seeds, *, population: int) -> BaseSampler:
    """The sampler called `name`.

    Args:
        name: "tpe" (multivariate); "ga", the paper's genetic algorithm as far as Optuna's goes; "cmaes"; "random".
        search: whose ranges, and from whose first start CMA-ES sets out.
        seeds: where its random numbers come from.
        population: individuals in a generation of the genetic algorithm (the paper: 100).
    """
    makers: dict[str, Callable[[int], BaseSampler]] = {
        "tpe": lambda seed: TPESampler(seed=seed, multivariate=True, constant_liar=True),
        # Uniform crossover with probability .75, mutation .1 a constant: Kubo et al. 2025, 2.0.11. Theirs copies 1 %
        # elite and breeds from 20 % chosen by tournament; NSGA-II breeds from the best `population` of parents and
        # children, two by two in tournaments.
        "ga": lambda seed: NSGAIISampler(
            seed=seed, population_size=population, crossover_prob=0.75, mutation_prob=0.1, swapping_prob=0.5
        ),
        "cmaes": lambda seed: CmaEs(search, seed),
        "random": lambda seed: RandomSampler(seed=seed),
    }
    return Addressed(makers[name], seeds)


class Addressed(BaseSampler):
    """A fresh sampler for each candidate, seeded by how many came before it (those that failed not counted)."""

    def __init__(self, make: Callable[[int], BaseSampler], seeds: Seeds) -> None:
        self.make = make
        self.seeds = seeds
        self.current: tuple[int, BaseSampler] | None = None

    def _for(self, study: Study, trial: FrozenTrial) -> BaseSampler:
        if self.current is None or self.current[0] != trial.number:
            before = study.get_trials(deepcopy=False)
            index = sum(t.number < trial.number and t.state != TrialState.FAIL for t in before)
            self.current = trial.number, self.make(self.seeds.number("sampler", index) % 2**32)
        return self.current[1]

    def infer_relative_search_space(self, study: Study, trial: FrozenTrial) -> dict[str, BaseDistribution]:
        """Constants that are proposed together."""
        return self._for(study, trial).infer_relative_search_space(study, trial)

    def sample_relative(
        self, study: Study, trial: FrozenTrial, search_space: dict[str, BaseDistribution]
    ) -> dict[str, Any]:
        """Proposals for them."""
        return self._for(study, trial).sample_relative(study, trial, search_space)

    def sample_independent(
        self, study: Study, trial: FrozenTrial, param_name: str, param_distribution: BaseDistribution
    ) -> Any:
        """A proposal for one of the others."""
        return self._for(study, trial).sample_independent(study, trial, param_name, param_distribution)

    def before_trial(self, study: Study, trial: FrozenTrial) -> None:
        """Nothing is to be prepared."""
        self._for(study, trial).before_trial(study, trial)

    def after_trial(self, study: Study, trial: FrozenTrial, state: TrialState, values: Sequence[float] | None) -> None:
        """Let the sampler note what it notes."""
        self._for(study, trial).after_trial(study, trial, state, values)


class CmaEs(BaseSampler):
    """CMA-ES (package `cmaes`) in the unit cube of the ranges, its state told anew from the finished candidates.

    Optuna's own sampler pickles its state into the storage, which this project does not load. Candidates count in
    the order of their numbers, a generation at a time; what other workers are busy with, the next generation hears.
    """

    SIGMA = 0.2  # of the cube's edge

    def __init__(self, search: Search, seed: int) -> None:
        self.search = search
        self.seed = seed
        self.random = RandomSampler(seed=seed)

    def infer_relative_search_space(self, study: Study, trial: FrozenTrial) -> dict[str, BaseDistribution]:
        """All constants."""
        return {name: distribution(each) for name, each in self.search.ranges.items()}

    def sample_relative(
        self, study: Study, trial: FrozenTrial, search_space: dict[str, BaseDistribution]
    ) -> dict[str, Any]:
        """A draw from what the finished generations have made of the distribution."""
        ranges = self.search.ranges
        start = self.search.starts[0] if self.search.starts else {name: ranges[name].at(0.5) for name in ranges}
        evolution = CMA(
            mean=self._shares(start), sigma=self.SIGMA, bounds=np.array([[0.0, 1.0]] * len(ranges)), seed=self.seed
        )
        size = evolution.population_size
        done = study.get_trials(deepcopy=False, states=(TrialState.COMPLETE,))
        told = [(self._shares(t.params), -t.value) for t in done if t.value is not None]
        for first in range(0, len(told) - size + 1, size):
            evolution.tell(told[first : first + size])
        return {name: ranges[name].at(share) for name, share in zip(ranges, evolution.ask(), strict=True)}

    def sample_independent(
        self, study: Study, trial: FrozenTrial, param_name: str, param_distribution: BaseDistribution
    ) -> Any:
        """Not needed as long as the ranges stay what they are."""
        return self.random.sample_independent(study, trial, param_name, param_distribution)

    def _shares(self, values: Mapping[str, float | int]) -> np.ndarray:
        return np.array([each.share(values[name]) for name, each in self.search.ranges.items()]).clip(0, 1)
