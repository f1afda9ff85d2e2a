"""The command line: demo | list | run | status | report | check | tune | features.

Every command is a frozen dataclass; tyro makes the parser and the help out of its fields and docstrings.
Exit codes: 0 done; 1 a run failed or a check was missed; 2 the request itself cannot be met.

What takes seconds to import (torch, pandas, matplotlib) is imported by the commands that need it.
"""

import dataclasses
import difflib
import importlib.util
import json
import math
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import tyro
from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, Progress, TaskID, TextColumn, TimeElapsedColumn, TimeRemainingColumn
from rich.table import Column, Table

from oneiros.runs.catalogue import NoExperimentError, experiment, full_name, installed, is_file, listing
from oneiros.runs.engines import Engine, InlineEngine, LocalEngine, Outcome, usable_cores, visible_devices
from oneiros.runs.store import ResultsError

if TYPE_CHECKING:
    from oneiros.runs.experiment import Experiment, Run
    from oneiros.runs.search import Tunable
    from oneiros.runs.store.status import Status
    from oneiros.tuning.study import Request

Positional = tyro.conf.Positional


class RequestError(ValueError):
    """The command's own arguments cannot be met."""


@dataclass(frozen=True, kw_only=True)
class RunCommand:
    """Run an experiment: every condition with every seed, then write tables and the report.

    Runs that are finished in OUT are skipped and interrupted ones go on where they stopped, so the same
    command again completes a sweep, and two of them at once share it. `oneiros status OUT` tells how far
    it is. A run that failed is left alone unless --retry-failed is given. `oneiros list PAPER/NAME` shows
    conditions and settings.

    `oneiros run all --scale quick --budget 8` runs what is open of all papers, in the order of what it decides,
    for about eight hours; --budget 0 only tells what that is and what it costs.

    Example: oneiros run kubo2025/mnist --condition sequential src --seeds 6 --set sleep.rate=0.5
    """

    name: Annotated[Positional[str], tyro.conf.arg(metavar="PAPER/NAME")]
    """Which experiment; `oneiros list` names them. Or `all`. One of your own is FILE.py:NAME."""
    condition: tuple[str, ...] = ()
    """Conditions to run; all of them if left out."""
    seeds: int = 1
    """Number of seeds: 0, 1, 2, ...; each has its own initial weights and task order."""
    scale: Literal["smoke", "quick", "paper"] = "quick"
    """smoke: seconds, only to see it run; quick: minutes; paper: what the paper did."""
    data: Path | None = None
    """Folder with the data sets (default: $ONEIROS_DATA, else a cache that downloads fill)."""
    device: Literal["auto", "cpu", "cuda"] = "auto"
    """Where tensors live."""
    jobs: int = 0
    """Worker processes, one run each at a time; 0: one for each core."""
    out: Path | None = None
    """Folder for results (default: out/PAPER-NAME-SCALE)."""
    set: tuple[str, ...] = ()
    """Settings to change, as NAME=VALUE."""
    tensorboard: bool = False
    """Write event files below OUT/tensorboard while running (needs the extra `tensorboard`)."""
    retry_failed: bool = False
    """Try runs again that failed; they go on from their last checkpoint."""
    keep_weights: bool = True
    """Keep the network of every finished run, as `weights.safetensors` in its folder."""
    engine: Literal["local", "ray"] = "local"
    """local: processes on this machine; ray: a Ray cluster that shares OUT (needs the extra `ray`)."""
    address: str = "auto"
    """Of the Ray cluster; auto: the one this machine belongs to."""
    gpus: float = 0.0
    """GPUs for each run on a Ray cluster; a fraction lets several share one."""
    copy_to: str = ""
    """Where every finished run is copied to as well: a folder or an object store, as fsspec names it (s3://...)."""
    stack: int = 1
    """Seeds of a condition that one process lives as one stack of tensors (equilibrium networks, on a GPU)."""
    budget: float | None = None
    """Hours after which `all` begins nothing more (default: no end); 0 tells its steps and runs none."""


@dataclass(frozen=True, kw_only=True)
class DemoCommand:
    """See a network forget, sleep and remember: handwritten digits, nothing to download, under a minute."""

    out: Path = Path("out/demo")
    """Folder for results; open its index.html."""
    seeds: int = 5
    """Number of seeds, each with its own task order."""
    jobs: int = 0
    """Worker processes; 0: one for each core."""


