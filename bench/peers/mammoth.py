"""Split MNIST by rehearsal, one epoch: mammoth's Experience Replay against `Rehearsal`, at the same number of images.

Theirs is its `main.py` with the options below, in the interpreter that runs this race, which must have what mammoth
needs. Both sides are processes of their own, loading and evaluation included, on the same MNIST files and seed.
"""

import sys
import tempfile
from pathlib import Path

from bench.peers.clones import spent, unpack_mnist
from bench.peers.told import Race

IMAGES = 1000  # kept
THEIRS = (
    "--model=er", "--dataset=seq-mnist", f"--buffer_size={IMAGES}", "--minibatch_size=64", "--batch_size=64",
    "--lr=0.1", "--n_epochs=1", "--device=cpu", "--disable_log=1", "--non_verbose=1", "--num_workers=0",
)  # fmt: skip
SAID = r"Accuracy for 5 task\(s\):\s*\[Class-IL\]: ([0-9.]+)"


def race(clone: Path, rounds: int) -> Race:
    """Seed by seed."""
    names = ("theirs, ER", "ours, Rehearsal")
    seconds: dict[str, list[float]] = {name: [] for name in names}
    accuracies: dict[str, list[str]] = {name: [] for name in names}
    with tempfile.TemporaryDirectory() as scratch:
        unpack_mnist(Path(scratch) / "MNIST")
        for seed in range(rounds):
            theirs = [sys.executable, "main.py", *THEIRS, f"--seed={seed}", f"--base_path={scratch}/"]
            ours = [sys.executable, "-m", "bench.peers.mammoth", str(seed)]
            commands = ((theirs, clone, SAID), (ours, Path(__file__).parents[2], r"accuracy (\S+)"))
            for name, (command, folder, find) in zip(names, commands, strict=True):
                taken, accuracy = spent(command, folder, find)
                seconds[name].append(taken)
                accuracies[name].append(f"{float(accuracy):.1f}")
    return Race(
        title=f"Split MNIST, class-incremental, {IMAGES} images kept", clone=clone, unit="CPU s a run",
        seconds=seconds,
        besides={"final accuracy, seed by seed (%)": {name: ", ".join(found) for name, found in accuracies.items()}},
    )  # fmt: skip


def one_life(seed: int) -> float:
    """Final accuracy of our side on test images, in percent."""
    import torch

    from oneiros.core import Seeds
    from oneiros.data import load
    from oneiros.data.streams import class_incremental
    from oneiros.nets.layers import Perceptron
    from oneiros.sleeper import Rehearsal, Sleeper

    torch.set_num_threads(1)
    mnist, seeds = load("mnist", download=False), Seeds(seed)
    with seeds.building("init"):
        net = Perceptron((784, 100, 100, 10))  # theirs
    sleeper = Sleeper(net, Rehearsal(per_class=IMAGES // 10), classes=10, seed=seed)
    optimiser = torch.optim.SGD(net.parameters(), lr=0.1)
    for day, task in enumerate(class_incremental(mnist.train, mnist.test, order=range(10), per_task=2, batch_size=64)):
        for batch in task.batches(seeds.rng("batches", day)):
            optimiser.zero_grad()
            sleeper.loss(batch.x, batch.y).backward()
            optimiser.step()
        sleeper.sleep()
    test = mnist.test.all()
    with torch.no_grad():
        return 100 * float((net(test.x).argmax(1) == test.targets()).float().mean())


if __name__ == "__main__":
    sys.stdout.write(f"accuracy {one_life(int(sys.argv[1]))}\n")
