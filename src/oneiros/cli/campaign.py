"""`oneiros run all`: the open runs of all papers, told with their costs, then done in the order of what they decide."""

import dataclasses
import time
from collections.abc import Sequence
from pathlib import Path

from rich.console import Console
from rich.table import Column, Table

from oneiros.cli import asked, run
from oneiros.runs.campaign import Round, Step, affordable, steps
from oneiros.runs.engines import usable_cores, visible_devices


def campaign_command(command: run.RunCommand, console: Console) -> int:
    """Tell what is open, then run it until the budget is spent; 1 if a run failed."""
    if command.condition or command.set or command.seeds != 1 or command.stack != 1:
        raise asked.RequestError("`run all` chooses conditions, seeds and settings itself: leave those options out")
    asked.within(command, run.LIMITS)
    device = asked.device_of(command.device)
    jobs = command.jobs or len(visible_devices(asked.gpus()) if device == "cuda" else ()) or usable_cores()
    try:
        chosen = steps(command.scale, device)
    except ValueError as error:
        raise asked.RequestError(str(error)) from None
    rounds = [each for step in chosen for each in _rounds(command, step)]
    _tell(chosen, rounds, console)
    if command.budget == 0 or not rounds:
        return 0
    began, failed, begun = time.monotonic(), 0, 0

    def spent() -> float:
        return (time.monotonic() - began) / 3600

    for each in affordable(rounds, budget=command.budget, spent=spent, jobs=jobs):
        console.rule(f"{each.step.experiment}, {each.step.scale} scale, seed {each.seed}")
        failed |= _of(command, each.step, each.seed)(console)
        begun += 1
    if begun < len(rounds):
        console.print(f"{len(rounds) - begun} of {len(rounds)} rounds did not fit; the same command goes on with them")
    return failed


def _of(command: run.RunCommand, step: Step, seed: int) -> run.RunCommand:
    """The command that runs this step up to a seed."""
    below = (command.out or Path("out") / "all") / f"{step.experiment.replace('/', '-')}-{step.scale}"
    return dataclasses.replace(
        command, name=step.experiment, scale=step.scale, condition=step.conditions, seeds=seed + 1, out=below,
        budget=None,
    )  # fmt: skip


def _rounds(command: run.RunCommand, step: Step) -> list[Round]:
    """The step seed by seed, as far as it is not finished."""
    from oneiros.runs.sweep import unfinished

    left = unfinished(run.runs_of(_of(command, step, step.seeds - 1))[2])
    by_seed = {seed: [each for each in left if each.seed == seed] for seed in range(step.seeds)}
    return [Round(step=step, seed=seed, left=runs) for seed, runs in by_seed.items() if runs]


def _tell(chosen: Sequence[Step], rounds: Sequence[Round], console: Console) -> None:
    """What is left of each step, and what of one core's time it takes."""
    table = Table(Column("experiment", no_wrap=True), "scale", "seeds", "runs left", "core-hours", "decides")
    known, unknown = 0.0, False
    for step in chosen:
        mine = [each for each in rounds if each.step is step]
        hours = sum(each.hours(1) for each in mine)
        told = "?" if step.minutes is None and mine else f"{hours:.1f}"
        known, unknown = known + hours, unknown or told == "?"
        runs = sum(len(each.left) for each in mine)
        table.add_row(step.experiment, step.scale, str(step.seeds), str(runs), told, step.decides)
    console.print(table)
    more = ", and what nobody has measured (?)" if unknown else ""
    console.print(f"about {known:.1f} core-hours{more}; costs are of recorded runs", highlight=False)
