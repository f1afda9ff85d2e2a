"""Why does a night that is selected do harm (Barry & Love, Fig. 3)? Single nights after one and the same days.

python -m bench nights_barry2022 OUT.csv [--data FOLDER] [--models 3]

A model lives five days without any night. Then from copies of it, one night each: which classes a batch of 36 holds
("mixed" as in unselected replay, "single" one random class a batch, "selected" one that the selector chooses), the
night's learning rate (the day's is .1) and its length (34 batches as at quick scale, 325 as in the paper). Measured is
what a night does to chi-square on the validation images that the reward looks at, and to chi-square and accuracy on
those that nothing looks at. Validation images only.
"""

import argparse
import copy
import csv
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import torch

from oneiros.core import Brain, Seeds
from oneiros.data import Examples
from oneiros.equations.selector import chi_square
from oneiros.life import live
from oneiros.nets import VGG
from oneiros.nets.cut import cut
from oneiros.papers.barry2022.conditions import LATE, Condition, imagined
from oneiros.papers.barry2022.experiment import build_brain, judged, prepare, schedule
from oneiros.papers.barry2022.experiment import days as lessons_of_days
from oneiros.phases import CategoryReplay, SelectedReplay
from oneiros.runs.catalogue import experiment
from oneiros.runs.experiment import BuildRequest

DAYS = 5
PAPER_LENGTH = 1170  # dreams of each class
NIGHTS = [(order, rate, 0) for rate in (0.1, 0.03, 0.01, 0.003) for order in ("mixed", "single", "selected")]
NIGHTS += [(order, rate, PAPER_LENGTH) for rate in (0.1, 0.01) for order in ("mixed", "single", "selected")]


def single(replay: CategoryReplay, brain: Brain, rng: torch.Generator) -> None:
    """As many batches as a night has, each of one class, every class about equally often."""
    parts = cut(brain.net, replay.location)
    classes = replay.night(brain, rng)[:: replay.batch_size]
    for label in classes.tolist():
        labels = torch.full((replay.batch_size,), label)
        replay.learn(brain, parts, next(iter(replay.dream(brain, labels, rng))), rng)


def measured(brain: Brain, rewarded: Examples, others: Examples) -> tuple[float, float, float]:
    """Chi-square on what the reward looks at; chi-square and accuracy on the others."""
    assert isinstance(brain.net, VGG)
    found = []
    for part in (rewarded, others):
        most = torch.bincount(part.labels, minlength=brain.net.classes).double()
        right = judged(brain.net, part)[0]
        found += [float(chi_square(right * most, most)), float(right.mean())]
    return found[0], found[2], found[3]


def nights(model: int, data: Path | None) -> Iterator[dict]:
    """One row for each night of one model."""
    chosen = experiment("barry2022/selection")
    config = replace(chosen.scales["quick"], evaluate_on="validation")
    build = BuildRequest(config=config, condition="selected", seed=model, data=data, device="cpu")
    late = imagined(config, LATE)
    lessons, features, _ = prepare(build, late)
    brain = build_brain(config, late._replace(selected=True), lessons, features, model)
    plan = schedule(config, late, brain.net)
    encode, replay = plan.nights[0].phases
    awake = replace(plan, nights=())
    for event in live(brain, lessons_of_days(config, Condition(), lessons, DAYS), awake, Seeds(model)):
        if event.kind == "dusk" and event.task == DAYS - 1:
            encode(brain, Seeds(model).rng("encode"))
            break
    first = torch.cat([(lessons.validation.labels == c).nonzero().flatten()[: config.rewarded] for c in range(10)])
    rest = torch.ones(len(lessons.validation), dtype=torch.bool)
    rest[first] = False
    parts = lessons.validation.subset(first), lessons.validation.subset(rest.nonzero().flatten())
    before = measured(brain, *parts)
    for order, rate, per_class in NIGHTS:
        asleep, rng = copy.deepcopy(brain), Seeds(model).rng("night")
        for group in asleep.optimiser("wake").param_groups:
            group["lr"] = rate
        dream = replace(replay, per_class=per_class)
        said = {"reward": torch.tensor(float("nan"))}
        if order == "mixed":
            dream(asleep, rng)
        elif order == "single":
            single(dream, asleep, rng)
        else:
            said = SelectedReplay(inner=dream, classes=10, rewarded=config.rewarded)(asleep, rng)
        after = measured(asleep, *parts)
        batches = -(-len(dream.night(asleep, rng)) // dream.batch_size)
        names = ("chi_square_rewarded", "chi_square_others", "accuracy_others")
        change = {name: b - a for name, a, b in zip(names, before, after, strict=True)}
        yield {
            "model": model,
            "order": order,
            "rate": rate,
            "batches": batches,
            **change,
            "reward": float(said["reward"]),
        }


def main() -> None:
    """Live, sleep, write."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("out", type=Path)
    parser.add_argument("--data", type=Path)
    parser.add_argument("--models", type=int, default=3)
    asked = parser.parse_args()
    torch.set_num_threads(1)
    with asked.out.open("w", newline="") as file:
        writer = None
        for model in range(asked.models):
            for row in nights(model, asked.data):
                writer = writer or csv.DictWriter(file, list(row))
                if file.tell() == 0:
                    writer.writeheader()
                writer.writerow(row)
                file.flush()


if __name__ == "__main__":
    main()
