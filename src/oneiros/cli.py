"""The command line: demo | list | run | report | check | tune | features | bench.

Every command is a frozen dataclass; tyro makes the parser and the help out of its fields and docstrings.
Exit codes: 0 done; 1 a run failed or a check was missed; 2 the request itself cannot be met.
"""

import dataclasses
import difflib
import importlib.util
import json
import math
import sys
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

from oneiros.data import DataError
from oneiros.engines import Job, Outcome, run_jobs, usable_cores
from oneiros.papers import EXPERIMENTS, experiment
from oneiros.papers.recipe import Experiment, Run, perform, require_same_settings
from oneiros.papers.search import Tunable
from oneiros.papers.settings import SettingError, override, settings
from oneiros.report import Drawing, Findings, experiments, measured_table, read_findings, results_table, write_page
from oneiros.report.tables import difference_text, measured_text, ordering_text
from oneiros.results import ResultsError, write_tables

if TYPE_CHECKING:
    from oneiros.tuning.study import Request

Positional = tyro.conf.Positional


class RequestError(ValueError):
    """The command's own arguments cannot be met."""


@dataclass(frozen=True, kw_only=True)
class RunCommand:
    """Run an experiment: every condition with every seed, then write tables and the report.

    Runs that are finished in OUT are skipped and interrupted ones go on where they stopped, so the same
    command again completes a sweep. `oneiros list PAPER/NAME` shows conditions and settings.

    Example: oneiros run kubo2025/mnist --condition sequential src --seeds 6 --set sleep.rate=0.5
    """

    name: Annotated[Positional[str], tyro.conf.arg(metavar="PAPER/NAME")]
    """Which experiment; `oneiros list` names them."""
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


@dataclass(frozen=True, kw_only=True)
class BenchCommand:
    """Measure speed as ratios, both sides in one run."""

    names: Positional[tuple[str, ...]] = ()
    """Benchmarks to run; all of them if left out."""
    json: Path | None = None
    """File to write the measurements to."""


DEMO_CONDITIONS = ("sequential", "src", "rehearsal", "src_rehearsal")


def run_command(command: RunCommand, console: Console) -> int:
    """`oneiros run`."""
    chosen, conditions, config = _request(command)
    out = command.out or Path("out") / f"{command.name.replace('/', '-')}-{command.scale}"
    device = _device(command.device)
    runs = [
        Run(experiment=command.name, scale=command.scale, config=config, condition=c, seed=s,
            out=out, data=command.data, device=device, tensorboard=command.tensorboard)
        for s in range(command.seeds)
        for c in conditions
    ]  # fmt: skip
    for run in runs:
        require_same_settings(run, chosen)
    failed = _sweep(runs, command.jobs or usable_cores(), console)
    for outcome in failed:
        console.print(f"[bold red]failed[/] {outcome.key}: {escape(outcome.message)}", highlight=False, soft_wrap=True)
    if len(failed) < len(runs):
        _publish(out, console)
    return 1 if failed else 0


def demo_command(command: DemoCommand, console: Console) -> int:
    """`oneiros demo`."""
    console.print(
        "A recurrent network learns handwritten digits two classes at a time, by equilibrium propagation.\n"
        "[bold]sequential[/] just goes on learning; [bold]src[/] sleeps after each task: noise, spikes, local "
        "plasticity, no data.\n[bold]rehearsal[/] keeps 2 % of the old examples; [bold]src_rehearsal[/] does both.\n"
    )
    run = RunCommand(
        name="kubo2025/digits", condition=DEMO_CONDITIONS, seeds=command.seeds, jobs=command.jobs,
        out=command.out, device="cpu",
    )  # fmt: skip
    return run_command(run, console)


def list_command(command: ListCommand, console: Console) -> int:
    """`oneiros list`."""
    if not command.name:
        table = Table("experiment", "what it is", "conditions", box=None)
        for name in EXPERIMENTS:
            table.add_row(name, experiment(name).summary, " ".join(experiment(name).conditions))
        console.print(table)
        return 0
    chosen = _experiment(command.name)
    console.print(f"[bold]{command.name}[/]: {chosen.summary}\nconditions: {' '.join(chosen.conditions)}\n")
    table = Table("setting", f"{command.scale} scale", box=None)
    for name, value in settings(chosen.scales[command.scale]):
        table.add_row(name, str(value))
    console.print(table)
    return 0


