"""Split MNIST by generated replay: continual-learning's DGR and brain-inspired replay against our recipe.

Theirs is its `main.py` with the options below, all else at its defaults; ours the condition `gr` of shin2017/classes at
quick scale. Each side is a process of its own, loading and evaluation included, on the same MNIST files and seed.
A race takes some four minutes of one core for each round.
"""

import sys
import tempfile
from dataclasses import replace
from pathlib import Path

from bench.peers.clones import spent, unpack_mnist
from bench.peers.told import Race

ITERATIONS = 500  # mini-batches a context; its default is 2,000
THEIRS = {
    f"theirs, DGR, {ITERATIONS} iterations": ("--replay=generative", f"--iters={ITERATIONS}"),
    f"theirs, brain-inspired replay, {ITERATIONS} iterations": ("--brain-inspired", f"--iters={ITERATIONS}"),
}
SAID = r"average accuracy over all \d+ contexts: ([0-9.]+)"


def race(clone: Path, rounds: int) -> Race:
    """Both of theirs and ours, seed by seed."""
    names = [*THEIRS, "ours, dreams of a class VAE"]
    seconds: dict[str, list[float]] = {name: [] for name in names}
    accuracies: dict[str, list[float]] = {name: [] for name in names}
    with tempfile.TemporaryDirectory() as scratch:
        data = Path(scratch)
        unpack_mnist(data / "MNIST")  # where it looks
        for seed in range(rounds):
            for name in names:
                taken, accuracy = _theirs(clone, data, name, seed) if name in THEIRS else _ours(seed)
                seconds[name].append(taken)
                accuracies[name].append(100 * accuracy)
                sys.stderr.write(f"{name}, seed {seed}: {100 * accuracy:.1f} %, {taken:.0f} CPU s\n")
    shown = {name: ", ".join(f"{value:.1f}" for value in found) for name, found in accuracies.items()}
    return Race(
        title="Split MNIST, class-incremental, by dreams", clone=clone, unit="CPU s a run", seconds=seconds,
        besides={"final accuracy, seed by seed (%)": shown},
    )  # fmt: skip


def _theirs(clone: Path, data: Path, name: str, seed: int) -> tuple[float, float]:
    options = [f"--seed={seed}", "--no-gpus", "--no-save", "--no-samples", f"--data-dir={data}", *THEIRS[name]]
    folders = [f"--{kind}-dir={data / kind}" for kind in ("model", "plot", "results")]
    for kind in ("model", "plot", "results"):
        (data / kind).mkdir(exist_ok=True)
    command = [sys.executable, "main.py", "--experiment=splitMNIST", "--scenario=class", *options, *folders]
    seconds, accuracy = spent(command, clone, SAID, MPLBACKEND="Agg")
    return seconds, float(accuracy)


def _ours(seed: int) -> tuple[float, float]:
    command = [sys.executable, "-m", "bench.peers.continual", str(seed)]
    seconds, accuracy = spent(command, Path(__file__).parents[2], r"accuracy (\S+)")
    return seconds, float(accuracy)


def one_life(seed: int) -> float:
    """Final accuracy of our side, on test images."""
    import torch

    from oneiros.life import live
    from oneiros.papers.shin2017.experiment import CLASSES
    from oneiros.runs.arithmetic import arithmetic, computing
    from oneiros.runs.experiment import BuildRequest

    torch.set_num_threads(1)
    config = replace(CLASSES.scales["quick"], probe_every=10**9)
    life = CLASSES.build(BuildRequest(config=config, condition="gr", seed=seed, data=None, device="cpu"))
    with computing(arithmetic("cpu"), "cpu"):
        for event in live(life.brain, life.tasks, life.schedule, life.seeds):
            if event.kind == "task_end" and event.task == len(life.tasks) - 1:
                return next(m.value for m in life.measure(event) if m.metric == "accuracy_seen")
    raise RuntimeError("the life had no end")


if __name__ == "__main__":
    sys.stdout.write(f"accuracy {one_life(int(sys.argv[1]))}\n")
