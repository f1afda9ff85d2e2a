"""Deperrois et al. 2022: wake-sleep cycles that shape an encoder and a generator without labels.

Read from the bottom: `Dreaming.build` assembles data, network, memory, schedule and measurements.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import NamedTuple

import torch

from oneiros.core import Brain, DayPhase, NightPhase, Seeds
from oneiros.data import Dataset, Examples, load
from oneiros.data.files import data_root
from oneiros.data.streams import CentredTask, joint, subsample, train_val_split
from oneiros.life import Night, Schedule
from oneiros.measure.probes.dreaming import Nights
from oneiros.memory.recent_latents import RecentLatents
from oneiros.nets.dreaming import DreamingNet
from oneiros.nets.extractors import EXTRACTORS
from oneiros.papers.deperrois2022.config import Config
from oneiros.papers.deperrois2022.measure import Observer
from oneiros.phases import DreamingWake, ForgetLatents, LatentMix, Nrem, Rem, ZeroGradStep
from oneiros.runs.drawing import Drawing, drawings_in
from oneiros.runs.experiment import BuildRequest, Life


class Cycle(NamedTuple):
    """One wake-sleep cycle: what a condition does with each mini-batch. A phase that is off is absent."""

    wake: DreamingWake | None
    night: tuple[NightPhase, ...] = ()


def cycles(config: Config) -> dict[str, Cycle]:
    """The conditions of the paper, then ours.

    Without REM nothing poses the discriminator's second target, so Wake's "real" loss goes with it (authors' code),
    Wake gets noise, and NREM counts half (paper, "Modifications specific to pathological models").
    """
    wake, nrem = DreamingWake(), Nrem()
    mixed = LatentMix(memories=config.memories, newest=config.newest)
    rem = Rem(replay=mixed)
    alone = DreamingWake(losses=("image", "kl"), noise=config.noise_without_rem)
    # What optimisers before torch 2 did besides: parameters that a phase's loss does not reach drift on.
    idle_judge, idle_latent = (
        ZeroGradStep(parameters=("encoder.judge.",)),
        ZeroGradStep(parameters=("encoder.latent.",)),
    )
    return {
        "pad": Cycle(wake, (nrem, rem)),
        "without_memory_mix": Cycle(wake, (nrem, Rem(replay=LatentMix()))),
        "without_rem": Cycle(alone, (Nrem(weight=config.nrem_weight_without_rem),)),
        "without_nrem": Cycle(wake, (rem,)),
        "wake_only": Cycle(alone),
        "rem_before_nrem": Cycle(wake, (rem, nrem)),
        "rem_from_noise": Cycle(wake, (nrem, Rem(replay=LatentMix(memories=0.0)))),
        "rem_from_memories": Cycle(wake, (nrem, Rem(replay=LatentMix(newest=config.newest)))),
        "nrem_mixed": Cycle(wake, (Nrem(replay=mixed), rem)),
        "untrained": Cycle(None),
        "pad_phantom_steps": Cycle(wake, (nrem, idle_judge, rem, idle_latent)),
        # There, even the absent NREM stepped: on momentum, with all of the encoder.
        "without_nrem_phantom_steps": Cycle(wake, (ZeroGradStep(parameters=("encoder.",)), rem, idle_latent)),
    }


CONDITIONS = (
    "pad", "without_memory_mix", "without_rem", "without_nrem", "wake_only", "rem_before_nrem", "rem_from_noise",
    "rem_from_memories", "nrem_mixed", "untrained", "pad_phantom_steps", "without_nrem_phantom_steps",
)  # fmt: skip


def dreamed(config: Config, cycle: Cycle) -> Nights:
    """What the cycle's own NREM and REM dream of; the paper's mixtures stand for a sleep that it lacks."""
    single, mixed = LatentMix(), LatentMix(memories=config.memories, newest=config.newest)
    nrem = next((phase.replay for phase in cycle.night if isinstance(phase, Nrem)), single)
    rem = next((phase.replay for phase in cycle.night if isinstance(phase, Rem)), mixed)
    return Nights(nrem=nrem.mixed, rem=rem.mixed)


def schedule(config: Config, cycle: Cycle) -> Schedule:
    """The cycle, batch after batch, for as many epochs as configured; the untrained network lives one, untouched."""
    if cycle.wake is None:
        return Schedule(day=())
    day: tuple[DayPhase, ...] = (cycle.wake,)
    nights = (Night("batch", cycle.night), Night("epoch", (ForgetLatents(),)))
    return Schedule(day=day, nights=nights if cycle.night else (), epochs=config.epochs)


def lessons(config: Config, data: Dataset, seeds: Seeds) -> tuple[Examples, Examples]:
    """Images to learn from and to be tested on; the split and the test images are the same for every seed."""
    train, test = data.train, data.test
    if config.evaluate_on == "validation":
        train, test = train_val_split(train, fraction=config.validation, rng=Seeds(0).rng("validation"))
    if config.examples:
        train = subsample(train, limit=config.examples, rng=seeds.rng("thin"))
    if config.test_examples:
        test = subsample(test, limit=config.test_examples, rng=Seeds(0).rng("thin-test"))
    return train, test


def build_brain(config: Config, seeds: Seeds, device: str) -> Brain:
    """An untaught brain with one optimiser for each pathway."""
    with seeds.building("init"):
        net = DreamingNet(channels=config.channels, latents=config.latents).to(device)

    def adam(part: torch.nn.Module) -> torch.optim.Optimizer:
        betas = (config.beta1, config.beta2)
        return torch.optim.Adam(part.parameters(), lr=config.learning_rate, betas=betas, fused=True)

    optim = {"encoder": adam(net.encoder), "generator": adam(net.generator)}
    return Brain(net=net, memory={"latents": RecentLatents()}, optim=optim)


@dataclass(frozen=True, kw_only=True)
class Dreaming:
    """`oneiros run deperrois2022/NAME`: every condition of the paper on one data set."""

    name: str
    scales: Mapping[str, Config]
    paper: str = "deperrois2022"
    conditions: tuple[str, ...] = CONDITIONS

    def drawings(self) -> tuple[Drawing, ...]:
        """The paper's own figures."""
        return drawings_in("oneiros.papers.deperrois2022.figures", self.name)

    def build(self, what: BuildRequest) -> Life:
        """One run, ready to live."""
        config: Config = what.config
        seeds = Seeds(what.seed)
        extractor = EXTRACTORS[config.extractor](what.data or data_root()).to(what.device)
        data = load(config.data, root=what.data, device=what.device)
        train, test = lessons(config, data, seeds)
        task = CentredTask(inner=joint(train, test, batch_size=config.batch_size))
        brain = build_brain(config, seeds, what.device)
        cycle = cycles(config)[what.condition]
        planned = schedule(config, cycle)
        observer = Observer(
            brain=brain, config=config, seeds=seeds, train=train, test=test, batches=len(task), extractor=extractor,
            epochs=planned.epochs, nights=dreamed(config, cycle),
        )  # fmt: skip
        return Life(
            brain=brain,
            tasks=(task,),
            schedule=planned,
            seeds=Seeds(what.seed, what.device),
            order=task.name,
            measure=observer.measure,
            draw=observer.draw,
            checksums=data.checksums,
            tallies=observer.sums,
        )
