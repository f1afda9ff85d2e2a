"""What a search comes to: every candidate as a row, the winners beside the constants it began with, one winner."""

import csv
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import fmean
from typing import Any

import optuna
from optuna.trial import FrozenTrial, TrialState

from oneiros.measure.metrics import mean_interval
from oneiros.runs.search import Search
from oneiros.runs.settings import settings
from oneiros.runs.store.disk import write_atomically
from oneiros.runs.store.table import FORMULA
from oneiros.tuning.study import FRESH, SEARCH, Request, Storage, finished, full, is_recipes_own

COLUMNS = ("study", "number", "state", "value", "lives", "given_up", "seconds", "worker", "of", "start")


@dataclass(frozen=True, kw_only=True)
class Winner:
    """A candidate that lived its lives on fresh seeds.

    Attributes:
        number: its place in the search.
        is_start: whether the search began with it: the recipe's constants as they were.
        searched: its fitness there.
        fresh: what it reached on each fresh order, mean over the sleep seeds.
        values: its constants.
    """

    number: int
    is_start: bool
    searched: float
    fresh: tuple[float, ...]
    values: Mapping[str, float | int]

    @property
    def mean(self) -> float:
        """Its fitness on fresh seeds."""
        return fmean(self.fresh)


def ranking(storage: Storage) -> list[Winner]:
    """The re-ranked candidates, the best on fresh seeds first."""
    search = {t.number: t for t in finished(storage.study(SEARCH))}
    found = [_winner(search[t.user_attrs["of"]], t) for t in full(storage.study(FRESH))]
    return sorted(found, key=lambda winner: (-winner.mean, winner.number))


def _winner(searched: FrozenTrial, fresh: FrozenTrial) -> Winner:
    return Winner(
        number=searched.number,
        is_start=is_recipes_own(searched),
        searched=searched.value or 0.0,
        fresh=_by_order(fresh.user_attrs["lives"], [life[-1] for life in fresh.user_attrs["reached"]]),
        values=searched.params,
    )


def _by_order(lives: Sequence[str], reached: Sequence[float]) -> tuple[float, ...]:
    """Means over the lives of each order; lives of one order are not independent, so intervals are over orders.

    >>> _by_order(["200.0", "201.0", "200.1", "201.1"], [0.5, 0.7, 0.7, 0.9])
    (0.6, 0.8)
    """
    orders: dict[str, list[float]] = {}
    for name, value in zip(lives, reached, strict=True):
        orders.setdefault(name.partition(".")[0], []).append(value)
    return tuple(fmean(values) for values in orders.values())


def ranking_text(winners: list[Winner]) -> list[tuple[str, ...]]:
    """The ranking as lines of text: number, searched, fresh with its 95 % interval over orders, constants."""
    lines = [("candidate", "searched (%)", "fresh (%)", "95 % interval", "orders", "constants")]
    for winner in winners:
        interval = mean_interval(winner.fresh)
        constants = ", ".join(f"{name} {value:.3g}" for name, value in winner.values.items())
        lines.append(
            (
                f"{winner.number}{' (start)' if winner.is_start else ''}", f"{100 * winner.searched:.2f}",
                f"{100 * winner.mean:.2f}", f"{100 * interval.low:.2f} to {100 * interval.high:.2f}",
                str(interval.n), constants,
            )
        )  # fmt: skip
    return lines


def tally(study: optuna.Study) -> dict[str, float | int]:
    """How many candidates, how many were given up, how many lives they lived, what it took."""
    done = finished(study)
    return {
        "candidates": len(done),
        "lived_through": len(full(study)),
        "given_up": sum(bool(t.user_attrs.get("given_up")) for t in done),
        "lost_with_their_worker": len(study.get_trials(deepcopy=False, states=(TrialState.FAIL,))),
        "lives": sum(len(t.user_attrs["reached"]) for t in done),
        "process_seconds": round(sum(t.user_attrs["seconds"] for t in done), 1),
    }


def write_outcome(storage: Storage, request: Request, search: Search) -> Path:
    """Write candidates.csv, ranking.md and winner.json; where the winner is."""
    studies = {name: storage.study(name) for name in (SEARCH, FRESH)}
    _write_candidates(storage.out / "candidates.csv", studies, list(search.ranges))
    ranked = ranking(storage)
    head, *lines = ranking_text(ranked)
    rows = [head, ("---",) * len(head), *lines]
    table = "".join(f"| {' | '.join(row)} |\n" for row in rows)
    write_atomically(storage.out / "ranking.md", lambda beside: beside.write_text(table))
    noted = studies[SEARCH].user_attrs
    winner = {
        **{key: noted["request"][key] for key in ("experiment", "scale", "condition")},
        "settings": changed_settings(request, search, ranked[0].values),
        "provenance": {
            "sampler": request.sampler,
            "seed": request.seed,
            "search_lives": [str(life_seeds) for life_seeds in request.lives_seeds(SEARCH)],
            "fresh_lives": [str(life_seeds) for life_seeds in request.lives_seeds(FRESH)],
            "search": tally(studies[SEARCH]),
            "candidate": ranked[0].number,
            "is_start": ranked[0].is_start,
            "searched_percent": round(100 * ranked[0].searched, 2),
            "fresh_percent": round(100 * ranked[0].mean, 2),
            "reranked": len(ranked),
            "validation": list(search.validation),
            "code": noted["code"],
            "data": noted.get("data", {}),
            "set": noted["request"]["config"],
        },
    }
    file = storage.out / "winner.json"
    write_atomically(file, lambda beside: beside.write_text(json.dumps(winner, indent=1) + "\n"))
    return file


def changed_settings(request: Request, search: Search, values: Mapping[str, float | int]) -> dict[str, Any]:
    """What the constants change in the configuration, by the names that `--set` takes."""
    before = dict(settings(request.config))
    after = dict(settings(search.place(request.config, values)))
    return {name: value for name, value in after.items() if before.get(name) != value}


def _write_candidates(file: Path, studies: Mapping[str, optuna.Study], names: list[str]) -> None:
    def write(beside: Path) -> None:
        with beside.open("w", newline="") as stream:
            table = csv.writer(stream, lineterminator="\n")
            table.writerow([*COLUMNS, *names])
            for study, trials in ((name, studies[name].get_trials(deepcopy=False)) for name in studies):
                for t in trials:
                    noted = t.user_attrs
                    cells = [study, t.number, t.state.name, t.value, " ".join(noted.get("lives", ()))]
                    cells += [noted.get(key, "") for key in COLUMNS[5:]]
                    cells = [f"'{cell}" if isinstance(cell, str) and cell[:1] in FORMULA else cell for cell in cells]
                    table.writerow(cells + [t.params.get(name, "") for name in names])

    write_atomically(file, write)
