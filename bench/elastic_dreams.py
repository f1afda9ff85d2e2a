"""Elastic weights beside dreams, and without them: split MNIST, two classes a day, through `Sleeper`.

    python -m bench elastic_dreams choose           lambda on validation digits (the last 6,000 of training), seed 100
    python -m bench elastic_dreams measure          seeds 0, 1, 2 on the test digits, with the lambda that was chosen

MNIST in $ONEIROS_DATA; the network is 784-400-400-10, one epoch a day, Adam at 0.001, batches of 64, 128 dreams beside
each. The control lacks the elastic weights and nothing else: dreams, batches and initial weights have the same random
streams.
"""

import json
import sys
from statistics import mean, stdev

import torch
from torch import nn

from oneiros.core import Seeds
from oneiros.data import load
from oneiros.measure.probes import predictions
from oneiros.sleeper import Combined, ElasticWeights, GenerativeReplay, Mechanism, Sleeper

CANDIDATES = (1.0, 10.0, 100.0, 1000.0)
CHOSEN = 10.0  # by `choose`: 92.0, 92.7, 92.1 and 90.6 % for the candidates in order, 92.2 % without elastic weights
HELD_OUT, BATCH, DAYS = 6000, 64, 5


def network(seed: int) -> nn.Module:
    with Seeds(seed).building("net"):
        return nn.Sequential(
            nn.Flatten(), nn.Linear(784, 400), nn.ReLU(), nn.Linear(400, 400), nn.ReLU(), nn.Linear(400, 10)
        )


def elastic_dreams(weight: float) -> Mechanism:
    return Combined((GenerativeReplay(), ElasticWeights(weight=weight)))


def accuracy(mechanism: Mechanism, seed: int, *, validate: bool) -> float:
    """Share of right answers among all ten classes, after the fifth night."""
    data = load("mnist")
    train, asked = data.train.all(), data.test.all()
    x, y = train.x, train.targets()
    if validate:
        asked = type(train)(x=x[-HELD_OUT:], y=y[-HELD_OUT:])
        x, y = x[:-HELD_OUT], y[:-HELD_OUT]
    net = network(seed)
    sleeper, optimiser = Sleeper(net, mechanism, classes=10, seed=seed), torch.optim.Adam(net.parameters())
    for day in range(DAYS):
        mine = (y // 2 == day).nonzero().flatten()
        order = mine[torch.randperm(len(mine), generator=Seeds(seed).rng("batches", day))]
        for rows in order.split(BATCH):
            optimiser.zero_grad()
            sleeper.loss(x[rows], y[rows]).backward()
            optimiser.step()
        sleeper.sleep()
    return float((predictions(net, asked.x) == asked.targets()).double().mean())


def main() -> None:
    if sys.argv[1:] == ["choose"]:
        for weight in CANDIDATES:
            reached = accuracy(elastic_dreams(weight), 100, validate=True)
            print(json.dumps({"lambda": weight, "validation": reached}), flush=True)
        print(json.dumps({"lambda": 0.0, "validation": accuracy(GenerativeReplay(), 100, validate=True)}), flush=True)
    elif sys.argv[1:] == ["measure"]:
        rows = {
            "elastic weights": ElasticWeights(weight=CHOSEN),
            "dreams": GenerativeReplay(),
            "dreams and elastic weights": elastic_dreams(CHOSEN),
        }
        for name, mechanism in rows.items():
            reached = [accuracy(mechanism, seed, validate=False) for seed in range(3)]
            said = {"mechanism": name, "accuracies": reached, "mean": mean(reached), "sd": stdev(reached)}
            print(json.dumps(said), flush=True)
    else:
        sys.exit(__doc__)


if __name__ == "__main__":
    main()
