"""Shin et al. 2017: scholars that learn task after task from today and from their predecessor's dreams.

Read from the bottom: `ScholarExperiment.build` assembles lessons, scholar, memory, schedule and measurements.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Literal, NamedTuple

import torch
from torch import nn

from oneiros.core import Brain, DayPhase, Memory, NightPhase, Seeds
from oneiros.equations.scholar import Ratio
from oneiros.life import Night, Schedule
from oneiros.memory.frozen_scholar import FrozenScholar
from oneiros.memory.past_lessons import PastLessons
from oneiros.nets.layers import MultiHead, Perceptron, SmallConvNet, small_convolutions
from oneiros.nets.noise import GaussianNoise
from oneiros.nets.scholar import Scholar, Succession
from oneiros.nets.vae import VAE, ClassVAE
from oneiros.nets.wgan import WGAN
from oneiros.papers.shin2017 import lessons as days
from oneiros.papers.shin2017.config import SCALES, Config
from oneiros.papers.shin2017.lessons import Lessons
from oneiros.papers.shin2017.measure import measurements, pictures
from oneiros.phases.around.interleave import Interleave
from oneiros.phases.around.repeated import Repeated
from oneiros.phases.bookkeeping.anneal import Anneal
from oneiros.phases.bookkeeping.handover import FreshOptimisers, Reinitialise, SnapshotTeacher, Succeed
from oneiros.phases.bookkeeping.remember import Remember
from oneiros.phases.losses import HardTargets, SoftTargets
from oneiros.phases.wake.backprop_wake import BackpropWake
from oneiros.phases.wake.learn_class_vae import LearnClassVAE
from oneiros.phases.wake.learn_vae import LearnVAE
from oneiros.phases.wake.learn_wgan import LearnWGAN
from oneiros.phases.wake.learning_without_forgetting import DreamtInputs, LearnWithoutForgetting, TodaysInputs
from oneiros.phases.wake.scholar_wake import ScholarWake
from oneiros.runs.drawing import Drawing, drawings_in
from oneiros.runs.experiment import BuildRequest, Life


class Strategy(NamedTuple):
    """What a condition consists of. The paper's None replays nothing and has neither generator nor memory."""

    generator: Literal["class_vae", "vae", "wgan", "noise", ""] = ""
    exact: bool = False  # replays real examples (ER)
    hard: bool = False  # hard targets for what is replayed, else soft
    balanced: bool = True
    fresh: bool = False  # the generator starts anew each day, else goes on from where it was
    joint: bool = False
    lwf: Literal["today", "dreams", ""] = ""
    heirs: tuple[Literal["perceptron", "convolutional"], ...] = ()  # architectures of the chain's solvers, in turn


STRATEGIES = {
    "gr": Strategy("class_vae"),
    # The paper's generator, and a plain VAE. Their dreams are poorer, and poor dreams teach better by decisions.
    "gr_wgan": Strategy("wgan", hard=True),
    "gr_vae": Strategy("vae", hard=True),
    "gr_vae_unbalanced": Strategy("vae", hard=True, balanced=False),
    "gr_hard": Strategy("class_vae", hard=True),
    "gr_fresh": Strategy("class_vae", fresh=True),
    "er": Strategy(exact=True),
    "noise": Strategy("noise"),
    "none": Strategy(),
    "joint": Strategy(joint=True),
    "chain": Strategy("class_vae", fresh=True, heirs=("convolutional",)),
    "chain_mixed": Strategy("class_vae", fresh=True, heirs=("convolutional", "perceptron")),
    "chain_wgan": Strategy("wgan", fresh=True, heirs=("convolutional",)),
    "lwf": Strategy("noise", lwf="today"),
    "lwf_gr": Strategy("class_vae", lwf="dreams"),
    "lwf_gr_wgan": Strategy("wgan", lwf="dreams"),
}
SEQUENCES = ("gr", "gr_wgan", "gr_vae", "er", "noise", "none", "joint")