@dataclass(frozen=True, kw_only=True)
class ListCommand:
    """List the experiments, or one experiment's conditions and settings."""

    name: Annotated[Positional[str], tyro.conf.arg(metavar="PAPER/NAME")] = ""
    """Which experiment; all of them if left out."""
    scale: Literal["smoke", "quick", "paper"] = "paper"
    """Whose settings to show."""


@dataclass(frozen=True, kw_only=True)
class StatusCommand:
    """Tell how far the runs in OUT are: done, running, failed and why, waiting; and the time left."""

    out: Positional[Path]
    """Folder of a run, or of several."""
    json: bool = False
    """Print it as JSON."""


@dataclass(frozen=True, kw_only=True)
class ReportCommand:
    """Write tables, figures, verdicts and index.html from the finished runs in OUT."""

    out: Positional[Path]
    """Folder of a run."""


@dataclass(frozen=True, kw_only=True)
class CheckCommand:
    """Judge the runs in OUT by the paper's numbers and claims; exit 1 when one is missed."""

    out: Positional[Path]
    """Folder of a run."""
    json: bool = False
    """Print the verdicts as JSON."""


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
    scale: Literal["smoke", "quick", "paper"] = "paper"
    """smoke, quick or paper, as for `run`."""
    data: Path | None = None
    """Folder with the data sets, as for `run`."""
    jobs: int = 0
    """Worker processes; 0: one for each core."""
    out: Path | None = None
    """Folder of the search (default: out/tune-PAPER-NAME-CONDITION-SCALE)."""
    set: tuple[str, ...] = ()
    """Settings to change, as NAME=VALUE."""


@dataclass(frozen=True, kw_only=True)
class FeaturesCommand:
    """Pass a data set's images through a fixed network once, and keep the features as one checked file.

    An experiment uses it as data set features:FILE.

    Example: oneiros features cifar10 --backbone resnet152 --weights download --out cifar10-resnet152.safetensors
    """

    data: Positional[str]
    """Data set of colour images: cifar10, svhn, folder:DIR, photographs:DIR (resized as read), ..."""
    backbone: str = "blocks"
    """blocks: the recipe's own, schooled when first asked for; else the name of a network of torchvision."""
    layer: str = ""
    """Layer of a network of torchvision; its last pooling if left out."""
    weights: str = "download"
    """For a network of torchvision: download, random, or a .safetensors file with its state_dict."""
    scale: Literal["smoke", "quick", "paper"] = "quick"
    """How long the blocks are schooled: quick, a quarter of an hour on one core; paper, better with a GPU."""
    size: int = 224
    """Side in pixels to which images are resized for a network of torchvision."""
    classes: int = 0
    """Classes of photographs:DIR to take, in alphabetical order; 0: all."""
    root: Annotated[Path | None, tyro.conf.arg(name="data-root")] = None
    """Folder with the data sets (default: $ONEIROS_DATA, else a cache that downloads fill)."""
    device: Literal["auto", "cpu", "cuda"] = "auto"
    """Where tensors live."""
    out: Path | None = None
    """File to write (default: out/DATA-BACKBONE.safetensors)."""


DEMO_CONDITIONS = ("sequential", "src", "rehearsal", "src_rehearsal")


