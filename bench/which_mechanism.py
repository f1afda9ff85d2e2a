"""Mechanisms at one budget: split MNIST, two classes a day, the same network, steps and stored bytes.

    python -m bench which_mechanism measure OUT.json      minutes; MNIST in $ONEIROS_DATA
    python -m bench which_mechanism write OUT.json        puts the table into docs/which-mechanism.md

Budget: what generative replay stores (a copy of the network, and of a generator). Rehearsal gets as many raw examples,
category replay as many activations, as fit into these bytes. Steps of the network are equally many; FLOPs are counted
by torch on the last day and are those of one step of the network, the generator's included, and its share of the night.
"""

import json
import sys
import time
from pathlib import Path
from statistics import mean, stdev

import torch
from torch import nn
from torch.utils.flop_counter import FlopCounterMode

from oneiros.core import Seeds
from oneiros.data import load
from oneiros.measure.probes import predictions
from oneiros.sleeper import GenerativeReplay, LayerReplay, NoSleep, Rehearsal, Sleeper

PAGE = Path(__file__).parents[1] / "docs" / "which-mechanism.md"
BEGIN, END = "<!-- budget -->", "<!-- /budget -->"
EPOCHS, BATCH = 1, 64
BYTES = 5_940_130  # that GenerativeReplay() keeps beside this network
ROWS = {
    "NoSleep": NoSleep(),
    "GenerativeReplay": GenerativeReplay(),
    "Rehearsal": Rehearsal(per_class=BYTES // (10 * 784 * 4), replayed=128),
    "LayerReplay": LayerReplay(layer="2", per_class=BYTES // (10 * 400 * 4), replayed=1000),
}


def network(seed: int) -> nn.Module:
    with Seeds(seed).building("net"):
        return nn.Sequential(
            nn.Flatten(), nn.Linear(784, 400), nn.ReLU(), nn.Linear(400, 400), nn.ReLU(), nn.Linear(400, 10)
        )


def run(name: str, seed: int) -> dict:
    data = load("mnist")
    train, test = data.train.all(), data.test.all()
    net = network(seed)
    sleeper = Sleeper(net, ROWS[name], classes=10, seed=seed)
    optimiser = torch.optim.Adam(net.parameters())
    start, steps, flops = time.process_time(), 0, 0
    for day in range(5):
        mine = ((train.y == 2 * day) | (train.y == 2 * day + 1)).nonzero().flatten()
        for epoch in range(EPOCHS):
            order = mine[torch.randperm(len(mine), generator=Seeds(seed).rng("batches", day, epoch))]
            for rows in order.split(BATCH):
                optimiser.zero_grad()
                sleeper.loss(train.x[rows], train.y[rows]).backward()
                optimiser.step()
                steps += day == 4
        if day == 4:
            seconds = time.process_time() - start
            with FlopCounterMode(display=False) as step:
                sleeper.loss(train.x[mine[:BATCH]], train.y[mine[:BATCH]]).backward()
            with FlopCounterMode(display=False) as night:
                sleeper.sleep()
            flops = step.get_total_flops() + night.get_total_flops() / steps
        else:
            sleeper.sleep()
    generator = sum(
        p.numel() for each in sleeper.attachments for n, p in each.brain.net.named_parameters() if "generator." in n
    )
    accuracy = float((predictions(net, test.x) == test.y).double().mean())
    return {
        "mechanism": name, "seed": seed, "accuracy": accuracy, "bytes": sleeper.nbytes, "raw": sleeper.holds_raw,
        "generator_parameters": generator, "mflops_a_step": flops / 1e6, "cpu_s": seconds,
    }  # fmt: skip


def table(rows: list[dict]) -> str:
    """Markdown, mean and standard deviation over seeds."""
    lines = [
        "| mechanism | final accuracy (%) | kept (MB) | raw examples | generator's parameters | MFLOP a step | CPU s |",
        "|---|---|---|---|---|---|---|",
    ]
    for name in ROWS:
        mine = [row for row in rows if row["mechanism"] == name]
        accuracy = [100 * row["accuracy"] for row in mine]
        one = mine[0]
        lines.append(
            f"| `{name}` | {mean(accuracy):.1f} ± {stdev(accuracy):.1f} | {one['bytes'] / 1e6:.2f} | "
            f"{'yes' if one['raw'] else 'no'} | {one['generator_parameters']:,} | {one['mflops_a_step']:.0f} | "
            f"{mean(row['cpu_s'] for row in mine):.0f} |"
        )
    return "\n".join(lines)


def main() -> None:
    torch.set_num_threads(1)
    what, out = sys.argv[1], Path(sys.argv[2])
    if what == "measure":
        measured = [run(name, seed) for seed in range(3) for name in ROWS]
        out.write_text(json.dumps(measured, indent=1))
    else:
        text = PAGE.read_text(encoding="utf-8")
        before, after = text.partition(BEGIN)[0], text.partition(END)[2]
        PAGE.write_text(f"{before}{BEGIN}\n{table(json.loads(out.read_text()))}\n{END}{after}", encoding="utf-8")
