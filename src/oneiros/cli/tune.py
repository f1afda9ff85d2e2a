"""`oneiros tune`."""

import importlib.util
import math
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import tyro
from rich.console import Console
from rich.markup import escape
from rich.progress import Progress, TaskID, TextColumn, TimeElapsedColumn
from rich.table import Table

from oneiros.cli.asked import Positional, RequestError, Scale, at_scale, chosen_experiment, data_folder, known, within
from oneiros.runs.engines import usable_cores

if TYPE_CHECKING:
    from oneiros.runs.search import Tunable
    from oneiros.tuning.study import Request

# More is a slip of the finger; 0 jobs are as many as there are cores.
LIMITS = {"trials": (1, 1e7), "orders": (1, 1e5), "sleep_seeds": (1, 1e5), "winners": (1, 1e5), "population": (2, 1e5)}
LIMITS |= {"jobs": (0, 4096), "minutes": (0, 1e7), "seed": (0, 2**31 - 1)}


@dataclass(frozen=True, kw_only=True)
class TuneCommand:
    """Choose an experiment's constants on validation data, then re-rank the best on fresh seeds.

    Candidates that cannot win are given up early. The same command again goes on where OUT stopped, and may be given
    in several terminals at once: they share the work. Writes candidates.csv, ranking.md and winner.json.

    Example: oneiros tune kubo2025/digits --trials 200 --jobs 2
    """

    name: Annotated[Positional[str], tyro.conf.arg(metavar="PAPER/NAME")]
    """Which experiment; it must declare what there is to choose."""
    condition: str = ""
    """For which condition; the first that declares something if left out."""
    sampler: Literal["tpe", "ga", "cmaes", "random"] = "tpe"
    """Who proposes: tree-structured Parzen estimator, genetic algorithm, CMA-ES, chance."""
    trials: int = 100
    """Candidates in all, those given up included."""
    minutes: float = 0.0
    """Begin no candidate after this long; 0: no limit."""
    orders: int = 6
    """Task orders that each candidate lives, each with its own initial weights."""
    sleep_seeds: int = 2
    """Times that each order is lived, with other noise in the nights."""
    winners: int = 5
    """Candidates to re-rank on fresh seeds."""
    population: int = 100
    """Individuals in a generation of the genetic algorithm."""
    seed: int = 0
    """Seed of the proposals."""
    scale: Scale = "paper"
    """smoke, quick or paper, as for `run`."""
    data: Path | None = None
    """Folder with the data sets, as for `run`."""
    jobs: int = 0
    """Worker processes; 0: one for each core."""
    out: Path | None = None
    """Folder of the search (default: out/tune-PAPER-NAME-CONDITION-SCALE)."""
    set: tuple[str, ...] = ()
    """Settings to change, as NAME=VALUE."""

    def __call__(self, console: Console) -> int:
        """Do it; the exit code."""
        request, chosen = _search_request(self)
        # Imported here: the search needs the extra `tune`, and no other command should wait for it.
        from oneiros.tuning.command import NothingFoundError, tune
        from oneiros.tuning.outcome import ranking, ranking_text
        from oneiros.tuning.study import Storage

        columns = (
            TextColumn("{task.description}"),
            TimeElapsedColumn(),
            TextColumn("{task.fields[said]}", style="dim"),
        )
        with Progress(*columns, console=console) as progress:
            bars: dict[str, TaskID] = {}

            def on_progress(key: str, fraction: float, text: str) -> None:
                if key not in bars:
                    bars[key] = progress.add_task(escape(key), total=1.0, said="")
                progress.update(bars[key], completed=fraction, said=escape(text))

            try:
                file, failed = tune(request, chosen, workers=self.jobs or usable_cores(), on_progress=on_progress)
            except NothingFoundError as error:
                raise RequestError(str(error)) from error
        for outcome in failed:
            console.print(
                f"[bold red]failed[/] {outcome.key}: {escape(outcome.message)}", highlight=False, soft_wrap=True
            )
        if file is None:
            return 1
        head, *lines = ranking_text(ranking(Storage(request.out)))
        # The last column, the constants, is for the files: it is wider than a terminal.
        table = Table(*head[:-1], box=None)
        for line in lines:
            table.add_row(*line[:-1])
        console.print(table)
        console.print(f"[bold]winner[/] {file}   [bold]all[/] {file.with_name('candidates.csv')}", highlight=False)
        return 0


def _search_request(command: TuneCommand) -> "tuple[Request, Tunable]":
    """What is to be searched, or an error before anything runs."""
    from oneiros.runs.search import Tunable
    from oneiros.runs.settings import override

    chosen = chosen_experiment(command.name)
    if not isinstance(chosen, Tunable) or not chosen.searches:
        raise RequestError(f"{command.name} does not declare what there is to choose (`searches`)")
    if missing := [name for name in ("optuna", "cmaes") if importlib.util.find_spec(name) is None]:
        raise RequestError(f"tuning needs {' and '.join(missing)}; `pip install 'oneiros[tune]'`")
    condition = command.condition or next(iter(chosen.searches))
    known((condition,), tuple(chosen.searches), "condition that can be tuned")
    within(command, LIMITS)
    from oneiros.tuning.study import Request

    config = override(at_scale(chosen, command.scale), command.set)
    default = Path("out") / f"tune-{command.name.replace('/', '-')}-{condition}-{command.scale}"
    request = Request(
        experiment=command.name, scale=command.scale, condition=condition, config=config,
        sampler=command.sampler, seed=command.seed, population=command.population, trials=command.trials,
        deadline=time.time() + 60 * command.minutes if command.minutes else math.inf,
        orders=command.orders, sleeps=command.sleep_seeds, winners=command.winners,
        out=command.out or default, data=data_folder(command.data),
    )  # fmt: skip
    return request, chosen
