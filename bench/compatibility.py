"""Every night mechanism with every kind of network: what runs, what it brings, and what refuses and why.

    python -m bench compatibility write     measures every cell (minutes) and writes docs/compatibility.md
    python -m bench compatibility cell "generative replay" MLP

Each network learns the 8 x 8 digits two classes a day, five days, with the same lessons, with and without the
mechanism; the cell is the final accuracy on all ten classes, class-incremental, mean over seeds, of both.
Refusals are what the library raises, word for word.
"""

import argparse
import json
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from statistics import mean

import torch
from torch import nn
from torchvision.models import resnet18

from oneiros.core import Brain, Seeds
from oneiros.data import Dataset, load
from oneiros.data.streams import class_incremental
from oneiros.life import Night, Schedule, run_through
from oneiros.measure.probes import predictions
from oneiros.memory import MeanInput, RecentLatents
from oneiros.nets import VGG, Architecture, EquilibriumRNN, SmallConvNet
from oneiros.phases import EquilibriumWake, Nrem, Rem, Remember, SpikingSleep, Veridical
from oneiros.sleeper import (
    GenerativeReplay,
    LayerReplay,
    Mechanism,
    NoSleep,
    Rehearsal,
    SelectedLayerReplay,
    Sleeper,
    SpikeReplay,
)

PAGE = Path(__file__).parents[1] / "docs" / "compatibility.md"
BEGIN, END = "<!-- cells -->", "<!-- /cells -->"


class Resnet18(nn.Module):
    """Torchvision's, for one channel and small images: its first convolution does not halve them."""

    def __init__(self) -> None:
        super().__init__()
        self.net = resnet18(num_classes=10)
        self.net.conv1 = nn.Conv2d(1, 64, 3, padding=1, bias=False)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Scores."""
        return self.net(x)


@dataclass(frozen=True, kw_only=True, eq=False)
class Kind:
    """A kind of network, and how it learns by day."""

    build: Callable[[], nn.Module]
    layer: str  # where layer replay cuts it
    chain: tuple[str, ...]  # weights for spiking sleep
    lr: float = 2e-3
    epochs: int = 10


NETS = {
    "MLP": Kind(
        build=lambda: nn.Sequential(nn.Flatten(), nn.Linear(64, 256), nn.ReLU(), nn.Linear(256, 10)),
        layer="2", chain=("1.weight", "3.weight"),
    ),
    "conv net": Kind(build=lambda: SmallConvNet((1, 8, 8), 10), layer="layers.6", chain=("layers.7.weight",)),
    "VGG": Kind(
        build=lambda: VGG(
            Architecture(blocks=((16,), (32,)), head=(64,), size=8, dropout=0.0, mean=(0.5,), std=(0.5,)), 10
        ),
        layer="features.pool2", chain=("classifier.full1.weight", "classifier.scores.weight"), lr=1e-3,
    ),
    "equilibrium RNN": Kind(
        build=lambda: EquilibriumRNN((64, 256, 10)), layer="hidden", chain=("hidden.weight", "output.weight"), epochs=5
    ),
    "ResNet-18": Kind(build=Resnet18, layer="net.layer2", chain=("net.fc.weight",), lr=1e-3),
}  # fmt: skip

# Of the README's example: 64-256-10 by equilibrium propagation. Used for every chain of two.
SPIKES = {
    "steps": 260, "growth": 0.78, "rate": 1.0, "gains": (1.2, 60.0), "feedback": (1.0,), "inc": (1.2e-6, 3.8e-8),
    "dec": (3.8e-4, 4.2e-5),
}  # fmt: skip


def spikes(kind: Kind) -> SpikeReplay:
    """The constants above, cut to the length of the chain."""
    n = len(kind.chain)
    per_layer = {name: SPIKES[name][-n:] for name in ("gains", "inc", "dec")}
    return SpikeReplay(
        layers=kind.chain, steps=260, growth=0.78, rate=1.0, feedback=SPIKES["feedback"] if n == 2 else (), **per_layer
    )


MECHANISMS: dict[str, Callable[[Kind], Mechanism] | None] = {
    "generative replay": lambda kind: GenerativeReplay(hidden=(128,), latent=12, lr=2e-3, replayed=64),
    "category replay, imagined": lambda kind: LayerReplay(layer=kind.layer, replayed=300),
    "category replay, veridical": lambda kind: LayerReplay(layer=kind.layer, replayed=300, dreams=Veridical()),
    "category replay, selected": lambda kind: SelectedLayerReplay(
        replay=LayerReplay(layer=kind.layer, replayed=300, batch_size=10, lr=3e-4)
    ),
    "spiking sleep": spikes,
    "rehearsal": lambda kind: Rehearsal(per_class=20),
    "NREM": None,
    "REM": None,
}
DREAMS_OF = {"NREM": Nrem(), "REM": Rem()}


@cache
def final(mechanism: Mechanism, kind: Kind, seed: int) -> float:
    """Accuracy on all ten classes after five days."""
    digits = load("digits")
    with Seeds(seed).building("net"):
        net = kind.build()
    sleeper = Sleeper(net, mechanism, classes=10, seed=seed)
    days = [digits.train.of_classes((k, k + 1)).all() for k in range(0, 10, 2)]
    optimiser = torch.optim.Adam(net.parameters(), lr=kind.lr)
    for _ in sleeper.live([(d.x, d.y) for d in days], epochs=kind.epochs, batch_size=32, optimiser=optimiser):
        pass
    return score(net, digits)


def by_equilibrium(sleeps: bool, kind: Kind, seed: int) -> float:
    """The same with equilibrium propagation by day, for which spiking sleep's constants were chosen."""
    digits = load("digits")
    tasks = class_incremental(digits.train, digits.test, order=range(10), per_task=2, batch_size=16)
    with Seeds(seed).building("init"):
        net = EquilibriumRNN((64, 256, 10))
    groups = [{"params": net.hidden.parameters(), "lr": 0.1}, {"params": net.output.parameters(), "lr": 0.003}]
    brain = Brain(net=net, memory={"mean": MeanInput()}, optim={"wake": torch.optim.SGD(groups)})
    nights = (Night("task", (SpikingSleep(layers=kind.chain, **SPIKES),)),) if sleeps else ()
    day = (Remember(memory="mean"), EquilibriumWake())
    run_through(brain, tasks, Schedule(day=day, nights=nights, epochs=10), Seeds(seed))
    return score(net, digits)