def run_command(command: RunCommand, console: Console) -> int:
    """`oneiros run`."""
    from oneiros.runs.sweep import pending

    if command.name == "all":
        from oneiros.cli.campaign import campaign_command

        return campaign_command(command, console)
    if command.budget is not None:
        raise RequestError("--budget is for `oneiros run all`; one experiment stops with Ctrl-C and goes on later")
    out, device, runs = runs_of(command)
    if command.stack > 1 and device == "cpu":
        raise RequestError(
            f"--stack {command.stack} on the CPU: compiled kernels do there what a stack of tensors does on a GPU; "
            "leave it out (--jobs says how many runs are done at a time)"
        )
    to_do = pending(runs)
    jobs = -(-len(to_do) // command.stack)
    failed = (
        _sweep(to_do, _engine(command, device, jobs), console, total=len(runs), stack=command.stack) if to_do else []
    )
    for outcome in failed:
        console.print(f"[bold red]failed[/] {outcome.key}: {escape(outcome.message)}", highlight=False, soft_wrap=True)
    if failed:
        console.print("--retry-failed tries runs again that failed; all else goes on with the same command")
    if len(failed) < len(runs):
        from oneiros.cli.screen import publish

        publish(out, console, _experiment(command.name) if is_file(command.name) else None)
    return 1 if failed else 0


def runs_of(command: RunCommand) -> "tuple[Path, str, list[Run]]":
    """Every run asked for, seed by seed, where they go and what on."""
    from oneiros.runs.experiment import Run

    chosen, conditions, config = _request(command)
    out = command.out or Path("out") / f"{chosen.paper}-{chosen.name}-{command.scale}"
    device = device_of(command.device)
    runs = [
        Run(experiment=full_name(command.name), scale=command.scale, config=config, condition=c, seed=s,
            out=out.absolute(), data=command.data.absolute() if command.data else None, device=device,
            tensorboard=command.tensorboard, keep_weights=command.keep_weights, retry_failed=command.retry_failed,
            copy_to=command.copy_to)
        for s in range(command.seeds)
        for c in conditions
    ]  # fmt: skip
    return out, device, runs


def demo_command(command: DemoCommand, console: Console) -> int:
    """`oneiros demo`."""
    console.print(
        "A recurrent network learns handwritten digits two classes at a time, by equilibrium propagation.\n"
        "[bold]sequential[/] just goes on learning; [bold]src[/] sleeps after each task: noise, spikes, local "
        "plasticity, no data.\n[bold]rehearsal[/] keeps 2 % of the old examples; [bold]src_rehearsal[/] does both.\n"
    )
    run = RunCommand(
        name="kubo2025/digits", condition=DEMO_CONDITIONS, seeds=command.seeds, jobs=command.jobs,
        out=command.out, device="cpu", retry_failed=True,
    )  # fmt: skip
    if run_command(run, console):
        return 1
    # Imported here: no other command draws a night.
    from oneiros.cli.night import draw_night
    from oneiros.report import read_findings

    draw_night(read_findings(command.out).rows, command.out / "night.png")
    console.print(
        f"[bold]one night[/] {command.out / 'night.png'}: spikes, weights, dreams, and a night that is solved",
        highlight=False,
    )
    return 0


def list_command(command: ListCommand, console: Console) -> int:
    """`oneiros list`."""
    if not command.name:
        table = Table("experiment", "what it is", box=None)
        for name, listed in installed().items():
            table.add_row(name, listed.summary)
        console.print(table)
        for problem in listing().problems:
            console.print(f"[yellow]left out:[/] {escape(problem)}", highlight=False, soft_wrap=True)
        return 0
    from oneiros.runs.settings import settings

    chosen = _experiment(command.name)
    what = (
        installed()[command.name].summary if command.name in installed() else (chosen.__doc__ or "").partition("\n")[0]
    )
    console.print(f"[bold]{escape(command.name)}[/]: {escape(what)}\nconditions: {' '.join(chosen.conditions)}\n")
    table = Table("setting", f"{command.scale} scale", box=None)
    for name, value in settings(chosen.scales[command.scale]):
        table.add_row(name, str(value))
    console.print(table)
    return 0


def status_command(command: StatusCommand, console: Console) -> int:
    """`oneiros status`."""
    from oneiros.runs.store.status import read_status

    status = read_status(_results(command.out))
    if command.json:
        print(json.dumps(dataclasses.asdict(status), indent=1, allow_nan=False))  # noqa: T201
    else:
        _print_status(status, console)
    return 1 if status.count("failed") or status.count("damaged") else 0


def report_command(command: ReportCommand, console: Console) -> int:
    """`oneiros report`."""
    from oneiros.cli.screen import publish

    publish(_results(command.out), console)
    return 0


def check_command(command: CheckCommand, console: Console) -> int:
    """`oneiros check`."""
    from oneiros.cli.screen import print_verdicts
    from oneiros.report import read_findings

    findings = read_findings(_results(command.out))
    checked = findings.checked
    if command.json:
        said = {
            "passed": checked.passed,
            "missed": len(checked.missed),
            "targets": [dataclasses.asdict(target) for target in checked.targets],
            "claims": [dataclasses.asdict(claim) for claim in checked.claims],
            "problems": list(findings.problems),
        }
        print(json.dumps(said, indent=1, allow_nan=False))  # noqa: T201
    else:
        print_verdicts(findings, console)
    return 1 if checked.missed else 0


def tune_command(command: TuneCommand, console: Console) -> int:
    """`oneiros tune`."""
    request, chosen = _search_request(command)
    # Imported here: the search needs the extra `tune`, and no other command should wait for it.
    from oneiros.tuning.command import NothingFoundError, tune
    from oneiros.tuning.outcome import ranking, ranking_text
    from oneiros.tuning.study import Storage

    columns = (TextColumn("{task.description}"), TimeElapsedColumn(), TextColumn("{task.fields[said]}", style="dim"))
    with Progress(*columns, console=console) as progress:
        bars: dict[str, TaskID] = {}

        def on_progress(key: str, fraction: float, text: str) -> None:
            if key not in bars:
                bars[key] = progress.add_task(escape(key), total=1.0, said="")
            progress.update(bars[key], completed=fraction, said=escape(text))

        try:
            file, failed = tune(request, chosen, workers=command.jobs or usable_cores(), on_progress=on_progress)
        except NothingFoundError as error:
            raise RequestError(str(error)) from error
    for outcome in failed:
        console.print(f"[bold red]failed[/] {outcome.key}: {escape(outcome.message)}", highlight=False, soft_wrap=True)
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


def features_command(command: FeaturesCommand, console: Console) -> int:
    """`oneiros features`."""
    # Imported here: it needs torch, which other commands should not wait for.
    from oneiros.cli.extraction import Extraction, extract
    from oneiros.nets.backbones import BackboneError

    if command.size < 1 or command.classes < 0:
        raise RequestError("expected --size of at least 1 and --classes of at least 0")
    asked = Extraction(
        data=command.data, backbone=command.backbone, layer=command.layer, weights=command.weights,
        scale=command.scale, size=command.size, classes=command.classes, root=command.root,
        device=device_of(command.device),
    )  # fmt: skip
    name = "".join(c if c.isalnum() else "-" for c in command.data)
    out = command.out or Path("out") / f"{name}-{command.backbone}.safetensors"
    with Progress(TextColumn("{task.description}"), BarColumn(), TimeElapsedColumn(), console=console) as progress:
        bar = progress.add_task("", total=1.0)
        try:
            made = extract(asked, out, lambda done, text: progress.update(bar, completed=done, description=text))
        except BackboneError as error:
            raise RequestError(str(error)) from error
    for key, value in made.items():
        console.print(f"{key}: {escape(str(value))}", highlight=False, soft_wrap=True)
    console.print(f"[bold]features[/] {out}   use it as data set features:{out}", highlight=False, soft_wrap=True)
    return 0


def _experiment(name: str) -> "Experiment":
    try:
        return experiment(name)
    except KeyError as error:
        raise RequestError(_with_nearest(error.args[0], name, installed())) from error


def _with_nearest(message: str, name: str, known: Iterable[str]) -> str:
    near = difflib.get_close_matches(name, list(known), n=1, cutoff=0.5)
    return f"{message}. Did you mean {near[0]!r}?" if near else message


def _known(names: Sequence[str], known: Sequence[str], what: str) -> None:
    for name in names:
        if name not in known:
            raise RequestError(
                _with_nearest(f"no {what} is called {name!r}; there are {', '.join(known)}", name, known)
            )


def _request(command: RunCommand) -> "tuple[Experiment, tuple[str, ...], object]":
    """What is asked for, or an error before anything runs."""
    from oneiros.runs.settings import override

    chosen = _experiment(command.name)
    _known(command.condition, chosen.conditions, "condition")
    if command.seeds < 1:
        raise RequestError(f"--seeds {command.seeds}: expected at least 1")
    if command.jobs < 0:
        raise RequestError(f"--jobs {command.jobs}: expected at least 1, or 0 for one for each core")
    if command.data is not None and not command.data.is_dir():
        raise RequestError(f"--data {command.data}: no such folder; give the one that holds the data sets' folders")
    if command.tensorboard and importlib.util.find_spec("tensorboard") is None:
        raise RequestError("--tensorboard: TensorBoard is not installed; `pip install 'oneiros[tensorboard]'`")
    if command.engine == "ray" and importlib.util.find_spec("ray") is None:
        raise RequestError("--engine ray: Ray is not installed; `pip install 'oneiros[ray]'`")
    if command.stack < 1:
        raise RequestError(f"--stack {command.stack}: expected at least 1")
    if command.gpus < 0:
        raise RequestError(f"--gpus {command.gpus:g}: expected 0 or more")
    conditions = command.condition or chosen.conditions
    return chosen, tuple(dict.fromkeys(conditions)), override(chosen.scales[command.scale], command.set)


def _search_request(command: TuneCommand) -> "tuple[Request, Tunable]":
    """What is to be searched, or an error before anything runs."""
    from oneiros.runs.search import Tunable
    from oneiros.runs.settings import override

    chosen = _experiment(command.name)
    if not isinstance(chosen, Tunable) or not chosen.searches:
        raise RequestError(f"{command.name} does not declare what there is to choose (`searches`)")
    if missing := [name for name in ("optuna", "cmaes") if importlib.util.find_spec(name) is None]:
        raise RequestError(f"tuning needs {' and '.join(missing)}; `pip install 'oneiros[tune]'`")
    condition = command.condition or next(iter(chosen.searches))
    _known((condition,), tuple(chosen.searches), "condition that can be tuned")
    for name in ("trials", "orders", "sleep_seeds", "winners"):
        if getattr(command, name) < 1:
            raise RequestError(f"--{name.replace('_', '-')} {getattr(command, name)}: expected at least 1")
    if command.population < 2 or command.jobs < 0 or command.minutes < 0:
        raise RequestError("expected --population of at least 2, --jobs and --minutes of at least 0")
    from oneiros.tuning.study import Request

    config = override(chosen.scales[command.scale], command.set)
    default = Path("out") / f"tune-{command.name.replace('/', '-')}-{condition}-{command.scale}"
    request = Request(
        experiment=command.name, scale=command.scale, condition=condition, config=config,
        sampler=command.sampler, seed=command.seed, population=command.population, trials=command.trials,
        deadline=time.time() + 60 * command.minutes if command.minutes else math.inf,
        orders=command.orders, sleeps=command.sleep_seeds, winners=command.winners,
        out=command.out or default, data=command.data,
    )  # fmt: skip
    return request, chosen


def device_of(name: str) -> str:
    """`auto` as what there is; an error for a GPU that there is not."""
    import torch

    if name == "cuda" and not torch.cuda.is_available():
        raise RequestError("--device cuda: no CUDA device is visible to torch; leave it out to use the CPU")
    return ("cuda" if torch.cuda.is_available() else "cpu") if name == "auto" else name


def _results(out: Path) -> Path:
    if not (out / "runs").is_dir() and not (out / "sweeps").is_dir():
        raise RequestError(f"{out} holds no results (no folder {out / 'runs'}); give the --out folder of a run")
    return out


def _engine(command: RunCommand, device: str, runs: int) -> Engine:
    """Where the runs are done."""
    from oneiros.runs.sweep import do

    if command.engine == "ray":
        from oneiros.runs.engines.cluster import RayEngine

        return RayEngine(do, address=command.address, gpus=command.gpus)
    devices = visible_devices(gpus()) if device == "cuda" else ()
    workers = min(command.jobs or len(devices) or usable_cores(), runs)
    return LocalEngine(do, workers=workers, devices=devices) if workers > 1 else InlineEngine(do)


def gpus() -> int:
    """How many GPUs there are."""
    import torch

    return torch.cuda.device_count()


def _sweep(runs: "Sequence[Run]", engine: Engine, console: Console, *, total: int, stack: int = 1) -> list[Outcome]:
    """Do `runs` of `total`, the others being done, with progress shown; the outcomes that failed."""
    from oneiros.runs.sweep import sweep

    columns = (
        TextColumn("{task.description}"),
        BarColumn(bar_width=20),
        TextColumn("{task.percentage:>3.0f} %"),
        TimeElapsedColumn(),
        TextColumn("left"),
        TimeRemainingColumn(),
        # Losses last: where the terminal is narrow, they are what is cut.
        TextColumn("{task.fields[said]}", style="dim", table_column=Column(no_wrap=True, overflow="ellipsis")),
    )
    failed: list[Outcome] = []
    with Progress(*columns, console=console) as progress:
        done = total - len(runs)
        whole = progress.add_task(f"{total} runs", total=float(total), completed=done, said="")
        fractions, bars = dict.fromkeys((run.key for run in runs), 0.0), {}

        def on_progress(key: str, fraction: float, text: str) -> None:
            if key not in bars:
                bars[key] = progress.add_task(escape(key), total=1.0, said="")
            progress.update(bars[key], completed=fraction, said=escape(text))
            fractions[key] = fraction
            progress.update(whole, completed=done + sum(fractions.values()))

        for outcome in sweep(engine, runs, on_progress, stack=stack):
            if outcome.key in bars:
                progress.update(bars[outcome.key], visible=False)
            fractions[outcome.key] = 1.0
            progress.update(whole, completed=done + sum(fractions.values()))
            if outcome.error:
                failed.append(outcome)
    return failed


def _print_status(status: "Status", console: Console) -> None:
    states = ("done", "running", "waiting", "interrupted", "failed", "damaged")
    told = [f"{status.count(state)} {state}" for state in states if status.count(state)]
    left = status.seconds_left
    if left:
        told.append(f"about {left / 3600:.1f} hours left" if left > 5400 else f"about {left / 60:.0f} minutes left")
    elif left is None:
        told.append("nobody is at work" if not status.count("running") else "time left not known yet")
    console.print(f"[bold]{len(status.runs)} runs[/]: {', '.join(told)}", highlight=False)
    table = Table("run", "state", "done", "what it says", "where", box=None)
    for run in status.runs:
        if run.state in ("done", "waiting"):
            continue
        where = f"{run.lease.host}, process {run.lease.pid}" if run.lease else ""
        table.add_row(escape(run.name), run.state, f"{run.fraction:.0%}", escape(run.said), escape(where))
    if table.row_count:
        console.print(table)
    for problem in status.problems:
        console.print(f"[yellow]left out:[/] {escape(problem)}", highlight=False, soft_wrap=True)
    if status.count("failed"):
        console.print("`oneiros run ... --retry-failed` tries failed runs again")


def _clear_errors() -> tuple[type[Exception], ...]:
    """What is told in one line; looked up only when something was raised."""
    from oneiros.data import DataError
    from oneiros.runs.settings import SettingError
    from oneiros.runs.stacked import NotStackableError

    return RequestError, NoExperimentError, SettingError, DataError, NotStackableError, ResultsError


COMMANDS: dict[type, Callable[..., int]] = {
    DemoCommand: demo_command,
    RunCommand: run_command,
    ListCommand: list_command,
    StatusCommand: status_command,
    ReportCommand: report_command,
    CheckCommand: check_command,
    TuneCommand: tune_command,
    FeaturesCommand: features_command,
}

Command = (
    Annotated[DemoCommand, tyro.conf.subcommand("demo")]
    | Annotated[ListCommand, tyro.conf.subcommand("list")]
    | Annotated[RunCommand, tyro.conf.subcommand("run")]
    | Annotated[StatusCommand, tyro.conf.subcommand("status")]
    | Annotated[ReportCommand, tyro.conf.subcommand("report")]
    | Annotated[CheckCommand, tyro.conf.subcommand("check")]
    | Annotated[TuneCommand, tyro.conf.subcommand("tune")]
    | Annotated[FeaturesCommand, tyro.conf.subcommand("features")]
)


def main(arguments: Sequence[str] | None = None) -> int:
    """Networks that learn by day and consolidate by night."""
    config = (tyro.conf.OmitArgPrefixes, tyro.conf.OmitSubcommandPrefixes)
    command = tyro.cli(Command, prog="oneiros", description=main.__doc__, args=arguments, config=config)
    console = Console()
    try:
        return COMMANDS[type(command)](command, console)
    except KeyboardInterrupt:
        Console(stderr=True).print("stopped; the same command goes on from here", highlight=False)
        return 130
    except _clear_errors() as error:
        Console(stderr=True).print(f"[bold red]error:[/] {escape(str(error))}", highlight=False, soft_wrap=True)
        return 2
