"""`oneiros run`."""

import importlib.util
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import tyro
from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn
from rich.table import Column

from oneiros.cli import asked
from oneiros.cli.asked import Positional, RequestError, Scale, at_scale, chosen_experiment, data_folder, known, within
from oneiros.runs.catalogue import full_name, is_file
from oneiros.runs.engines import Engine, InlineEngine, LocalEngine, Outcome, usable_cores, visible_devices

if TYPE_CHECKING:
    from oneiros.runs.experiment import Experiment, Run

# More is a slip of the finger; 0 jobs are as many as there are cores.
LIMITS = {"seeds": (1, 100_000), "jobs": (0, 4096), "stack": (1, 4096), "gpus": (0, 1024), "budget": (0, 1e6)}


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
    scale: Scale = "quick"
    """smoke: seconds, only to see it run; quick: minutes; paper: what the paper did."""
    data: Path | None = None
    """Folder with the data sets (default: $ONEIROS_DATA, else a cache that downloads fill)."""
    device: Literal["auto", "cpu", "cuda"] = "auto"
    """Where tensors live."""
    precision: Literal["float32", "bf16"] = "float32"
    """bf16: products in bfloat16 (torch's autocast), all else in float32; faster, and other numbers."""
    products: Literal["auto", "torch", "onednn"] = "auto"
    """Library for products in float32 on a CPU; auto: the faster one that is exact to float32 here."""
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

    def __call__(self, console: Console) -> int:
        """Do it; the exit code."""
        if self.name == "all":
            from oneiros.cli.campaign import campaign_command

            return campaign_command(self, console)
        out, finished, failed = self.live(console)
        if finished:
            from oneiros.cli.screen import publish

            publish(out, console, chosen_experiment(self.name) if is_file(self.name) else None)
        return 1 if failed else 0

    def live(self, console: Console) -> tuple[Path, int, int]:
        """The runs without their report: the folder of results, and how many runs are finished and how many failed."""
        from oneiros.runs.sweep import pending

        if self.budget is not None:
            raise RequestError("--budget is for `oneiros run all`; one experiment stops with Ctrl-C and goes on later")
        out, device, runs = runs_of(self)
        if self.stack > 1 and device == "cpu":
            raise RequestError(
                f"--stack {self.stack} on the CPU: compiled kernels do there what a stack of tensors does on a GPU; "
                "leave it out (--jobs says how many runs are done at a time)"
            )
        to_do = pending(runs)
        jobs = -(-len(to_do) // self.stack)
        failed = _sweep(to_do, _engine(self, device, jobs), console, total=len(runs), stack=self.stack) if to_do else []
        for outcome in failed:
            console.print(
                f"[bold red]failed[/] {outcome.key}: {escape(outcome.message)}", highlight=False, soft_wrap=True
            )
        if failed:
            console.print("--retry-failed tries runs again that failed; all else goes on with the same command")
        return out, len(runs) - len(failed), len(failed)


def runs_of(command: RunCommand) -> "tuple[Path, str, list[Run]]":
    """Every run asked for, seed by seed, where they go and what on."""
    from oneiros.runs.arithmetic import arithmetic
    from oneiros.runs.experiment import Run

    chosen, conditions, config = _request(command)
    out = command.out or Path("out") / f"{chosen.paper}-{chosen.name}-{command.scale}"
    device = asked.device_of(command.device)
    try:
        arithmetic(device, command.precision, command.products)
    except ValueError as error:
        raise asked.RequestError(f"--products {command.products}: {error}") from None
    runs = [
        Run(experiment=full_name(command.name), scale=command.scale, config=config, condition=c, seed=s,
            out=out.absolute(), data=data_folder(command.data), device=device,
            tensorboard=command.tensorboard, keep_weights=command.keep_weights, retry_failed=command.retry_failed,
            copy_to=command.copy_to, precision=command.precision, products=command.products)
        for s in range(command.seeds)
        for c in conditions
    ]  # fmt: skip
    return out, device, runs


def _request(command: RunCommand) -> "tuple[Experiment, tuple[str, ...], object]":
    """What is asked for, or an error before anything runs."""
    from oneiros.runs.settings import override

    chosen = chosen_experiment(command.name)
    known(command.condition, chosen.conditions, "condition")
    within(command, LIMITS)
    if command.tensorboard and importlib.util.find_spec("tensorboard") is None:
        raise RequestError("--tensorboard: TensorBoard is not installed; `pip install 'oneiros[tensorboard]'`")
    if command.engine == "ray" and importlib.util.find_spec("ray") is None:
        raise RequestError("--engine ray: Ray is not installed; `pip install 'oneiros[ray]'`")
    conditions = command.condition or chosen.conditions
    return chosen, tuple(dict.fromkeys(conditions)), override(at_scale(chosen, command.scale), command.set)


def _engine(command: RunCommand, device: str, runs: int) -> Engine:
    """Where the runs are done."""
    from oneiros.runs.sweep import do

    if command.engine == "ray":
        from oneiros.runs.engines.cluster import RayEngine

        return RayEngine(do, address=command.address, gpus=command.gpus)
    devices = visible_devices(asked.gpus()) if device == "cuda" else ()
    workers = min(command.jobs or len(devices) or usable_cores(), runs)
    return LocalEngine(do, workers=workers, devices=devices) if workers > 1 else InlineEngine(do)


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