def score(net: nn.Module, digits: Dataset) -> float:
    """Fraction of the test digits that are right."""
    test = digits.test.all()
    return float((predictions(net, test.x) == test.y).double().mean())


def refusal(mechanism: str, net: str) -> str:
    """The library's own words where it refuses at the first lesson or in the first night, else ""."""
    kind, make = NETS[net], MECHANISMS[mechanism]
    with Seeds(0).building("net"):
        built = kind.build()
    x, y = torch.rand(48, 1, 8, 8, generator=Seeds(0).rng("x")), torch.arange(48) % 2
    try:
        if make is None:
            DREAMS_OF[mechanism](Brain(net=built, memory={"latents": RecentLatents()}), Seeds(0).rng("night"))
        else:
            sleeper = Sleeper(built, make(kind), classes=10)
            sleeper.loss(x, y)
            sleeper.sleep()
    except (KeyError, TypeError, ValueError) as error:
        return str(error.args[0])
    return ""


def measure(mechanism: str, net: str, seeds: Sequence[int]) -> dict:
    """One cell: what it says, or accuracy with and without."""
    cell = {"mechanism": mechanism, "net": net}
    if reason := refusal(mechanism, net):
        return cell | {"refuses": reason}
    if not seeds:
        return cell
    kind, make = NETS[net], MECHANISMS[mechanism]
    assert make is not None  # those refuse everywhere
    if mechanism == "spiking sleep" and net == "equilibrium RNN":
        values = [[by_equilibrium(sleeps, kind, seed) for seed in seeds] for sleeps in (True, False)]
    else:
        values = [[final(each, kind, seed) for seed in seeds] for each in (make(kind), NoSleep())]
    return cell | {"with": round(mean(values[0]), 4), "without": round(mean(values[1]), 4), "seeds": len(seeds)}


def verdict(cell: dict) -> str:
    """What the table says of a cell. Helps: at least 5 points above the same network without."""
    if "refuses" in cell:
        return "refuses"
    if "with" not in cell:
        return "runs; not measured"
    change = f"{100 * cell['without']:.0f} → {100 * cell['with']:.0f} %"
    return f"helps: {change}" if cell["with"] >= cell["without"] + 0.05 else f"runs, no help: {change}"


def page(cells: list[dict]) -> str:
    """The table, the refusals in words, and the cells as they were measured."""
    at = {(cell["mechanism"], cell["net"]): verdict(cell) for cell in cells}
    lines = [f"| | {' | '.join(NETS)} |", f"|---|{'---|' * len(NETS)}"]
    lines += [f"| {m} | {' | '.join(at.get((m, n), 'not measured') for n in NETS)} |" for m in MECHANISMS]
    reasons: dict[str, list[str]] = {}
    for cell in cells:
        if "refuses" in cell:
            reasons.setdefault(cell["refuses"], []).append(f"{cell['mechanism']} with {cell['net']}")
    said = [f"- {'; '.join(who)}: “{what}”" for what, who in reasons.items()]
    raw = ["<!--", *(json.dumps(cell) for cell in cells), "-->"]
    return "\n".join([*lines, "", "What a refusal says:", "", *said, "", *raw])


def cells_of(text: str) -> list[dict]:
    """The cells that a page holds."""
    return [json.loads(line) for line in text.splitlines() if line.startswith('{"mechanism"')]


def main(arguments: Sequence[str] | None = None) -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", choices=("write", "cell"))
    parser.add_argument("which", nargs="*", help="mechanism and network of the cell")
    parser.add_argument("--seeds", type=int, default=1, help="0: find out what runs and what refuses, no more")
    asked = parser.parse_args(arguments)
    torch.set_num_threads(1)
    if asked.what == "cell":
        sys.stdout.write(json.dumps(measure(*asked.which, range(asked.seeds))) + "\n")
        return
    text = PAGE.read_text(encoding="utf-8")
    before, after = text.partition(BEGIN)[0], text.partition(END)[2]
    cells = cells_of(text)  # what is there already is not measured again: delete a cell's line to have it anew
    done = {(cell["mechanism"], cell["net"]) for cell in cells}
    order = [(m, n) for m in MECHANISMS for n in NETS]
    for net, mechanism in ((n, m) for n in NETS for m in MECHANISMS if (m, n) not in done):
        cells.append(measure(mechanism, net, range(asked.seeds)))
        sys.stderr.write(f"{cells[-1]}\n")
        cells.sort(key=lambda cell: order.index((cell["mechanism"], cell["net"])))
        PAGE.write_text(f"{before}{BEGIN}\n{page(cells)}\n{END}{after}", encoding="utf-8")