def build_brain(config: Config, strategy: Strategy, lessons: Lessons, device: str, seeds: Seeds) -> Brain:
    """An untaught scholar (or a bare solver where nothing dreams), its memory and optimisers."""
    pixels = torch.Size(lessons.shape).numel()
    with seeds.building("solver"):
        solver = _solver(config, strategy, lessons, pixels)
    net: nn.Module = solver
    if strategy.generator:
        with seeds.building("generator"):
            net = Scholar(_generator(config, strategy, lessons), solver)
    net = net.to(device)
    memory: dict[str, Memory] = {}
    if isinstance(net, Scholar):
        memory["scholar"] = FrozenScholar(net, balanced=strategy.balanced)
    if strategy.exact:
        memory["scholar"] = PastLessons(net, a_day=len(lessons.tasks[0]) * config.batch_size)
    return Brain(net=net, memory=memory, optim=_optimisers(config, strategy, net))


def _solver(config: Config, strategy: Strategy, lessons: Lessons, pixels: int) -> nn.Module:
    if lessons.heads[0]:
        trunk, features = small_convolutions(lessons.shape, config.width)
        return MultiHead(trunk, features, [len(head) for head in lessons.heads])
    sizes = (pixels, *config.hidden, lessons.classes)
    if not strategy.heirs:
        return SmallConvNet(lessons.shape, lessons.classes, config.width) if config.width else Perceptron(sizes)
    kinds = [strategy.heirs[k % len(strategy.heirs)] for k in range(len(lessons.tasks))]
    return Succession(
        Perceptron(sizes) if kind == "perceptron" else SmallConvNet(lessons.shape, lessons.classes) for kind in kinds
    )


def _generator(config: Config, strategy: Strategy, lessons: Lessons) -> nn.Module:
    match strategy.generator:
        case "class_vae":
            mine = config.class_vae
            return ClassVAE(
                lessons.shape, classes=lessons.classes, groups=lessons.groups, hidden=mine.hidden, latent=mine.latent,
                grain=mine.grain,
            )  # fmt: skip
        case "vae":
            return VAE(lessons.shape, hidden=config.vae.hidden, latent=config.vae.latent)
        case "wgan":
            mine = config.wgan
            return WGAN(lessons.shape, latent=mine.latent, width=mine.width, convolutional=lessons.neighbours)
        case _:
            return GaussianNoise(lessons.shape)


def _optimisers(config: Config, strategy: Strategy, net: nn.Module) -> dict[str, torch.optim.Optimizer]:
    def adam(parameters, lr: float, betas: tuple[float, float] = (0.9, 0.999)) -> torch.optim.Optimizer:
        return torch.optim.Adam(parameters, lr=lr, betas=betas, fused=True)

    solver = net.solver if isinstance(net, Scholar) else net
    if isinstance(solver, MultiHead) and strategy.lwf:
        optim = {
            "trunk": adam(solver.trunk.parameters(), config.lr),
            "heads": adam(solver.heads.parameters(), config.lr),
        }
    else:
        optim = {"solver": adam(solver.parameters(), config.lr)}
    generator = net.generator if isinstance(net, Scholar) else None
    if isinstance(generator, WGAN):
        betas = (config.wgan.beta1, config.wgan.beta2)
        optim["generator"] = adam(generator.painter.parameters(), config.wgan.lr, betas)
        optim["critic"] = adam(generator.critic.parameters(), config.wgan.lr, betas)
    elif isinstance(generator, VAE | ClassVAE):
        lr = config.vae.lr if isinstance(generator, VAE) else config.class_vae.lr
        optim["generator"] = adam(generator.parameters(), lr)
    return optim


def schedule(config: Config, strategy: Strategy, lessons: Lessons, optim: tuple[str, ...]) -> Schedule:
    """Days and nights of a condition; what it leaves out is absent."""
    ratio: Ratio = "1/i" if config.ratio == "1/i" else float(config.ratio)
    day = (
        Anneal(optim=optim),
        *_solver_days(config, strategy, ratio),
        *_generator_days(config, strategy, lessons, ratio),
    )
    night: tuple[NightPhase, ...] = (FreshOptimisers(optim=optim),)
    if strategy.generator or strategy.exact:
        night = (SnapshotTeacher(), *night)
    if strategy.heirs:
        night = (*night, Succeed())
    if strategy.fresh:
        night = (*night, Reinitialise(part="generator"))
    return Schedule(day=day, nights=(Night("task", night),), epochs=config.epochs)


