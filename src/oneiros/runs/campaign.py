"""Everything that is open, in the order of what it decides: what to run with a night or a GPU to spare.

The order and the costs are data, in `campaign.csv` beside this file: minutes of one core for one run, from recorded
runs on a shared machine; empty where nobody has measured it. A line for `cuda` counts on a GPU only, and there it
stands for the same experiment's line for any device.
"""

import csv
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from importlib import resources


@dataclass(frozen=True, kw_only=True)
class Step:
    """One experiment's part.

    Attributes:
        experiment: PAPER/NAME.
        scale: of its runs.
        conditions: those to run.
        seeds: 0, 1, ... up to this many; one after the other, so that what is stopped is balanced.
        minutes: of one core for one run; None where not measured.
        decides: what is open without it.
    """

    experiment: str
    scale: str
    conditions: tuple[str, ...]
    seeds: int
    minutes: float | None
    decides: str


def steps(scale: str, device: str) -> tuple[Step, ...]:
    """What the campaign at `scale` consists of on this device, in its order; no conditions stand for all of them.

    Raises:
        ValueError: no campaign of that scale.
    """
    text = resources.files("oneiros.runs").joinpath("campaign.csv").read_text(encoding="utf-8")
    chosen = [line for line in csv.DictReader(text.splitlines()) if line["scale"] == scale]
    if not chosen:
        raise ValueError(f"there is no campaign of scale {scale!r}; expected 'quick' or 'paper'")
    found: list[Step] = []
    for line in chosen:
        told = {(step.experiment, step.scale) for step in found}
        elsewhere = line["device"] not in ("any", device)
        if elsewhere or (line["experiment"], line["scale_of_runs"]) in told:
            continue
        step = Step(
            experiment=line["experiment"], scale=line["scale_of_runs"], conditions=tuple(line["conditions"].split()),
            seeds=int(line["seeds"]), minutes=float(line["minutes"]) if line["minutes"] else None,
            decides=line["decides"],
        )  # fmt: skip
        found.append(step)
    return tuple(found)


@dataclass(frozen=True, kw_only=True)
class Round:
    """One seed of a step: the runs of it that are not finished, as `Run`s or whatever stands for them."""

    step: Step
    seed: int
    left: Sequence[object]

    def hours(self, jobs: int) -> float:
        """About how long it takes with so many runs at a time; 0 where nobody knows."""
        return (self.step.minutes or 0.0) * len(self.left) / min(jobs, max(len(self.left), 1)) / 60


def affordable(
    rounds: Sequence[Round], *, budget: float | None, spent: Callable[[], float], jobs: int
) -> Iterator[Round]:
    """The rounds that are begun, in their order, while the hours last.

    A round begins if what it should take is left of the budget; a dearer one is passed over for a later cheaper one.
    What nobody has measured begins while anything is left.

    Args:
        rounds: all that have something left.
        budget: hours in all; None for no end.
        spent: hours so far, asked before each.
        jobs: runs at a time.
    """
    for each in rounds:
        room = None if budget is None else budget - spent()
        if room is None or (room > 0 and each.hours(jobs) <= room):
            yield each
