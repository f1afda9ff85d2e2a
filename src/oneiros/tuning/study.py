"""A search on disk: one journal file that any number of processes append to, and that survives any of them.

The journal is text, one JSON object a line (Optuna's journal storage, see `journal`). It holds two studies: the search,
and the re-ranking of its winners on fresh seeds. Everything a candidate reached, and why it was given up, is in it.
"""

import contextlib
import json
import time
import uuid
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import optuna
from filelock import FileLock, Timeout
from optuna.samplers import BaseSampler
from optuna.storages import JournalStorage
from optuna.trial import FrozenTrial, Trial, TrialState

from oneiros.core import Seeds
from oneiros.runs.search import Tunable
from oneiros.runs.settings import settings
from oneiros.runs.store import ForeignOutputError, code_version
from oneiros.runs.store.disk import own_folder
from oneiros.runs.store.manifest import canonical
from oneiros.tuning.fitness import Fitness, LifeSeeds
from oneiros.tuning.journal import Journal
from oneiros.tuning.race import fitness, hopeless
from oneiros.tuning.samplers import SamplerName, distribution, make_sampler

SEARCH, FRESH = "search", "fresh"
FIRST_SEED, FIRST_FRESH_SEED = 100, 200  # published results are on seeds 0, 1, 2, ...


@dataclass(frozen=True, kw_only=True)
class Request:
    """What is to be searched, small enough to send to another process.

    Attributes:
        experiment, scale, condition: what is tuned.
        config: the scale's, with `--set` applied.
        sampler, seed, population: who proposes.
        trials: candidates in all, those that other processes lived included.
        deadline: time (seconds since the epoch) after which no candidate is begun.
        orders, sleeps: how many seeds of order and weights, and of the nights' noise, a candidate lives.
        winners: candidates that are re-ranked on fresh seeds.
        out, data: folders.
    """

    experiment: str
    scale: str
    condition: str
    config: Any
    sampler: SamplerName
    seed: int
    population: int
    trials: int
    deadline: float
    orders: int
    sleeps: int
    winners: int
    out: Path
    data: Path | None

    def lives_seeds(self, study: str) -> list[LifeSeeds]:
        """The lives of every candidate, in the order they are lived: first all orders, then other sleeps."""
        first = FIRST_SEED if study == SEARCH else FIRST_FRESH_SEED
        seeds = range(first, first + self.orders)
        return [LifeSeeds(seed=seed, sleep=sleep) for sleep in range(self.sleeps) for seed in seeds]

    def identity(self) -> dict[str, Any]:
        """What two searches have in common if one may go on with the other's candidates."""
        kept = ("experiment", "scale", "condition", "sampler", "seed", "population", "orders", "sleeps")
        config = {name: value for name, value in settings(self.config)}
        return json.loads(json.dumps({**{k: v for k, v in asdict(self).items() if k in kept}, "config": config}))


class Storage:
    """The journal of one output folder."""

    def __init__(self, out: Path) -> None:
        optuna.logging.set_verbosity(optuna.logging.WARNING)  # it would print every candidate through the progress
        own_folder(out / "workers")
        self.out = out
        self.journal = JournalStorage(Journal(out / "search.journal"))
        self.lock = FileLock(out / "ask.lock")

    def study(self, name: str, sampler: BaseSampler | None = None) -> optuna.Study:
        """The study called `name`, made if it is not there."""
        return optuna.create_study(
            storage=self.journal, study_name=name, sampler=sampler, direction="maximize", load_if_exists=True
        )

    def prepare(self, request: Request, starts: Sequence[dict[str, float | int]]) -> None:
        """Note what is searched, or refuse if something else is; begin with `starts`; free what dead workers held.

        Raises:
            ForeignOutputError: the folder holds another search.
        """
        with self.lock:
            search, identity = self.study(SEARCH), request.identity()
            noted = search.user_attrs.get("request")
            if noted is None:
                search.set_user_attr("request", identity)
                search.set_user_attr("code", code_version())
                for k, start in enumerate(starts):
                    search.enqueue_trial(start, user_attrs={"start": k})
            elif canonical(noted) != canonical(identity):
                differing = [k for k in identity if noted.get(k) != identity[k]]
                raise ForeignOutputError(
                    f"{self.out} holds a search with another {', '.join(differing)}; choose another --out"
                )
            for study in (search, self.study(FRESH)):
                self._free(study)

    def enter_winners(self, request: Request) -> list[FrozenTrial]:
        """Queue the best candidates, and the recipe's own constants, for fresh seeds; those that are queued stay."""
        with self.lock:
            search, fresh = self.study(SEARCH), self.study(FRESH)
            chosen = winners(search, request.winners)
            known = {t.user_attrs["of"] for t in fresh.get_trials(deepcopy=False) if t.state != TrialState.FAIL}
            for trial in chosen:
                if trial.number not in known:
                    fresh.enqueue_trial(trial.params, user_attrs={"of": trial.number})
            return chosen

    def ask(self, study: optuna.Study, search: Tunable, condition: str, room: Callable[[], bool]) -> Trial | None:
        """The next candidate, or None where there is no room; one process at a time."""
        with self.lock:
            if not room():
                return None
            ranges = search.searches[condition].ranges
            return study.ask({name: distribution(each) for name, each in ranges.items()})

    @contextlib.contextmanager
    def worker(self) -> Iterator[str]:
        """A name for this process that others can see to be alive: it holds a lock until it ends, however it ends."""
        name = uuid.uuid4().hex[:12]
        file = self.out / "workers" / f"{name}.lock"
        with FileLock(file):
            yield name
        file.unlink(missing_ok=True)

    def _free(self, study: optuna.Study) -> None:
        """Queue again what a worker left behind when it died."""
        for trial in study.get_trials(deepcopy=False, states=(TrialState.RUNNING,)):
            if self._alive(trial.user_attrs.get("worker", "")):
                continue
            study.tell(trial.number, state=TrialState.FAIL)
            kept = {k: v for k, v in trial.user_attrs.items() if k in ("start", "of")}
            # What was queued lies apart until it is asked for; a proposal that was not made is made anew.
            if constants := {**trial.system_attrs.get("fixed_params", {}), **trial.params}:
                study.enqueue_trial(constants, user_attrs={**kept, "again": trial.number})

    def _alive(self, worker: str) -> bool:
        file = self.out / "workers" / f"{worker}.lock"
        if not worker or not file.exists():
            return False
        lock = FileLock(file, timeout=0)
        try:
            with lock:
                pass
        except Timeout:
            return True
        file.unlink(missing_ok=True)
        return False