def _solver_days(config: Config, strategy: Strategy, ratio: Ratio) -> tuple[DayPhase, ...]:
    if strategy.lwf:
        inputs = TodaysInputs() if strategy.lwf == "today" else DreamtInputs(config.batch_size)
        return (LearnWithoutForgetting(inputs=inputs, warm_up=config.warm_up, temperature=config.temperature),)
    if not (strategy.generator or strategy.exact):
        return (BackpropWake(optim="solver"),)
    targets = HardTargets() if strategy.hard else SoftTargets(config.temperature)
    # A bare solver has no part called "solver": all of it moves.
    changes = ("",) if strategy.exact else ("solver.",)
    wake = ScholarWake(ratio=ratio, replayed=config.replayed, targets=targets, changes=changes)
    return (wake, Remember(memory="scholar")) if strategy.exact else (wake,)


def _generator_days(config: Config, strategy: Strategy, lessons: Lessons, ratio: Ratio) -> tuple[DayPhase, ...]:
    match strategy.generator:
        case "class_vae":
            mine = config.class_vae
            learn = LearnClassVAE(beta=mine.beta, ratio=ratio, replayed=mine.replayed, grouped=lessons.groups > 1)
            return (learn,)
        case "vae":
            return (Interleave(inner=LearnVAE(beta=config.vae.beta), ratio=ratio, replayed=config.vae.replayed),)
        case "wgan":
            mine = config.wgan
            learn = LearnWGAN(penalty=mine.penalty, critic_steps=mine.critic_steps, lazy=mine.lazy)
            interleaved = Interleave(inner=learn, ratio=ratio, replayed=mine.replayed)
            return (interleaved if config.gan_steps == 1 else Repeated(inner=interleaved, times=config.gan_steps),)
        case _:
            return ()


@dataclass(frozen=True, kw_only=True)
class ScholarExperiment:
    """`oneiros run shin2017/NAME`."""

    name: str
    scales: Mapping[str, Config]
    lessons: Callable[[BuildRequest], Lessons]
    conditions: tuple[str, ...] = SEQUENCES
    paper: str = "shin2017"

    def drawings(self) -> tuple[Drawing, ...]:
        """The paper's own figures."""
        return drawings_in("oneiros.papers.shin2017.figures", self.name)

    def build(self, what: BuildRequest) -> Life:
        """One run, ready to live."""
        config: Config = what.config
        strategy, lessons = STRATEGIES[what.condition], self.lessons(what)
        if strategy.joint:
            lessons = days.all_at_once(lessons, config.batch_size)
        brain = build_brain(config, strategy, lessons, what.device, Seeds(what.seed))
        planned = schedule(config, strategy, lessons, tuple(brain.optim))
        return Life(
            brain=brain,
            tasks=lessons.tasks,
            schedule=planned,
            seeds=Seeds(what.seed, what.device),
            order=lessons.order,
            measure=measurements(config, brain, lessons, planned, Seeds(what.seed, what.device)),
            draw=pictures(config, brain, lessons, Seeds(what.seed, what.device)),
            checksums=lessons.checksums,
            note=lessons.note,
        )


CLASSES = ScholarExperiment(
    name="classes",
    scales=SCALES["classes"],
    lessons=days.new_classes,
    conditions=(*SEQUENCES, "gr_vae_unbalanced", "gr_hard", "gr_fresh"),
)
PERMUTED = ScholarExperiment(
    name="permuted",
    scales=SCALES["permuted"],
    lessons=days.permutations,
)
DOMAINS = ScholarExperiment(
    name="domains",
    scales=SCALES["domains"],
    lessons=days.two_domains,
)
DOMAINS_BACK = replace(
    DOMAINS,
    name="domains-back",
    scales=SCALES["domains-back"],
)
LWF = ScholarExperiment(
    name="lwf",
    scales=SCALES["lwf"],
    lessons=days.two_heads,
    conditions=("lwf", "lwf_gr", "lwf_gr_wgan"),
)
LWF_BACK = replace(
    LWF,
    name="lwf-back",
    scales=SCALES["lwf-back"],
)
CHAIN = ScholarExperiment(
    name="chain",
    scales=SCALES["chain"],
    lessons=days.generations,
    conditions=("chain", "chain_mixed", "chain_wgan"),
)
