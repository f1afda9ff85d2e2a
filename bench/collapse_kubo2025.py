"""How many examples features need: `python -m bench collapse_kubo2025 FEATURES OUT.csv`.

Why networks that sleep or rehearse end above the paper's on features of a published ResNet-20: that network was trained
to convergence through these very features, so the examples of a class lie around its mean (Papyan, Han & Donoho 2020,
"neural collapse"). The test: nearest class means and LDA, from all examples and from a few of each class, on test data.
If a few of each class do as well as all of them, then rehearsing 2 % is joint training, whatever the network.
"""

import argparse
import csv
from pathlib import Path

import torch

from oneiros.core import Batch
from oneiros.data.features import read_features
from oneiros.memory import Moments
from oneiros.phases import ClassMeans, Lda

SHARES = (1.0, 0.02, 0.002)
SEEDS = 5


def main() -> None:
    """Solve, ask, write a row for each share, head and seed."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("features", type=Path)
    parser.add_argument("out", type=Path)
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    data = read_features("features", arguments.features)
    x, y, classes = data.train.images, data.train.labels, len(data.train.classes)
    with arguments.out.open("w", newline="") as file:
        table = csv.writer(file)
        table.writerow(("head", "examples", "seed", "test_accuracy"))
        for share in SHARES:
            for seed in range(SEEDS):
                rng = torch.Generator().manual_seed(seed)
                rows = torch.randperm(len(y), generator=rng)[: round(share * len(y))]
                moments = Moments()
                moments.store(Batch(x=x[rows], y=y[rows]), rng)
                for head in (ClassMeans(), Lda()):
                    solved = head.solve(moments, classes).parameters
                    scores = data.test.images.double() @ solved["weight"].double().T + solved["bias"]
                    right = (scores.argmax(1) == data.test.labels).double().mean().item()
                    table.writerow((type(head).__name__, len(rows), seed, f"{100 * right:.2f}"))


if __name__ == "__main__":
    main()
