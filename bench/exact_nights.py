"""Exact nights on split streams: accuracy without a stored example, CPU seconds, bytes, and what dreaming would cost.

    python -m bench exact_nights run OUT.json --sets mnist,fashion-mnist,cifar10 --seeds 0,1,2
    python -m bench exact_nights features OUT.json FILE --seeds 0,1,2       on a file of `oneiros features`
    python -m bench exact_nights cost OUT.json --widths 1280,10000          a solved night beside a dreamed one

Class-incremental: two classes a day (ten for a features file), each example seen once, in an order and with a front
of the seed's own. `--validate` judges on 5,000 training examples that are held out; that is how constants were chosen.
TARGETS were declared before the test images were looked at. CPU seconds are those of the process, in one thread, from
the first lesson to the last night.
"""

import argparse
import json
import time
from pathlib import Path
from statistics import mean, stdev

import torch
from torch import Tensor, nn

from oneiros.core import Batch, Brain, Seeds
from oneiros.data import Examples, load
from oneiros.memory import Moments
from oneiros.phases import ExactNight, Gaussians, Lda
from oneiros.sleeper import (
    ExactNights,
    FeCam,
    Inputs,
    NearestClassMean,
    RanPac,
    RecursiveRidge,
    Root,
    Sleeper,
    StreamingLda,
)
from oneiros.sleeper.mechanism import Mechanism

TARGETS = {"mnist": 98.7, "fashion-mnist": 91.0, "cifar10": 73.0, "features": 68.0}
CPU_SECONDS = 60
HELD_OUT = 5000
OVER_FEATURES: dict[str, Mechanism] = {
    "ExactNights, square roots": ExactNights(features=Root(Inputs())),
    "ExactNights, own covariances": ExactNights(
        features=Root(Inputs()), head=Gaussians(pooled=0.8, shrinkage=0.1), dtype="float32"
    ),
    "NearestClassMean": NearestClassMean(),
    "StreamingLda": StreamingLda(),
    "StreamingLda, shrinkage .1": StreamingLda(shrinkage=0.1),
    "RecursiveRidge": RecursiveRidge(),
    "RanPac, 5,000": RanPac(width=5000),
    "FeCam": FeCam(),
}


def lived(mechanism: Mechanism, train: Examples, test: Examples, *, seed: int, days: int) -> dict[str, float]:
    """One life of `days` days, and what is known at its end."""
    classes = len(train.classes)
    order = torch.randperm(len(train), generator=Seeds(seed).rng("order"))
    train = train.subset(order)
    with Seeds(seed).building("net"):
        net = nn.Sequential(nn.Flatten(), nn.Linear(train.images[0].numel(), classes))
    sleeper = Sleeper(net, mechanism, classes=classes, seed=seed)
    start = time.process_time()
    with torch.no_grad():  # nobody steps on the network beside: the head is all that is judged
        for today in torch.arange(classes).chunk(days):
            part = train.of_classes(tuple(today.tolist()))
            for index in torch.arange(len(part)).split(1000):
                batch = part.batch(index)
                sleeper.loss(batch.x, batch.y)
            sleeper.sleep()
    seconds = time.process_time() - start
    model = sleeper.model()
    with torch.no_grad():
        hits = [model(b.x).argmax(1) == b.targets() for b in map(test.batch, torch.arange(len(test)).split(1000))]
    return {
        "accuracy": 100 * float(torch.cat(hits).double().mean()),
        "cpu_seconds": seconds,
        "bytes": sleeper.nbytes,
        "raw": sleeper.holds_raw,
    }


def split(name: str, *, validate: bool, parts: int = 0) -> tuple[Examples, Examples]:
    """What is learned and what is judged: one of so many parts of the training images, or HELD_OUT of them for 0."""
    data = load(name)
    if not validate:
        return data.train, data.test
    order = torch.randperm(len(data.train), generator=Seeds(0).rng("held-out"))
    held = len(order) // parts if parts else HELD_OUT
    return data.train.subset(order[held:]), data.train.subset(order[:held])


def run(asked: argparse.Namespace) -> list[dict]:
    """Images from scratch."""
    rows = []
    for name in asked.sets.split(","):
        train, test = split(name, validate=asked.validate)
        for seed in map(int, asked.seeds.split(",")):
            row = lived(ExactNights(dtype="float32"), train, test, seed=seed, days=5)
            rows.append({"set": name, "mechanism": "ExactNights", "seed": seed, **row})
            print(rows[-1], flush=True)  # noqa: T201
    return rows


