"""Ours inside Avalanche against its own GenerativeReplay: split MNIST, the same solver, loop, metrics and seeds.

    python benchmarks/avalanche_split_mnist.py --seeds 0 1 2 --epochs 2

Needs the extra `avalanche` and MNIST in $ONEIROS_DATA. Prints one JSON line a run, seconds of this process included.
`ours` is SleepPlugin(GenerativeReplay()) in Naive; `theirs` is Avalanche's GenerativeReplay as it ships (a VAE with 2
latents, Adam at 0.01); `theirs-larger` gives its generator 32 latents and Adam at 0.001, and as much replay as ours.
"""

import argparse
import json
import os
import sys
import time

import torch
from avalanche.benchmarks.classic import SplitMNIST
from avalanche.evaluation.metrics import accuracy_metrics
from avalanche.models import SimpleMLP
from avalanche.models.generator import MlpVAE
from avalanche.training.plugins import EvaluationPlugin, GenerativeReplayPlugin
from avalanche.training.supervised import GenerativeReplay as TheirReplay
from avalanche.training.supervised import Naive
from avalanche.training.supervised.strategy_wrappers import VAETraining

from oneiros.adapters import GenerativeReplay
from oneiros.adapters.avalanche import SleepPlugin

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
        return TheirReplay(**common)
    if condition == "theirs-larger":
        vae = MlpVAE((1, 28, 28), nhid=32)
        inner = VAETraining(
            model=vae, optimizer=torch.optim.Adam(vae.parameters(), lr=1e-3), train_mb_size=100, train_epochs=epochs,
            plugins=[GenerativeReplayPlugin(increasing_replay_size=True)],
        )  # fmt: skip
        return TheirReplay(**common, generator_strategy=inner, increasing_replay_size=True)
    return Naive(**common)


def run(condition: str, seed: int, epochs: int) -> dict:
    benchmark = SplitMNIST(
        n_experiences=5, return_task_id=False, seed=seed, fixed_class_order=list(range(10)),
        dataset_root=os.environ["ONEIROS_DATA"],
    )  # fmt: skip
    learner = strategy(condition, seed, epochs)
    wall, cpu = time.perf_counter(), time.process_time()
    for experience in benchmark.train_stream:
        learner.train(experience)
    told = {"wall_s": time.perf_counter() - wall, "cpu_s": time.process_time() - cpu}
    metrics = learner.eval(benchmark.test_stream)
    (accuracy,) = [value for name, value in metrics.items() if name.startswith("Top1_Acc_Stream")]
    return {"condition": condition, "seed": seed, "epochs": epochs, "accuracy": accuracy, **told}


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--seeds", type=int, nargs="+", default=(0, 1, 2))
    parser.add_argument("--epochs", type=int, default=2)
    parser.add_argument("--conditions", nargs="+", choices=CONDITIONS, default=CONDITIONS)
    asked = parser.parse_args()
    torch.set_num_threads(1)
    for chosen in asked.seeds:
        # Conditions side by side within a seed, so that a busier machine is busier for all of them.
        for name in asked.conditions:
            sys.stdout.write(json.dumps(run(name, chosen, asked.epochs)) + "\n")
            sys.stdout.flush()