def finished(study: optuna.Study) -> list[FrozenTrial]:
    """Candidates that were lived, those given up included."""
    return study.get_trials(deepcopy=False, states=(TrialState.COMPLETE,))


def full(study: optuna.Study) -> list[FrozenTrial]:
    """Candidates that lived all their lives, the best first."""
    whole = [t for t in finished(study) if not t.user_attrs.get("given_up")]
    return sorted(whole, key=lambda t: (-(t.value or 0.0), t.number))


def is_recipes_own(trial: FrozenTrial) -> bool:
    """Whether a candidate is the first start: the constants that the recipe has."""
    return trial.user_attrs.get("start") == 0


def winners(search: optuna.Study, n: int) -> list[FrozenTrial]:
    """The best `n` candidates of a search, and besides them the recipe's own constants."""
    ranked = full(search)
    return ranked[:n] + [t for t in ranked[n:] if is_recipes_own(t)]


def work(request: Request, study_name: str, experiment: Tunable, report: Callable[[float, str], None]) -> int:
    """What one process does: candidates, until there is no room or no time. How many it lived."""
    storage = Storage(request.out)
    search = experiment.searches[request.condition]
    sampler = make_sampler(request.sampler, search, Seeds(request.seed), population=request.population)
    study = storage.study(study_name, sampler)
    measure = Fitness(
        experiment=experiment, condition=request.condition, config=request.config, data=request.data
    )  # fmt: skip
    lived = 0

    def room() -> bool:
        trials = study.get_trials(deepcopy=False)
        waiting = any(t.state == TrialState.WAITING for t in trials)
        begun = sum(t.state in (TrialState.COMPLETE, TrialState.RUNNING) for t in trials)
        # Re-ranking takes what is queued, whatever the time: without it a search says nothing.
        return waiting if study_name == FRESH else begun < request.trials and time.time() < request.deadline

    with storage.worker() as name:
        while trial := storage.ask(study, experiment, request.condition, room):
            trial.set_user_attr("worker", name)
            value = live_trial(trial, measure, request.lives_seeds(study_name), race=study_name == SEARCH)
            study.tell(trial, value)
            lived += 1
            done = len(finished(study))
            best = full(study)
            said = f"{done} candidates, best {best[0].value:.4f} (number {best[0].number})" if best else f"{done}"
            report(min(done / max(request.trials if study_name == SEARCH else done, 1), 1.0), said)
    search_study = storage.study(SEARCH)
    if measure.checksums and "data" not in search_study.user_attrs:
        search_study.set_user_attr("data", measure.checksums)
    return lived


def live_trial(trial: Trial, measure: Fitness, lives_seeds: Sequence[LifeSeeds], *, race: bool) -> float:
    """Live one candidate's lives and note what it reached; with `race`, give it up when it is hopeless."""
    began, search = time.perf_counter(), measure.search
    leaders = full(trial.study) if race else []
    best: list[list[float]] = leaders[0].user_attrs["reached"] if leaders else []
    reached: list[list[float]] = []
    why = ""
    for life_seeds in lives_seeds:
        reached.append([])
        for value in measure.days(trial.params, life_seeds):
            reached[-1].append(value)
            why = hopeless(reached, best, slack=search.slack, margin=search.margin)
            if why:
                break
        trial.report(fitness(reached, len(lives_seeds), measure.n_days), len(reached))
        if why:
            break
    notes = {
        "reached": reached,
        "lives": [str(life_seeds) for life_seeds in lives_seeds[: len(reached)]],
        "given_up": why,
        "seconds": time.perf_counter() - began,
    }
    for key, value in notes.items():
        trial.set_user_attr(key, value)
    return fitness(reached, len(lives_seeds), measure.n_days)