def over_features(asked: argparse.Namespace) -> list[dict]:
    """Heads over the features of a file; the stream's order is the seed's."""
    train, test = split(f"features:{asked.file}", validate=asked.validate)
    if asked.per_class:
        train = train.subset(torch.cat([of_class(train, each, asked.per_class) for each in range(len(train.classes))]))
    rows = []
    for name, mechanism in OVER_FEATURES.items():
        if asked.mechanisms and name not in asked.mechanisms.split(";"):
            continue
        for seed in map(int, asked.seeds.split(",")):
            row = lived(mechanism, train, test, seed=seed, days=10)
            what = {"set": "features", "mechanism": name, "seed": seed, "examples": len(train)}
            rows.append({**what, **row})
            print(rows[-1], flush=True)  # noqa: T201
    return rows


def of_class(train: Examples, label: int, most: int) -> Tensor:
    """Rows of the first `most` examples of a class."""
    return (train.labels == label).nonzero().flatten()[:most]


def cost(asked: argparse.Namespace) -> list[dict]:
    """One night solved, and the same head trained on dreams from the same sums (1,000 a class, Adam, 10 classes)."""
    rows = []
    for width in map(int, asked.widths.split(",")):
        rng = Seeds(0).rng("cost")
        memory = Moments("float32")
        for _ in range(4):
            y = torch.arange(1000) % 10
            memory.store(Batch(x=torch.randn(1000, width, generator=rng).relu() + 0.1 * y[:, None], y=y), rng)
        memory.added()
        brain = Brain(net=nn.Sequential(nn.Linear(width, 10)), memory={"moments": memory})
        start = time.process_time()
        ExactNight(head=Lda(), into="0")(brain, rng)
        solved = time.process_time() - start
        start = time.process_time()
        dreamed_night(brain, memory, rng)
        rows.append({"width": width, "solved": solved, "dreamed": time.process_time() - start, "bytes": memory.nbytes})
        print(rows[-1], flush=True)  # noqa: T201
    return rows


def dreamed_night(brain: Brain, memory: Moments, rng: torch.Generator) -> None:
    """Category replay from one covariance: draw 10,000 activations once, learn them in batches of 50."""
    dreams = memory.imagine(torch.randperm(10_000, generator=rng) % 10, rng)
    optimiser = torch.optim.Adam(brain.net.parameters(), lr=1e-3)
    for x, y in zip(dreams.x.split(50), dreams.targets().split(50), strict=True):
        optimiser.zero_grad()
        nn.functional.cross_entropy(brain.net(x), y).backward()
        optimiser.step()


def told(rows: list[dict]) -> str:
    """Mean and spread of every set and mechanism, beside the target."""
    lines = []
    for key in dict.fromkeys((row["set"], row["mechanism"]) for row in rows if "set" in row):
        mine = [row for row in rows if (row["set"], row["mechanism"]) == key]
        found = [row["accuracy"] for row in mine]
        spread = stdev(found) if len(found) > 1 else 0.0
        seconds = max(row["cpu_seconds"] for row in mine)
        lines.append(
            f"{key[0]:14} {key[1]:28} {mean(found):6.2f} +- {spread:.2f} of {len(found)} (target {TARGETS[key[0]]}), "
            f"at most {seconds:.0f} CPU s, {max(row['bytes'] for row in mine) / 1e6:.1f} MB"
        )
    return "\n".join(lines)


def main() -> int:
    """Measure, write rows, say what came out."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    commands = parser.add_subparsers(required=True)
    for name, work in {"run": run, "features": over_features, "cost": cost}.items():
        command = commands.add_parser(name)
        command.add_argument("out", type=Path)
        if name == "features":
            command.add_argument("file")
            command.add_argument("--per-class", type=int, default=0, help="training examples of a class; 0 for all")
            command.add_argument("--mechanisms", default="", help=f"of {'; '.join(OVER_FEATURES)}")
        command.add_argument("--sets", default="mnist,fashion-mnist,cifar10")
        command.add_argument("--seeds", default="0,1,2")
        command.add_argument("--widths", default="1280,10000")
        command.add_argument("--validate", action="store_true")
        command.set_defaults(work=work)
    asked = parser.parse_args()
    torch.set_num_threads(1)
    rows = asked.work(asked)
    asked.out.write_text(json.dumps(rows, indent=1) + "\n", encoding="utf-8")
    print(told(rows))  # noqa: T201
    return 0
