"""Ours inside Avalanche against its own GenerativeReplay: split MNIST, the same solver, loop, metrics and seeds.

    python -m bench avalanche_split_mnist                                    all conditions, 3 seeds, 2 epochs
    python -m bench avalanche_split_mnist --seeds 0 --epochs 1 --experiences 2     a look, a tenth of the time

Needs the extra `avalanche` and MNIST in $ONEIROS_DATA, in torchvision's layout, packed or not; one thread. One JSON
line a run on standard error as it is done, and in the end a Markdown table on standard output: medians over the seeds,
every seed in brackets. Conditions take turns within a seed, and another one begins in each, so that a machine that
becomes busier is so for all of them. Points and seconds are compared seed by seed: the table has the median of the
differences and of the ratios.

`ours` is SleepPlugin(GenerativeReplay()) in Naive; `theirs` is Avalanche's GenerativeReplay as it ships (a VAE with 2
latents, Adam at 0.01); `theirs-larger` gives its generator 32 latents and Adam at 0.001, and as much replay as ours.
Seconds are those of training, nights included; loading and the final evaluation are not.
"""

import argparse
import json
import sys
import tempfile
import time
from collections.abc import Sequence
from importlib.metadata import version
from pathlib import Path
from statistics import median

import torch
from avalanche.benchmarks.classic import SplitMNIST
from avalanche.evaluation.metrics import accuracy_metrics
from avalanche.models import SimpleMLP
from avalanche.models.generator import MlpVAE
from avalanche.training.plugins import EvaluationPlugin, GenerativeReplayPlugin
from avalanche.training.supervised import GenerativeReplay as TheirReplay
from avalanche.training.supervised import Naive
from avalanche.training.supervised.strategy_wrappers import VAETraining

from bench.peers.clones import unpack_mnist
from oneiros.sleeper import GenerativeReplay
from oneiros.sleeper.avalanche import SleepPlugin

BOUNDS = (-0.4243, 2.8216)  # of Avalanche's normalised MNIST
CONDITIONS = ("ours", "theirs", "theirs-larger", "naive")


def strategy(condition: str, seed: int, epochs: int):
    torch.manual_seed(seed)
    model = SimpleMLP(num_classes=10, hidden_size=400, hidden_layers=2, drop_rate=0)
    common = {
        "model": model, "optimizer": torch.optim.Adam(model.parameters(), lr=1e-3),
        "criterion": torch.nn.CrossEntropyLoss(), "train_mb_size": 100, "train_epochs": epochs, "eval_mb_size": 1000,
        "evaluator": EvaluationPlugin(accuracy_metrics(stream=True), loggers=[]),
    }  # fmt: skip
    if condition == "ours":
        return Naive(**common, plugins=[SleepPlugin(GenerativeReplay(bounds=BOUNDS), classes=10, seed=seed)])
    if condition == "theirs":
        return without_progress(TheirReplay(**common))
    if condition == "theirs-larger":
        vae = MlpVAE((1, 28, 28), nhid=32)
        inner = VAETraining(
            model=vae, optimizer=torch.optim.Adam(vae.parameters(), lr=1e-3), train_mb_size=100, train_epochs=epochs,
            plugins=[GenerativeReplayPlugin(increasing_replay_size=True)],
        )  # fmt: skip
        return without_progress(TheirReplay(**common, generator_strategy=inner, increasing_replay_size=True))
    return Naive(**common)


def without_progress(learner: TheirReplay) -> TheirReplay:
    """Its generator's strategy draws progress bars by default, which would cost it seconds and stand in the table."""
    learner.generator_strategy.evaluator.loggers = []
    return learner


def run(condition: str, seed: int, epochs: int, experiences: int, root: Path) -> dict:
    benchmark = SplitMNIST(
        n_experiences=5, return_task_id=False, seed=seed, fixed_class_order=list(range(10)),
        dataset_root=root,
    )  # fmt: skip
    learner = strategy(condition, seed, epochs)
    wall, cpu = time.perf_counter(), time.process_time()
    for experience in benchmark.train_stream[:experiences]:
        learner.train(experience)
    told = {"wall_s": time.perf_counter() - wall, "cpu_s": time.process_time() - cpu}
    metrics = learner.eval(benchmark.test_stream[:experiences])
    (accuracy,) = [value for name, value in metrics.items() if name.startswith("Top1_Acc_Stream")]
    return {"condition": condition, "seed": seed, "accuracy": accuracy, **told}


def in_turn(conditions: Sequence[str], round_: int) -> list[str]:
    """The conditions, beginning with another one in each round."""
    first = round_ % len(conditions)
    return [*conditions[first:], *conditions[:first]]


def spread(values: Sequence[float], digits: int) -> str:
    """Median, and every value."""
    return f"{median(values):.{digits}f} [{', '.join(f'{value:.{digits}f}' for value in values)}]"


def table(rows: Sequence[dict], against: str = "theirs") -> str:
    """Markdown, one row a condition, seeds in the order of their numbers."""
    seeds = sorted({row["seed"] for row in rows})
    at = {(row["condition"], row["seed"]): row for row in rows}
    conditions = [name for name in CONDITIONS if (name, seeds[0]) in at]
    lines = [
        f"| strategy | final accuracy (%) | points above `{against}` | wall s | wall s, times `{against}` | CPU s |",
        "|---|---|---|---|---|---|",
    ]
    for name in conditions:
        mine = [at[name, seed] for seed in seeds]
        other = [at.get((against, seed)) for seed in seeds]
        points = [100 * (row["accuracy"] - by["accuracy"]) for row, by in zip(mine, other, strict=True) if by]
        ratios = [row["wall_s"] / by["wall_s"] for row, by in zip(mine, other, strict=True) if by]
        compared = name != against and bool(points)
        lines.append(
            f"| `{name}` | {spread([100 * row['accuracy'] for row in mine], 1)} "
            f"| {spread(points, 1) if compared else '–'} | {spread([row['wall_s'] for row in mine], 0)} "
            f"| {spread(ratios, 2) if compared else '–'} | {spread([row['cpu_s'] for row in mine], 0)} |"
        )
    return "\n".join(lines)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", type=int, nargs="+", default=(0, 1, 2))
    parser.add_argument("--epochs", type=int, default=2)
    parser.add_argument("--experiences", type=int, default=5, choices=range(1, 6), help="learn the first so many only")
    parser.add_argument("--conditions", nargs="+", choices=CONDITIONS, default=CONDITIONS)
    asked = parser.parse_args()
    torch.set_num_threads(1)
    rows = []
    with tempfile.TemporaryDirectory() as folder:
        unpack_mnist(Path(folder))
        for turn, chosen in enumerate(asked.seeds):
            for name in in_turn(asked.conditions, turn):
                rows.append(run(name, chosen, asked.epochs, asked.experiences, Path(folder)))
                sys.stderr.write(json.dumps(rows[-1]) + "\n")
    versions = f"torch {torch.__version__}, avalanche-lib {version('avalanche-lib')}"
    scale = f"epochs: {asked.epochs}, experiences: {asked.experiences} of 5"
    sys.stdout.write(f"{table(rows)}\n\n<sub>{scale}; seeds {', '.join(map(str, asked.seeds))}; {versions}.</sub>\n")