def report_command(command: ReportCommand, console: Console) -> int:
    """`oneiros report`."""
    _publish(_results(command.out), console)
    return 0


def check_command(command: CheckCommand, console: Console) -> int:
    """`oneiros check`."""
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
        _print_verdicts(findings, console)
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
    from oneiros.features import Extraction, extract
    from oneiros.nets.backbones import BackboneError

    if command.size < 1 or command.classes < 0:
        raise RequestError("expected --size of at least 1 and --classes of at least 0")
    asked = Extraction(
        data=command.data, backbone=command.backbone, layer=command.layer, weights=command.weights,
        scale=command.scale, size=command.size, classes=command.classes, root=command.root,
        device=_device(command.device),
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


def bench_command(command: BenchCommand, console: Console) -> int:
    """`oneiros bench`."""
    # Imported here: it compiles kernels, which no other command should wait for.
    import torch

    from oneiros.bench import BENCHES

    _known(command.names, tuple(BENCHES), "benchmark")
    torch.set_num_threads(1)
    measured = [m for name in command.names or BENCHES for m in BENCHES[name]()]
    table = Table("bench", "metric", "value", "unit", "against", box=None)
    for m in measured:
        table.add_row(m.bench, m.metric, f"{m.value:.4g}", m.unit, m.against)
    console.print(table)
    if command.json:
        command.json.write_text(json.dumps([dataclasses.asdict(m) for m in measured], indent=1) + "\n")
    return 0


def _experiment(name: str) -> Experiment:
    try:
        return experiment(name)
    except KeyError as error:
        raise RequestError(_with_nearest(error.args[0], name, EXPERIMENTS)) from error


def _with_nearest(message: str, name: str, known: Iterable[str]) -> str:
    near = difflib.get_close_matches(name, list(known), n=1, cutoff=0.5)
    return f"{message}. Did you mean {near[0]!r}?" if near else message


def _known(names: Sequence[str], known: Sequence[str], what: str) -> None:
    for name in names:
        if name not in known:
            raise RequestError(
                _with_nearest(f"no {what} is called {name!r}; there are {', '.join(known)}", name, known)
            )


def _request(command: RunCommand) -> tuple[Experiment, tuple[str, ...], object]:
    """What is asked for, or an error before anything runs."""
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
    conditions = command.condition or chosen.conditions
    return chosen, tuple(dict.fromkeys(conditions)), override(chosen.scales[command.scale], command.set)


def _search_request(command: TuneCommand) -> tuple["Request", Tunable]:
    """What is to be searched, or an error before anything runs."""
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


def _device(name: str) -> str:
    import torch

    if name == "cuda" and not torch.cuda.is_available():
        raise RequestError("--device cuda: no CUDA device is visible to torch; leave it out to use the CPU")
    return ("cuda" if torch.cuda.is_available() else "cpu") if name == "auto" else name


def _results(out: Path) -> Path:
    if not (out / "runs").is_dir():
        raise RequestError(f"{out} holds no results (no folder {out / 'runs'}); give the --out folder of a run")
    return out


def _perform(run: Run, report: Callable[[float, str], None]) -> str:
    """What a worker process does with a job."""
    import torch

    # Sums are split by threads; with one, rows do not depend on --jobs or on the machine's cores.
    torch.set_num_threads(1)
    return perform(run, experiment(run.experiment), report)


def _sweep(runs: Sequence[Run], workers: int, console: Console) -> list[Outcome]:
    """Do all runs with progress shown; the outcomes that failed."""
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
    jobs = [Job(key=run.key, payload=run) for run in runs]
    failed: list[Outcome] = []
    with Progress(*columns, console=console) as progress:
        whole = progress.add_task(f"{len(runs)} runs", total=float(len(runs)), said="")
        fractions, bars = dict.fromkeys((job.key for job in jobs), 0.0), {}

        def on_progress(key: str, fraction: float, text: str) -> None:
            if key not in bars:
                bars[key] = progress.add_task(escape(key), total=1.0, said="")
            progress.update(bars[key], completed=fraction, said=escape(text))
            fractions[key] = fraction
            progress.update(whole, completed=sum(fractions.values()))

        for outcome in run_jobs(_perform, jobs, workers=min(workers, len(runs)), on_progress=on_progress):
            if outcome.key in bars:
                progress.update(bars[outcome.key], visible=False)
            fractions[outcome.key] = 1.0
            progress.update(whole, completed=sum(fractions.values()))
            if outcome.error:
                failed.append(outcome)
    return failed


def _publish(out: Path, console: Console) -> None:
    """Merge rows, write the page, print the results; every file is read once."""
    findings = read_findings(out)
    write_tables(out, findings.rows)
    page = write_page(out, findings, _drawings(findings))
    _print_results(findings, console)
    for problem in findings.problems:
        console.print(f"[yellow]left out:[/] {escape(problem)}", highlight=False, soft_wrap=True)
    console.print(f"[bold]report[/] {page}   [bold]rows[/] {out / 'rows.parquet'}, {out / 'rows.csv'}", highlight=False)


def _drawings(findings: Findings) -> dict[str, tuple[Drawing, ...]]:
    """The papers' own figures; rows of an experiment that is no more, or not ours, have none."""
    names = [each.title for each in experiments(findings)]
    return {name: experiment(name).drawings for name in names if name in EXPERIMENTS}


def _print_results(findings: Findings, console: Console) -> None:
    for each in experiments(findings):
        console.print(f"\n[bold]{escape(each.title)}[/]  mean \\[95 % interval]", highlight=False)
        measured = measured_table(each.rows, each.targets, each.claims)
        for frame in (results_table(each.rows, each.targets), measured if measured.shape[1] > 2 else measured[:0]):
            if not len(frame):
                continue
            table = Table(*(escape(str(name)) for name in frame.columns), box=None)
            for line in frame.itertuples(index=False):
                table.add_row(*(escape(str(cell)) for cell in line))
            console.print(table)


def _print_verdicts(findings: Findings, console: Console) -> None:
    table = Table("where", "condition or claim", "published", "measured", "seeds", "verdict", box=None)
    for t in findings.checked.targets:
        which = t.condition if t.metric == "final_accuracy" else f"{t.condition}, {t.metric}"
        published = f"{t.target:g} ± {t.tolerance:g}"
        table.add_row(t.where, escape(which), published, escape(measured_text(t)), str(t.n), t.verdict)
    for c in findings.checked.claims:
        table.add_row(c.where, escape(ordering_text(c)), "", escape(difference_text(c)), str(c.n), c.verdict)
    console.print(table)
    for problem in findings.problems:
        console.print(f"[yellow]left out:[/] {escape(problem)}", highlight=False, soft_wrap=True)


COMMANDS: dict[type, Callable[..., int]] = {
    DemoCommand: demo_command,
    RunCommand: run_command,
    ListCommand: list_command,
    ReportCommand: report_command,
    CheckCommand: check_command,
    TuneCommand: tune_command,
    FeaturesCommand: features_command,
    BenchCommand: bench_command,
}

Command = (
    Annotated[DemoCommand, tyro.conf.subcommand("demo")]
    | Annotated[ListCommand, tyro.conf.subcommand("list")]
    | Annotated[RunCommand, tyro.conf.subcommand("run")]
    | Annotated[ReportCommand, tyro.conf.subcommand("report")]
    | Annotated[CheckCommand, tyro.conf.subcommand("check")]
    | Annotated[TuneCommand, tyro.conf.subcommand("tune")]
    | Annotated[FeaturesCommand, tyro.conf.subcommand("features")]
    | Annotated[BenchCommand, tyro.conf.subcommand("bench")]
)


def main(arguments: Sequence[str] | None = None) -> int:
    """Networks that learn by day and consolidate by night."""
    config = (tyro.conf.OmitArgPrefixes, tyro.conf.OmitSubcommandPrefixes)
    command = tyro.cli(Command, prog="oneiros", description=main.__doc__, args=arguments, config=config)
    console = Console()
    try:
        return COMMANDS[type(command)](command, console)
    except (RequestError, SettingError, DataError, ResultsError) as error:
        Console(stderr=True).print(f"[bold red]error:[/] {escape(str(error))}", highlight=False, soft_wrap=True)
        return 2
    except KeyboardInterrupt:
        Console(stderr=True).print("stopped; the same command goes on from here", highlight=False)
        return 130


if __name__ == "__main__":
    sys.exit(main())
