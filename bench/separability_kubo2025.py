"""How much of what SRC keeps on features is due to them: `python -m bench separability_kubo2025 FEATURES WORK`.

Every feature vector, training and test alike, moves a share of the way to the mean training vector of its own class.
That needs the labels and is no way to make features: it asks what MRNN-EP with sleep would keep if they were as
separable as published ones. Quick scale, validation data only, nothing tuned. A line per share and order: accuracy of
parallel training and, after the fifth day, in sequence and with sleep.
"""

import argparse
from dataclasses import replace
from pathlib import Path
from statistics import mean

import torch

from oneiros.data import Examples
from oneiros.data.features import features_bytes, features_provenance, read_features
from oneiros.life import live
from oneiros.runs.catalogue import experiment
from oneiros.runs.experiment import BuildRequest
from oneiros.runs.settings import override

TABLE = experiment("kubo2025/table2-cifar10")
STRATEGIES = ("parallel", "sequential", "src")


def drawn(examples: Examples, means: torch.Tensor, share: float) -> Examples:
    """The examples, moved `share` of the way to their class's mean."""
    return replace(examples, images=torch.lerp(examples.images, means[examples.labels], share))


def reached(file: Path, condition: str, seed: int) -> float:
    """Accuracy on all classes at the end of a life, validation data."""
    config = override(TABLE.scales["quick"], [f"cifar10.data=features:{file}", "evaluate_on=validation"])
    life = TABLE.build(BuildRequest(config=config, condition=condition, seed=seed, data=None, device="cpu"))
    value = 0.0
    for event in live(life.brain, life.tasks, life.schedule, life.seeds):
        value = next((m.value for m in life.measure(event) if m.metric == "accuracy_seen" and m.phase == "end"), value)
    return value


def main() -> None:
    """Move, learn, sleep, print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("features", type=Path)
    parser.add_argument("work", type=Path)
    parser.add_argument("--network", default="mrnn_ep")
    parser.add_argument("--shares", type=float, nargs="+", default=[0.0, 0.1, 0.2, 0.3])
    parser.add_argument("--orders", type=int, default=6)
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    data, made = read_features("features", arguments.features), features_provenance(arguments.features)
    x, y = data.train.images, data.train.labels
    means = torch.stack([x[y == c].mean(0) for c in range(len(data.train.classes))])
    for share in arguments.shares:
        file = arguments.work / f"drawn-{share}.safetensors"
        halves = [drawn(half, means, share) for half in (data.train, data.test)]
        file.write_bytes(features_bytes(halves[0], halves[1], {**made, "drawn": share}))
        found: dict[str, list[float]] = {strategy: [] for strategy in STRATEGIES}
        for seed in range(100, 100 + arguments.orders):
            for strategy, values in found.items():
                values.append(100 * reached(file, f"cifar10_{arguments.network}_{strategy}", seed))
            print(share, seed, {strategy: round(values[-1], 1) for strategy, values in found.items()}, flush=True)
        print(share, "mean", {strategy: round(mean(values), 1) for strategy, values in found.items()}, flush=True)
        file.unlink()
