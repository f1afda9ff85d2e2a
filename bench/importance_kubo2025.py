"""Why the cosines of Fig. 8 are higher here than published (Kubo et al. 2025): one constant at a time.

python -m bench.importance_kubo2025 OUT.csv [--seeds N] [--data DIR]

Two tasks (classes 0, 1; then 2, 3), one night between them, as `kubo2025/importance`, condition `before`, judged on
validation images. Writes, of each setting and seed: accuracy on task 1 after task 2 (published: 19 %), and cosines
between the two evenings: of patterns of importance, and of what they are made of.
"""

import argparse
import csv
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import torch
from torch import Tensor

from oneiros.core import Brain
from oneiros.data import Examples
from oneiros.data.streams import ExampleTask
from oneiros.equations.equilibrium import hidden_target
from oneiros.life import live
from oneiros.measure.probes.accuracy import accuracy, predictions
from oneiros.nets.equilibrium import EquilibriumRNN
from oneiros.papers.kubo2025.datasets import Tables
from oneiros.papers.kubo2025.importance import CLASSES, test_of
from oneiros.runs.catalogue import experiment
from oneiros.runs.experiment import BuildRequest

COLUMNS = ("setting", "seed", "accuracy_task_1", "kind", "class", "cosine")


def settings(config: Tables) -> dict[str, Tables]:
    """The recipe's constants, then each of them changed alone."""

    def learner(**changed: float) -> Tables:
        return replace(config, mnist=replace(config.mnist, mrnn_ep=replace(config.mnist.mrnn_ep, **changed)))

    found = {"recipe": config}
    for hidden in (64, 256, 2048):
        found[f"hidden units {hidden}"] = replace(config, mnist=replace(config.mnist, hidden=hidden))
    for factor in (3, 10):
        found[f"hidden learning rate x {factor}"] = learner(alpha=factor * config.mnist.mrnn_ep.alpha)
    for factor in (10, 30, 100):
        found[f"output learning rate x {factor}"] = learner(alpha_output=factor * config.mnist.mrnn_ep.alpha_output)
    for epochs in (10, 30):
        found[f"epochs {epochs}"] = replace(config, mnist=replace(config.mnist, epochs=epochs))
    return found


def patterns(brain: Brain, test: Examples) -> dict[str, Tensor]:
    """What each class finds in the network, by kind: `[classes, ...]`."""
    net, asked = brain.net, test.all()
    assert isinstance(net, EquilibriumRNN)
    with torch.no_grad():
        circuit = net.circuit(asked.x)
        hidden, output = net.free(circuit)
        signed = circuit.drive + net.gamma * output @ circuit.w_out
        assert torch.allclose(signed.relu(), hidden_target(circuit.drive, output, circuit.w_out, gamma=net.gamma))
        of = [asked.targets() == label for label in CLASSES]
        activity, drive = (torch.stack([each[mine].mean(0) for mine in of]) for each in (hidden, signed))
    weight = circuit.w_out.detach().clone()
    return {
        "importance": activity[:, None] * weight,
        "activity": activity,
        "weights": weight.expand(len(CLASSES), *weight.shape),
        "importance, rows of the task": activity[:, None] * weight[list(CLASSES)],
        "importance, signed input": drive[:, None] * weight,
    }


def measured(config: Tables, seed: int, data: Path | None) -> Iterator[tuple[float, str, int, float]]:
    """Accuracy on task 1 at the end, and each cosine."""
    chosen = experiment("kubo2025/importance")
    life = chosen.build(BuildRequest(config=config, condition="before", seed=seed, data=data, device="cpu"))
    test = test_of([task for task in life.tasks if isinstance(task, ExampleTask)])
    evenings: list[dict[str, Tensor]] = []
    for event in live(life.brain, life.tasks, life.schedule, life.seeds):
        if event.kind == "dusk":
            evenings.append(patterns(life.brain, test))
    asked = test.all()
    kept = accuracy(predictions(life.brain.net, asked.x), asked.targets(), CLASSES[:2])
    for kind, first in evenings[0].items():
        for label, one, other in zip(CLASSES, first, evenings[1][kind], strict=True):
            yield kept, kind, label, float(torch.cosine_similarity(one.flatten(), other.flatten(), dim=0))


def main() -> int:
    """Measure and write."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("out", type=Path)
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--data", type=Path, default=None)
    asked = parser.parse_args()
    config = replace(experiment("kubo2025/importance").scales["quick"], evaluate_on="validation", test_examples=0)
    with asked.out.open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(COLUMNS)
        for name, changed in settings(config).items():
            for seed in range(100, 100 + asked.seeds):
                for kept, kind, label, cosine in measured(changed, seed, asked.data):
                    writer.writerow((name, seed, f"{kept:.4f}", kind, label, f"{cosine:.4f}"))
            file.flush()
    return 0


if __name__ == "__main__":
    sys.exit(main())
