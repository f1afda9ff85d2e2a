"""What the demo looks at beside its runs: one night of the sleeping network, dreams, and a night that is solved."""

from pathlib import Path

import numpy as np
import pandas as pd
import torch
from torch import Tensor, nn

from oneiros.core import Brain, Seeds
from oneiros.data import load
from oneiros.data.streams import class_incremental
from oneiros.data.streams.task import ExampleTask
from oneiros.life import Night, Schedule, live, run_through
from oneiros.measure.probes import accuracy, predictions
from oneiros.memory import FrozenScholar, Moments
from oneiros.nets import ClassVAE, Perceptron, RandomFeatures, Scholar
from oneiros.papers.kubo2025.experiments import DIGITS as SLEEPING_DIGITS
from oneiros.phases import (
    Accumulate,
    ExactNight,
    FreshOptimisers,
    LearnClassVAE,
    ScholarWake,
    SnapshotTeacher,
    SpikingSleep,
)
from oneiros.report import read_findings
from oneiros.report.figures import DPI
from oneiros.report.night import NIGHT, NightShown, night_figure, save_night
from oneiros.report.valid_rows import values_by_seed
from oneiros.runs.experiment import BuildRequest

CLASSES = tuple(range(10))
# What the demo's conditions are called in the figure.
NIGHTS = {
    "sequential": "no sleep", "src": "spiking sleep", "rehearsal": "rehearsal of 2 %",
    "src_rehearsal": "sleep and rehearsal",
}  # fmt: skip


def _stream() -> tuple[ExampleTask, ...]:
    digits = load("digits")
    return class_incremental(digits.train, digits.test, order=CLASSES, per_task=2, batch_size=16)


def _score(net: nn.Module) -> float:
    test = load("digits").test.all()
    return 100 * accuracy(predictions(net, test.x), test.targets(), CLASSES)


def dreamer() -> Scholar:
    """A solver that learned all digits, two a day, beside the dreams of a generator (Shin et al. 2017)."""
    with Seeds(0).building("init"):
        net = Scholar(ClassVAE((1, 8, 8), classes=10, hidden=(128,), latent=12), Perceptron((64, 128, 10)))
    optim: dict[str, torch.optim.Optimizer] = {
        part: torch.optim.Adam(getattr(net, part).parameters(), lr=2e-3) for part in ("solver", "generator")
    }
    brain = Brain(net=net, memory={"scholar": FrozenScholar(net)}, optim=optim)
    night = Night("task", (SnapshotTeacher(), FreshOptimisers(optim=("solver", "generator"))))
    schedule = Schedule(day=(ScholarWake(), LearnClassVAE()), nights=(night,), epochs=15)
    run_through(brain, _stream(), schedule, Seeds(0))
    return net


def solver() -> nn.Module:
    """A head over fixed random features, solved every night from sums (linear discriminant analysis)."""
    features = RandomFeatures(64, 500, Seeds(0).rng("features"))
    with Seeds(0).building("init"):
        net = nn.Sequential(features, nn.Linear(500, 10))
    brain = Brain(net=net, memory={"moments": Moments()})
    schedule = Schedule(day=(Accumulate(location="0"),), nights=(Night("task", (ExactNight(into="1"),)),))
    run_through(brain, _stream(), schedule, Seeds(0))
    return net


def last_night(seed: int = 0) -> tuple[list[Tensor], Tensor, Tensor, tuple[int, ...]]:
    """The demo's network on its last evening.

    Returns:
        who fires in the coming night, output weights before it and after it, and the classes learned today.
    """
    asked = BuildRequest(config=SLEEPING_DIGITS.scales["quick"], condition="src", seed=seed, data=None, device="cpu")
    life = SLEEPING_DIGITS.build(asked)
    sleep = next(p for night in life.schedule.nights for p in night.phases if isinstance(p, SpikingSleep))
    for event in live(life.brain, life.tasks, life.schedule, life.seeds):
        if event.kind == "dusk" and event.task == len(life.tasks) - 1:
            break
    before = dict(life.brain.net.named_parameters())["output.weight"].detach().clone()
    spikes, after = sleep.record(life.brain, life.seeds.rng("shown"))
    return spikes, before, after[-1], life.tasks[-1].classes


def look_at_night(out: Path) -> None:
    """Keep the demo's last night in its folder: `night.npz`, which its page draws, and `night.png`."""
    shown = night_of(read_findings(out).rows)
    save_night(shown, out / NIGHT)
    draw_night(shown, out / "night.png")


def night_of(rows: pd.DataFrame) -> NightShown:
    """The last night, dreams and what is remembered.

    Args:
        rows: of the demo's runs.
    """
    final = {name: values_by_seed(rows[rows["condition"] == name], "final_accuracy")["value"] for name in NIGHTS}
    remembered = {words: 100 * float(final[name].mean()) for name, words in NIGHTS.items() if len(final[name])}
    spikes, before, after, today = last_night()
    scholar, solved = dreamer(), solver()
    test = load("digits").test.all()
    first = [int((test.targets() == label).nonzero()[0]) for label in CLASSES]
    dreams = scholar.generator.sample(10, Seeds(0).rng("dreams"), torch.arange(10)).x
    return NightShown(
        spikes=[layer.numpy() for layer in spikes],
        before=before.numpy(), after=after.numpy(), today=today,
        digits=_pictures(test.x[first]), dreams=_pictures(dreams),
        remembered=remembered | {"generative replay": _score(scholar), "exact night": _score(solved)},
    )  # fmt: skip


def draw_night(shown: NightShown, path: Path) -> None:
    """As the PNG file `path`."""
    path.parent.mkdir(parents=True, exist_ok=True)
    night_figure(shown).savefig(path, dpi=DPI, metadata={"Software": None})


def _pictures(x: Tensor) -> np.ndarray:
    return x.detach().reshape(len(x), 8, 8).numpy()
