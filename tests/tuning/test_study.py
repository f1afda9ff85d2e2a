"""A search on disk: candidates, their race, workers that die, winners on fresh seeds."""

import csv
import json
import math
from dataclasses import replace

import pytest
from optuna.trial import TrialState

from oneiros.runs.catalogue import experiment
from oneiros.runs.search import Search
from oneiros.runs.settings import override
from oneiros.runs.store import ForeignOutputError
from oneiros.tuning.fitness import Fitness, LifeSeeds
from oneiros.tuning.outcome import ranking, write_outcome
from oneiros.tuning.study import FRESH, SEARCH, Request, Storage, finished, full, work

from .toy import RANGES, Config, height, place, toy


def request(out, **changed) -> Request:
    asked = Request(
        experiment="toy/hill", scale="paper", condition="src", config=Config(), sampler="tpe", seed=0, population=10,
        trials=6, deadline=math.inf, orders=2, sleeps=2, winners=2, out=out, data=None,
    )  # fmt: skip
    return replace(asked, **changed)


def search(asked: Request, hill, study: str = SEARCH) -> Storage:
    storage = Storage(asked.out)
    storage.prepare(asked, [dict(start) for start in hill.searches["src"].starts])
    work(asked, study, hill, lambda fraction, text: None)
    return storage


def test_every_candidate_lives_the_same_lives_on_validation_data(tmp_path):
    hill = toy(slack=9.0, margin=9.0)
    storage = search(request(tmp_path), hill)
    done = finished(storage.study(SEARCH))
    assert len(done) == 6
    for trial in done:
        assert trial.user_attrs["lives"] == ["100.0", "101.0", "100.1", "101.1"]
        assert trial.user_attrs["reached"] == [[1.0, pytest.approx(height(trial.params))]] * 4
        assert trial.value == pytest.approx(height(trial.params))
    assert {build.config.evaluate_on for build in hill.asked} == {"validation"}
    assert {build.seed for build in hill.asked} == {100, 101}


def test_the_search_begins_with_the_recipes_own_constants(tmp_path):
    first = search(request(tmp_path, trials=1), toy()).study(SEARCH).trials[0]
    assert first.params == {"a": 0.9, "b": 2.0, "c": 18}


def test_a_candidate_that_cannot_win_is_given_up_and_ranks_below_those_that_were_not(tmp_path):
    hill = toy(slack=9.0, margin=0.01)
    storage = search(request(tmp_path, trials=12, sampler="random"), hill)
    done = finished(storage.study(SEARCH))
    given_up = [t for t in done if t.user_attrs["given_up"]]
    assert given_up
    assert all(len(t.user_attrs["lives"]) < 4 for t in given_up)
    assert max(t.value for t in given_up) < min(t.value for t in full(storage.study(SEARCH)))
    # by hand: one life of four, of which the last day reached its height
    first = given_up[0]
    assert first.value == pytest.approx(height(first.params) * len(first.user_attrs["lives"]) / 4)


def test_a_dead_worker_leaves_no_trace_in_what_is_searched(tmp_path):
    """The candidate it held is lived again, and the rest of the search is that of the undisturbed one."""
    hill = toy(slack=9.0, margin=9.0)
    whole = search(request(tmp_path / "whole", trials=14), hill)
    asked = request(tmp_path / "killed", trials=12)
    storage = search(asked, hill)
    # What a killed process leaves: a candidate under way whose worker holds no lock any more.
    from oneiros.core import Seeds
    from oneiros.tuning.samplers import distribution, make_sampler

    sampler = make_sampler("tpe", hill.searches["src"], Seeds(0), population=10)
    held = storage.study(SEARCH, sampler).ask({name: distribution(each) for name, each in RANGES.items()})
    held.set_user_attr("worker", "dead")
    (tmp_path / "killed" / "workers" / "dead.lock").touch()

    storage = search(replace(asked, trials=14), hill)
    trials = storage.study(SEARCH).trials
    assert [t.number for t in trials if t.state == TrialState.FAIL] == [held.number]
    lived = [t.params for t in finished(storage.study(SEARCH))]
    assert lived == [t.params for t in finished(whole.study(SEARCH))]
    assert not list((tmp_path / "killed" / "workers").iterdir())


def test_the_recipes_own_constants_are_re_ranked_even_if_their_worker_died(tmp_path):
    hill = toy(slack=9.0, margin=9.0)
    asked = request(tmp_path, trials=8)
    storage = Storage(tmp_path)
    storage.prepare(asked, [dict(start) for start in hill.searches["src"].starts])
    storage.study(SEARCH).ask()  # a worker that dies before it says its name
    storage = search(asked, hill)
    own = {"a": 0.9, "b": 2.0, "c": 18}
    assert [t.params for t in storage.enter_winners(asked)][-1] == own


def test_the_candidate_of_a_living_worker_is_left_alone(tmp_path):
    hill = toy()
    storage = search(request(tmp_path, trials=2), hill)
    with storage.worker() as name:
        trial = storage.study(SEARCH).ask()
        trial.set_user_attr("worker", name)
        storage.prepare(request(tmp_path), [])
        assert storage.study(SEARCH).trials[trial.number].state == TrialState.RUNNING
    storage.prepare(request(tmp_path), [])
    assert storage.study(SEARCH).trials[trial.number].state == TrialState.FAIL


def test_two_workers_share_the_candidates(tmp_path):
    hill = toy(slack=9.0, margin=9.0)
    asked = request(tmp_path, trials=4)
    storage = search(asked, hill)
    for trials in (7, 7):
        work(replace(asked, trials=trials), SEARCH, hill, lambda fraction, text: None)
    assert [t.number for t in finished(storage.study(SEARCH))] == list(range(7))


