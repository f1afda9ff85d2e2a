"""Proposals: every sampler climbs a hill better than chance, and a seed decides what it proposes."""

import optuna
import pytest
from optuna.trial import TrialState

from oneiros.core import Seeds
from oneiros.runs.search import Range, Search
from oneiros.tuning.samplers import distribution, make_sampler

# As many constants as a night has, all of them alike.
RANGES = {f"c{k}": Range(0, 1, log=False) for k in range(8)}
SEARCH = Search(ranges=RANGES, place=lambda config, values: config)
DISTRIBUTIONS = {name: distribution(each) for name, each in RANGES.items()}


def height(values) -> float:
    """A bowl upside down: 1 at (.3, .3, ...)."""
    return 1 - sum((values[name] - 0.3) ** 2 for name in RANGES)


def proposals(name, *, seed, trials, population=20) -> optuna.Study:
    sampler = make_sampler(name, SEARCH, Seeds(seed), population=population)
    study = optuna.create_study(direction="maximize", sampler=sampler)
    for _ in range(trials):
        trial = study.ask(DISTRIBUTIONS)
        study.tell(trial, height(trial.params))
    return study


@pytest.mark.parametrize("name", ["ga", pytest.param("cmaes", marks=pytest.mark.slow), "tpe"])
def test_each_sampler_comes_nearer_to_the_top_than_chance_on_every_seed(name):
    for seed in range(3):
        best = {n: proposals(n, seed=seed, trials=150).best_value for n in (name, "random")}
        assert best[name] > best["random"]


def test_generations_of_the_genetic_algorithm_get_better():
    values = [t.value for t in proposals("ga", seed=0, trials=100).trials]
    means = [sum(values[i : i + 20]) / 20 for i in range(0, 100, 20)]
    assert means == sorted(means)
    assert means[-1] > means[0]


def test_a_seed_decides_the_proposals_and_another_seed_makes_others():
    def params(seed):
        return [t.params for t in proposals("tpe", seed=seed, trials=15).trials]

    assert params(0) == params(0)
    assert params(0) != params(1)


@pytest.mark.parametrize("name", ["tpe", "ga", "cmaes", "random"])
def test_a_failed_candidate_does_not_shift_the_proposals_after_it(name):
    """So a search that lost a worker goes on as if it had not, once the lost candidate is lived again."""
    uninterrupted = proposals(name, seed=3, trials=14, population=10)
    sampler = make_sampler(name, SEARCH, Seeds(3), population=10)
    study = optuna.create_study(direction="maximize", sampler=sampler)
    for k in range(14):
        trial = study.ask(DISTRIBUTIONS)
        if k == 11:
            study.tell(trial, state=TrialState.FAIL)
            study.enqueue_trial(trial.params)
            trial = study.ask(DISTRIBUTIONS)
        study.tell(trial, height(trial.params))
    lived = [t.params for t in study.trials if t.state == TrialState.COMPLETE]
    assert lived == [t.params for t in uninterrupted.trials]


def test_a_place_in_a_range_and_back():
    for each in (Range(2, 50), Range(-1, 3, log=False)):
        for share in (0.0, 0.3, 1.0):
            assert each.share(each.at(share)) == pytest.approx(share)
    # by hand: the geometric mean of 2 and 50 is 10
    assert Range(2, 50).at(0.5) == pytest.approx(10)


def test_a_range_that_is_none_is_refused():
    with pytest.raises(ValueError, match="low < high"):
        Range(3, 2)
    with pytest.raises(ValueError, match="low above 0"):
        Range(0, 2)