def test_a_folder_with_another_search_is_refused(tmp_path):
    hill = toy()
    search(request(tmp_path, trials=1), hill)
    with pytest.raises(ForeignOutputError, match="another orders; choose another --out"):
        search(request(tmp_path, trials=1, orders=3), hill)
    with pytest.raises(ForeignOutputError, match="another config"):
        search(request(tmp_path, trials=1, config=Config(a=0.5)), hill)
    search(request(tmp_path, trials=2), hill)  # more candidates are the same search


def test_winners_are_ranked_on_fresh_seeds_beside_the_start_and_the_best_is_written(tmp_path):
    hill = toy(slack=9.0, margin=9.0)
    asked = request(tmp_path, trials=15)
    storage = search(asked, hill)
    chosen = storage.enter_winners(asked)
    assert storage.enter_winners(asked) == chosen  # asking again queues nothing twice
    work(asked, FRESH, hill, lambda fraction, text: None)
    ranked = ranking(storage)
    assert len(ranked) == 3
    assert [winner.is_start for winner in ranked] == [False, False, True]
    assert ranked[0].fresh == pytest.approx((height(ranked[0].values),) * 2)
    fresh = finished(storage.study(FRESH))
    assert {life for t in fresh for life in t.user_attrs["lives"]} == {"200.0", "201.0", "200.1", "201.1"}

    winner = json.loads(write_outcome(storage, asked, hill.searches["src"]).read_text())
    assert winner["settings"] == ranked[0].values
    assert winner["provenance"]["search"]["candidates"] == 15
    assert winner["provenance"]["data"] == {"hill": "0" * 64}
    table = list(csv.DictReader((tmp_path / "candidates.csv").read_text().splitlines()))
    assert [row["study"] for row in table] == [SEARCH] * 15 + [FRESH] * 3
    assert float(table[3]["value"]) == pytest.approx(storage.study(SEARCH).trials[3].value)
    assert (tmp_path / "ranking.md").read_text().count("\n") == 2 + 3


def test_the_journal_is_text_and_nothing_in_the_folder_has_to_be_unpickled(tmp_path):
    search(request(tmp_path, sampler="cmaes", trials=12), toy())
    lines = (tmp_path / "search.journal").read_text().splitlines()
    assert all(isinstance(json.loads(line), dict) for line in lines)
    assert {file.name for file in tmp_path.iterdir()} <= {"search.journal", "ask.lock", "journal.lock", "workers"}


DIGITS = experiment("kubo2025/digits")
SMALL = override(DIGITS.scales["smoke"], ("examples=200",))


@pytest.fixture(scope="module")
def digits():
    return Fitness(experiment=DIGITS, condition="src", config=SMALL, data=None)


def test_the_first_sleep_is_the_life_that_run_lives(digits):
    from oneiros.life import live
    from oneiros.runs.experiment import BuildRequest

    start = digits.search.starts[0]
    config = digits.search.place(replace(SMALL, evaluate_on="validation"), start)
    life = DIGITS.build(BuildRequest(config=config, condition="src", seed=100, data=None, device="cpu"))
    evenings = [
        m.value
        for event in live(life.brain, life.tasks, life.schedule, life.seeds)
        for m in life.measure(event)
        if (m.metric, m.phase) == ("accuracy_seen", "end")
    ]
    assert list(digits.days(start, LifeSeeds(seed=100, sleep=0))) == evenings
    assert len(evenings) == 5


def test_a_day_that_no_candidate_changes_is_lived_once_and_changes_nothing(digits):
    start, life_seeds = digits.search.starts[0], LifeSeeds(seed=100, sleep=1)
    other = {**start, "dec": 5e-5, "steps": 300}
    afresh = Fitness(experiment=_always_from_birth(), condition="src", config=SMALL, data=None)
    for values in (start, other, start):
        assert list(digits.days(values, life_seeds)) == list(afresh.days(values, life_seeds))
    assert life_seeds in digits.evenings
    assert not afresh.evenings


def _always_from_birth():
    searches = {name: replace(search, nights_only=False) for name, search in DIGITS.searches.items()}
    return replace(DIGITS, searches=searches)


def test_another_sleep_is_another_life_of_the_same_order(digits):
    start = digits.search.starts[0]
    lives = [list(digits.days(start, LifeSeeds(seed=100, sleep=k))) for k in (0, 1, 1)]
    assert lives[0] != lives[1]
    assert lives[1] == lives[2]


def test_a_start_outside_its_ranges_is_refused():
    with pytest.raises(ValueError, match="outside"):
        Search(ranges=RANGES, place=place, starts=({"a": 2.0, "b": 2.0, "c": 3},))
    with pytest.raises(ValueError, match="expected"):
        Search(ranges=RANGES, place=place, starts=({"a": 0.5},))


def test_the_recipes_constants_are_found_again_in_their_ranges():
    """What a search starts from is what the recipe has, to rounding."""
    for condition, field in (("src", "sleep"), ("src_equal_nights", "equal_sleep"), ("src_literal", "literal_sleep")):
        config = DIGITS.scales["paper"]
        placed = DIGITS.searches[condition].place(config, DIGITS.searches[condition].starts[0])
        before, after = getattr(config, field), getattr(placed, field)
        assert after.steps == before.steps
        for name in ("gains", "feedback", "inc", "dec"):
            assert getattr(after, name) == pytest.approx(getattr(before, name))
