"""One contract for every phase. A new phase is tested by adding one line to `CASES`."""

import copy
import inspect
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

import pytest
import torch
from torch import nn

from oneiros.brain_state import BrainState, brain_state, restore_brain
from oneiros.core import Batch, Brain, DayPhase, NightPhase, Seeds
from oneiros.equations.gaussian import rectified
from oneiros.life import Cursor
from oneiros.memory.anchor import Anchor
from oneiros.memory.class_activations import ClassActivations
from oneiros.memory.dreams import Dreams
from oneiros.memory.evidence import Evidence
from oneiros.memory.exemplars import Exemplars
from oneiros.memory.frozen_scholar import FrozenScholar
from oneiros.memory.held_out import HeldOut
from oneiros.memory.images import Images
from oneiros.memory.mean_input import MeanInput
from oneiros.memory.moments import ClassMoments, Moments
from oneiros.memory.projector import Projector
from oneiros.memory.recent_latents import RecentLatents
from oneiros.memory.selector import Selector
from oneiros.memory.waiting import SeenToday, Waiting
from oneiros.nets import (
    VGG,
    Architecture,
    DropoutPerceptron,
    RecurrentNet,
    cut,
    names_above,
)
from oneiros.nets.candidates import Candidates, FrozenBody, Standardised
from oneiros.nets.dreaming import DreamingNet
from oneiros.nets.equilibrium import EquilibriumRNN
from oneiros.nets.features import GaussianHead
from oneiros.nets.layers import MultiHead, Perceptron
from oneiros.nets.moving import MovingFeatures
from oneiros.nets.patch_front import PatchFront
from oneiros.nets.scholar import Scholar, Succession
from oneiros.nets.vae import VAE, ClassVAE
from oneiros.nets.wgan import WGAN
from oneiros.phases import (
    AnchorWeights,
    Augment,
    Away,
    CategoryReplay,
    ConvergentWake,
    CrossEntropy,
    EarlyNights,
    ElasticPenalty,
    Encode,
    Imagined,
    OrthogonalWake,
    Repeated,
    SealProjectors,
    SelectedReplay,
    Veridical,
    VisualWake,
)
from oneiros.phases.around.interleave import Interleave
from oneiros.phases.around.once_a_day import NewDay, OnceADay
from oneiros.phases.around.part_of_night import RowLengthsOnly, RowMeansOnly
from oneiros.phases.around.rehearse import Rehearse
from oneiros.phases.around.scaled_to_data import ScaledToData
from oneiros.phases.bookkeeping.accumulate import Accumulate
from oneiros.phases.bookkeeping.anneal import Anneal
from oneiros.phases.bookkeeping.encode import EncodeBeside, FreezeBelow
from oneiros.phases.bookkeeping.forget import ForgetLatents
from oneiros.phases.bookkeeping.gather import Gather, sums
from oneiros.phases.bookkeeping.handover import (
    FreshOptimisers,
    Reinitialise,
    SnapshotTeacher,
    Succeed,
)
from oneiros.phases.bookkeeping.learn_front import AccumulateBehindFront, LearnFront
from oneiros.phases.bookkeeping.remember import Remember, SealExemplars
from oneiros.phases.losses import HardTargets
from oneiros.phases.night.choose import Choose
from oneiros.phases.night.compensate_drift import CompensateDrift
from oneiros.phases.night.exact_heads import ClassMeans, Fecam, Gaussians, Ridge
from oneiros.phases.night.exact_night import ExactNight
from oneiros.phases.night.latent_mix import LatentMix
from oneiros.phases.night.nrem import Nrem
from oneiros.phases.night.rem import Rem
from oneiros.phases.night.spiking_sleep import SpikingSleep
from oneiros.phases.night.zero_grad_step import ZeroGradStep
from oneiros.phases.optim import TensorFlowAdam
from oneiros.phases.wake.backprop_wake import BackpropWake
from oneiros.phases.wake.dreaming_wake import DreamingWake
from oneiros.phases.wake.equilibrium_wake import EquilibriumWake
from oneiros.phases.wake.learn_class_vae import LearnClassVAE
from oneiros.phases.wake.learn_vae import LearnVAE
from oneiros.phases.wake.learn_wgan import LearnWGAN
from oneiros.phases.wake.learning_without_forgetting import DreamtInputs, LearnWithoutForgetting, TodaysInputs
from oneiros.phases.wake.rectified_wake import RectifiedWake
from oneiros.phases.wake.scholar_wake import ScholarWake
from oneiros.runs.store.checkpoint import load_brain, save_brain

VISUAL_LESSON = Batch(
    x=torch.rand(12, 3, 8, 8, generator=torch.Generator().manual_seed(0)),
    y=torch.arange(12) % 3,
)
LESSON = Batch(
    x=torch.rand(12, 6, generator=torch.Generator().manual_seed(0)),
    y=torch.arange(12) % 3,
)


def equilibrium_brain() -> Brain:
    """A small brain that has lived one day: both memories hold something, exemplars sealed."""
    with Seeds(0).building("init"):
        net = EquilibriumRNN((6, 8, 3))
    mean, exemplars = MeanInput(), Exemplars(per_class=2)
    rng = torch.Generator().manual_seed(1)
    mean.store(LESSON, rng)
    exemplars.store(LESSON, rng)
    exemplars.seal()
    optim = torch.optim.SGD(net.parameters(), lr=0.1, momentum=0.5)
    return Brain(net=net, memory={"mean": mean, "exemplars": exemplars}, optim={"wake": optim})


def projecting_brain() -> Brain:
    """A perceptron that has lived one day of orthogonal weight modification and begun another."""
    with Seeds(0).building("init"):
        net = Perceptron((6, 8, 3))
    brain = Brain(
        net=net,
        memory={"one": Projector(0.1), "two": Projector(0.1)},
        optim={"wake": torch.optim.SGD(net.parameters(), lr=0.1)},
    )
    for _ in range(2):
        SealProjectors(memories=("one", "two"))(brain, Seeds(0).rng("night"))
        OrthogonalWake(memories=("one", "two"))(brain, LESSON, Seeds(0).rng("day"))
    return brain


def recurrent_brain() -> Brain:
    """The same with recurrence in its hidden layer."""
    with Seeds(0).building("init"):
        net = RecurrentNet((6, 8, 3))
    mean = MeanInput()
    mean.store(LESSON, torch.Generator().manual_seed(1))
    return Brain(net=net, memory={"mean": mean}, optim={"wake": torch.optim.SGD(net.parameters(), lr=0.1)})


GREY = Batch(
    x=torch.rand(12, 1, 4, 4, generator=torch.Generator().manual_seed(0)),
    y=torch.arange(12) % 3,
)
THINNED = ("layers.0.weight", "layers.4.weight")


def thinned_brain() -> Brain:
    """A perceptron with dropout that has lived one day: it remembers the mean image and every image."""
    with Seeds(0).building("init"):
        net = DropoutPerceptron((16, 8, 3), dropout=0.25, span=0.5)
    mean, seen, rng = MeanInput(), Images(), torch.Generator().manual_seed(1)
    mean.store(GREY, rng)
    seen.store(GREY, rng)
    optim = torch.optim.SGD(net.parameters(), lr=0.1, momentum=0.5)
    return Brain(net=net, memory={"mean": mean, "seen": seen}, optim={"wake": optim})


LEARN = {VAE: LearnVAE(), ClassVAE: LearnClassVAE(replayed=6), WGAN: LearnWGAN(critic_steps=1)}


def scholar_brain(generator: type[nn.Module] = VAE, solver: Callable[[], nn.Module] | None = None) -> Brain:
    """A small scholar that has lived one day and one night: its generator is trained, its frozen copy in memory."""
    build: dict[type[nn.Module], Callable[[], nn.Module]] = {
        VAE: lambda: VAE((1, 4, 4), hidden=(5,), latent=2),
        ClassVAE: lambda: ClassVAE((1, 4, 4), classes=3, hidden=(5,), latent=2),
        WGAN: lambda: WGAN((1, 4, 4), latent=2, width=2),
    }
    with Seeds(0).building("init"):
        net = Scholar(build[generator](), (solver or (lambda: Perceptron((16, 5, 3))))())
    parts = {"solver": net.solver, "generator": net.generator}
    if isinstance(net.generator, WGAN):
        parts |= {"generator": net.generator.painter, "critic": net.generator.critic}
    if isinstance(net.solver, MultiHead):
        parts |= {"trunk": net.solver.trunk, "heads": net.solver.heads}
    optim: dict[str, torch.optim.Optimizer] = {
        name: torch.optim.Adam(part.parameters(), lr=0.01) for name, part in parts.items()
    }
    brain = Brain(net=net, memory={"scholar": FrozenScholar(net)}, optim=optim)
    LEARN[generator](brain, GREY, Seeds(0).rng("day"))
    SnapshotTeacher()(brain, Seeds(0).rng("night"))
    LEARN[generator](brain, GREY, Seeds(0).rng("another day"))
    brain.age, brain.hour = 1, 0.8
    return brain


def heirs() -> nn.Module:
    return Succession([Perceptron((16, 3)), Perceptron((16, 4, 3))])


def two_heads() -> nn.Module:
    return MultiHead(nn.Sequential(nn.Flatten(), nn.Linear(16, 5), nn.ReLU()), 5, (3, 3))


IMAGES = Batch(x=torch.rand(8, 3, 32, 32, generator=torch.Generator().manual_seed(0)) * 2 - 1)


def dreaming_brain() -> Brain:
    """A small encoder and generator that have lived two wake batches: momentum in Adam, both batches remembered."""
    with Seeds(0).building("init"):
        net = DreamingNet(channels=4, latents=6)
    parts = {"encoder": net.encoder, "generator": net.generator}
    optim: dict[str, torch.optim.Optimizer] = {
        name: torch.optim.Adam(part.parameters(), lr=1e-3, fused=True) for name, part in parts.items()
    }
    brain = Brain(net=net, memory={"latents": RecentLatents()}, optim=optim)
    for step in range(2):
        DreamingWake()(brain, IMAGES, Seeds(0).rng("wake", step))
    return brain


@dataclass(frozen=True)
class Case:
    phase: DayPhase | NightPhase
    brain: Callable[[], Brain] = equilibrium_brain
    lesson: Batch = LESSON


def scholarly(phase: DayPhase | NightPhase, **brain) -> Case:
    second = replace(GREY, y=GREY.targets() + 3) if brain.get("solver") is two_heads else GREY
    return Case(phase, lambda: scholar_brain(**brain), second)


def dreaming(phase: DayPhase | NightPhase) -> Case:
    return Case(phase, dreaming_brain, IMAGES)


def ventral_brain() -> Brain:
    """A small VGG at the end of a day: today's images, activations of three classes, held-out images, a selector."""
    with Seeds(0).building("init"):
        net = VGG(Architecture(blocks=((3,), (4,)), head=(6,), size=8), 3)
    rng = torch.Generator().manual_seed(1)
    today, validation, activations, selector = Images(), Images(), ClassActivations(), Selector(3, fits=2)
    lesson = VISUAL_LESSON
    today.store(lesson, rng)
    validation.store(lesson, rng)
    activations.store(Batch(x=cut(net, "features.pool1").below(lesson.x).detach(), y=lesson.y), rng)
    memory = {"today": today, "validation": validation, "activations": activations, "selector": selector}
    return Brain(net=net, memory=memory, optim={"wake": TensorFlowAdam(net.parameters(), lr=0.1)})


def sampling_brain() -> Brain:
    """The same with a sample of today's images in place of all of them."""
    brain, sample = ventral_brain(), Exemplars(per_class=2)
    sample.store(VISUAL_LESSON, torch.Generator().manual_seed(1))
    brain.memory |= {"today": sample, "activations": ClassActivations()}
    return brain


def summing_brain(memory: type[Moments] = Moments, head: type[nn.Module] = nn.Linear) -> Brain:
    """A frozen layer and a head, and the moments of one lesson."""
    with Seeds(0).building("init"):
        net = nn.Sequential(nn.Linear(6, 5), head(5, 3))
    brain = Brain(net=net, memory={"moments": memory()})
    Accumulate(location="0")(brain, LESSON, Seeds(0).rng("day"))
    return brain


def normalised_brain() -> Brain:
    """Statistics that change without a gradient, until they rest."""
    with Seeds(0).building("init"):
        net = nn.Sequential(nn.Linear(6, 5), nn.BatchNorm1d(5), nn.Linear(5, 3))
    return Brain(net=net, optim={"wake": torch.optim.Adam(net.parameters(), lr=0.1)})


def choosing_brain() -> Brain:
    """Two fronts beside a network, after one lesson."""
    with Seeds(0).building("init"):
        net = nn.Sequential(nn.Linear(6, 5), nn.ReLU(), nn.Linear(5, 3))
    fronts = {"given": FrozenBody(net, "2", learned=True), "first-day": FrozenBody(net, "2", learned=False)}
    brain = Brain(net=Candidates(net, {**fronts, "inputs": Standardised(6)}))
    brain.memory |= {"today": HeldOut(share=0.3, most=9), "first-day": Exemplars(5)}
    brain.memory |= {"evidence": Evidence(("network", *fronts, "inputs")), "dreams": Dreams()}
    brain.memory |= {sums(name): Moments() for name in (*fronts, "inputs")}
    Gather(first=20)(brain, LESSON, Seeds(0).rng("day"))
    return brain


def elastic_brain() -> Brain:
    """Weights of a day ago are anchored, and have moved; a sample of today waits for the night."""
    with Seeds(0).building("init"):
        net = nn.Sequential(nn.Linear(6, 5), nn.Tanh(), nn.Linear(5, 3))
    today, anchor = Exemplars(per_class=2), Anchor()
    named = dict(net.named_parameters())
    anchor.take(
        {name: p + 0.1 for name, p in named.items()}, {name: p.square() for name, p in named.items()}, decay=1.0
    )
    today.store(LESSON, torch.Generator().manual_seed(1))
    optim: dict[str, torch.optim.Optimizer] = {"wake": torch.optim.Adam(net.parameters(), lr=0.01)}
    return Brain(net=net, memory={"today": today, "anchor": anchor}, optim=optim)


def moving_brain() -> Brain:
    """A layer that has moved since dawn, sums of yesterday, and lessons of today that wait."""
    with Seeds(0).building("init"):
        net = nn.Sequential(nn.Linear(6, 5), nn.Linear(5, 3))
        features = MovingFeatures(net, "0")
        head = nn.Linear(5, 3)
    brain = Brain(net=nn.ModuleDict({"features": features, "head": head}))
    brain.memory |= {"moments": Moments(), "waiting": Waiting()}
    brain.memory["moments"].store(Batch(x=features(LESSON.x + 1).detach(), y=LESSON.targets()), Seeds(0).rng("day"))
    brain.memory["waiting"].store(LESSON, Seeds(0).rng("day"))
    with torch.no_grad():
        net[0].weight += 0.1
    return brain


def front_brain() -> Brain:
    """A front that has learned nothing yet, and lessons that wait for it."""
    with Seeds(0).building("init"):
        net = nn.Sequential(PatchFront(3, 4, side=3, grid=2), nn.Linear(32, 3))
    brain = Brain(net=net, memory={"moments": Moments(), "waiting": Waiting(), "seen": SeenToday()})
    brain.memory["waiting"].store(VISUAL_LESSON, Seeds(0).rng("day"))
    return brain


FRONT = LearnFront(accumulate=Accumulate(location="0"))


def replay(**changed):
    above = names_above(ventral_brain().net, "features.pool1")
    return CategoryReplay(**(dict(location="features.pool1", above=above, batch_size=5, per_class=4) | changed))


def sleep(**changed):
    settings = dict(
        layers=("hidden.weight", "output.weight"),
        steps=60,
        rate=1.0,
        gains=(2.0, 4.0),
        inc=(1e-3, 1e-3),
        dec=(1e-3, 1e-3),
    )
    return SpikingSleep(**(settings | changed))


def slept(brain: Brain) -> Brain:
    Choose()(brain, Seeds(0).rng("night"))
    return brain


CASES = {
    "anchor-weights": Case(AnchorWeights(decay=0.5), elastic_brain),
    "backprop-wake with elastic weights": Case(
        BackpropWake(losses=(CrossEntropy(), ElasticPenalty(weight=10.0))), elastic_brain
    ),
    "equilibrium-wake": Case(EquilibriumWake()),
    "convergent-wake": Case(ConvergentWake()),
    "rehearse": Case(Rehearse(inner=EquilibriumWake(), today=6)),
    "remember mean": Case(Remember(memory="mean")),
    "remember exemplars": Case(Remember(memory="exemplars")),
    "seal-exemplars": Case(SealExemplars()),
    "anneal": scholarly(Anneal(optim=("solver",))),
    "backprop-wake": scholarly(BackpropWake(optim="solver", changes=("solver.",))),
    "scholar-wake": scholarly(ScholarWake(replayed=5)),
    "scholar-wake by decisions": scholarly(ScholarWake(replayed=5, targets=HardTargets())),
    "learn vae": scholarly(LearnVAE()),
    "learn class vae": scholarly(LearnClassVAE(replayed=5), generator=ClassVAE),
    "learn wgan": scholarly(LearnWGAN(critic_steps=1), generator=WGAN),
    "interleave vae": scholarly(Interleave(inner=LearnVAE(), replayed=5)),
    "interleave wgan": scholarly(Interleave(inner=LearnWGAN(critic_steps=1), replayed=5), generator=WGAN),
    "repeated": scholarly(Repeated(inner=LearnVAE(), times=2)),
    "lwf": scholarly(LearnWithoutForgetting(inputs=TodaysInputs()), solver=two_heads),
    "lwf with dreams": scholarly(LearnWithoutForgetting(inputs=DreamtInputs(5)), solver=two_heads),
    "consolidate": scholarly(SnapshotTeacher()),
    "fresh-optimisers": scholarly(FreshOptimisers(optim=("solver", "generator"))),
    "newborn": scholarly(Reinitialise(part="generator"), generator=WGAN),
    "succeed": scholarly(Succeed(), solver=heirs),
    "dreaming-wake": dreaming(DreamingWake()),
    "dreaming-wake without real": dreaming(DreamingWake(losses=("image", "kl"), noise=0.7)),
    "nrem": dreaming(Nrem()),
    "nrem mixed": dreaming(Nrem(replay=LatentMix(memories=0.5, newest=0.5), weight=0.5)),
    "rem": dreaming(Rem()),
    "rem from noise": dreaming(Rem(replay=LatentMix(memories=0.0))),
    "forget-latents": dreaming(ForgetLatents()),
    "phantom-step": dreaming(ZeroGradStep(parameters=("encoder.judge.",))),
    "spiking-sleep": Case(sleep()),
    "spiking-sleep with feedback": Case(sleep(feedback=(1.0,))),
    "spiking-sleep weight-dependent": Case(sleep(stdp="weight_dependent")),
    "spiking-sleep in patches": Case(sleep(layers=THINNED, patch=3), thinned_brain),
    "scaled-to-data": Case(ScaledToData(inner=sleep(layers=THINNED)), thinned_brain),
    "rectified-wake": Case(RectifiedWake(), thinned_brain, GREY),
    "spiking-sleep of one layer": Case(sleep(layers=("hidden.weight",), gains=(2.0,), inc=(0.1,), dec=(0.1,))),
    "spiking-sleep with loops": Case(
        sleep(loops=("recurrent.weight",), loop_gains=(1.0,), inc=(1e-3,) * 3, dec=(1e-3,) * 3), recurrent_brain
    ),
    "row-lengths-only": Case(RowLengthsOnly(inner=sleep())),
    "row-means-only": Case(RowMeansOnly(inner=sleep(feedback=(1.0,)))),
    "orthogonal-wake": Case(OrthogonalWake(memories=("one", "two")), projecting_brain),
    "seal-projectors": Case(SealProjectors(memories=("one", "two")), projecting_brain),
    "early nights": Case(EarlyNights(inner=sleep(), nights=1)),
    "backprop-wake through time": Case(BackpropWake(changes=("hidden.", "recurrent.", "output.")), recurrent_brain),
    "visual-wake": Case(VisualWake(), ventral_brain, VISUAL_LESSON),
    "augment": Case(Augment(inner=(Remember(memory="today"), VisualWake())), ventral_brain, VISUAL_LESSON),
    "encode": Case(Encode(location="features.pool2"), ventral_brain),
    "encode-beside": Case(EncodeBeside(location="features.pool2"), sampling_brain),
    "rest-below with batch normalisation": Case(FreezeBelow(location="1"), normalised_brain),
    "rest-below": Case(FreezeBelow(location="features.pool1"), ventral_brain),
    "category-replay": Case(replay(), ventral_brain),
    "category-replay of remembered activations": Case(replay(dreams=Veridical()), ventral_brain),
    "category-replay rectified": Case(replay(dreams=Imagined(shape=rectified)), ventral_brain),
    "selected-replay": Case(SelectedReplay(inner=replay(), classes=3), ventral_brain),
    "accumulate": Case(Accumulate(location="0"), summing_brain),
    "learn-front": Case(FRONT, front_brain, VISUAL_LESSON),
    "accumulate-behind-front": Case(AccumulateBehindFront(learn=FRONT, enough=20), front_brain, VISUAL_LESSON),
    "accumulate-behind-front waits": Case(AccumulateBehindFront(learn=FRONT), front_brain, VISUAL_LESSON),
    "once-a-day": Case(OnceADay(inner=AccumulateBehindFront(learn=FRONT, enough=20)), front_brain, VISUAL_LESSON),
    "new-day": Case(NewDay(), front_brain, VISUAL_LESSON),
    "exact-night": Case(ExactNight(into="1"), summing_brain),
    "exact-night by ridge": Case(ExactNight(head=Ridge(), into="1"), summing_brain),
    "exact-night of class means": Case(ExactNight(head=ClassMeans(), into="1"), summing_brain),
    "exact-night of gaussians": Case(
        ExactNight(head=Gaussians(), into="1"), lambda: summing_brain(ClassMoments, GaussianHead)
    ),
    "exact-night as FeCAM": Case(ExactNight(head=Fecam(), into="1"), lambda: summing_brain(ClassMoments, GaussianHead)),
    "compensate-drift": Case(CompensateDrift(), moving_brain),
    "compensate-drift by the mean": Case(CompensateDrift(by="mean"), moving_brain),
    "gather": Case(Gather(first=4), choosing_brain, Batch(x=LESSON.x + 1, y=LESSON.targets())),
    "choose": Case(Choose(), choosing_brain),
    "choose with nothing to ask": Case(Choose(), lambda: slept(choosing_brain())),
    "away by day": Case(Away(inner=VisualWake(), dream=replay()), ventral_brain, VISUAL_LESSON),
    "away": Case(Away(inner=VisualWake(), dream=replay()), ventral_brain, Batch(x=torch.zeros(0, 3, 8, 8))),
}

every_phase = pytest.mark.parametrize("case", CASES.values(), ids=CASES.keys())


def call(case: Case, brain: Brain, seed: int = 0):
    """By day a phase is given a batch, by night none: its signature says which it is."""
    rng = Seeds(seed).rng(case.phase.name)
    by_day = "batch" in inspect.signature(case.phase).parameters
    return case.phase(brain, case.lesson, rng) if by_day else case.phase(brain, rng)


def with_plain_descent(brain: Brain) -> Brain:
    """Its optimisers exchanged: Adam would blow up the rounding of a gradient that is zero."""
    groups = {name: [p for g in optimiser.param_groups for p in g["params"]] for name, optimiser in brain.optim.items()}
    brain.optim = {name: torch.optim.SGD(parameters, lr=0.1) for name, parameters in groups.items()}
    return brain


def weights(brain: Brain) -> dict[str, torch.Tensor]:
    return {name: p.detach().clone() for name, p in brain.net.named_parameters()}


def everything(brain: Brain) -> dict[str, torch.Tensor]:
    kept = {f"{m}.{k}": v for m, memory in brain.memory.items() for k, v in memory.state_dict().items()}
    return weights(brain) | kept


def test_every_phase_of_the_package_has_a_case():
    """Counts what the folder defines, so that a phase cannot be forgotten here."""
    import importlib
    import pkgutil

    import oneiros.phases

    defined = set()
    for module in pkgutil.walk_packages(oneiros.phases.__path__, "oneiros.phases."):
        loaded = importlib.import_module(module.name)
        defined |= {
            name
            for name, thing in inspect.getmembers(loaded, inspect.isclass)
            if thing.__module__ == loaded.__name__
            and hasattr(thing, "changes")
            and not getattr(thing, "_is_protocol", False)
        }
    tested = {type(case.phase).__name__ for case in CASES.values()}
    missing = sorted(defined - tested)
    assert defined == tested, f'add a line to CASES in {__file__}, such as "NAME": Case(PHASE(...)), for {missing}'


@every_phase
def test_it_meets_its_protocol_and_is_immutable(case):
    assert isinstance(case.phase, DayPhase | NightPhase)
    with pytest.raises(AttributeError):
        case.phase.anything = 1


@every_phase
def test_only_declared_parameters_move(case):
    brain = case.brain()
    before = weights(brain)
    call(case, brain)
    moved = {name for name, w in weights(brain).items() if not torch.equal(w, before[name])}
    assert all(name.startswith(case.phase.changes) for name in moved), moved
    if case.phase.changes:
        assert moved, "a phase that declares changes and makes none proves nothing here"


@every_phase
def test_the_same_rng_gives_bit_equal_results_and_leaves_global_generators_alone(case):
    # Python's own generator is left out: the shape checks that tests switch on draw from it.
    import numpy as np

    brains = case.brain(), case.brain()
    torch_before, numpy_before = torch.get_rng_state(), np.random.get_state()[1].copy()  # noqa: NPY002
    answers = [call(case, brain) for brain in brains]
    assert torch.equal(torch.get_rng_state(), torch_before)
    assert (np.random.get_state()[1] == numpy_before).all()  # noqa: NPY002
    first, second = map(everything, brains)
    assert first.keys() == second.keys()
    assert all(torch.equal(first[k], second[k]) for k in first)
    assert all(torch.equal(answers[0][k], answers[1][k]) for k in answers[0])


@every_phase
def test_it_returns_finite_detached_scalars_under_the_names_it_declares(case):
    answer = call(case, case.brain())
    assert tuple(answer) == tuple(case.phase.returns)
    for value in answer.values():
        assert value.ndim == 0
        assert not value.requires_grad
        assert value.isfinite()


@every_phase
@pytest.mark.parametrize("training", [True, False])
def test_train_and_eval_mode_are_as_they_were(case, training):
    brain = case.brain()
    brain.net.train(training)
    call(case, brain)
    assert all(module.training is training for module in brain.net.modules())


@every_phase
def test_gradients_stay_enabled_for_the_caller(case):
    call(case, case.brain())
    assert torch.is_grad_enabled()


@every_phase
def test_under_autocast_it_does_nearly_the_same_and_keeps_what_it_keeps_in_single_precision(case):
    """By plain descent, since Adam's first step has the sign of a gradient, however small it is."""
    start, brains = weights(case.brain()), (with_plain_descent(case.brain()), with_plain_descent(case.brain()))
    answers = [call(case, brains[0])]
    with torch.autocast("cpu", torch.bfloat16, cache_enabled=False):
        answers.append(call(case, brains[1]))
    for plain, rounded in zip(*(answer.values() for answer in answers), strict=True):
        torch.testing.assert_close(rounded.to(plain), plain, rtol=0.03, atol=0.003)
    plain, rounded = map(everything, brains)
    assert {k: v.dtype for k, v in rounded.items()} == {k: v.dtype for k, v in plain.items()}
    assert all(value.isfinite().all() for value in rounded.values())
    plain, rounded = map(weights, brains)
    moved = sum(float((plain[name] - start[name]).norm()) for name in start)
    apart = sum(float((rounded[name] - plain[name]).norm()) for name in start)
    assert apart <= 0.15 * moved


def all_that_changes(brain: Brain) -> dict[str, object]:
    """To be compared with ==: weights, buffers, memories, optimisers, and what no state_dict tells."""
    tensors = {
        **brain.net.state_dict(),
        **{f"{m}.{k}": v for m, memory in brain.memory.items() for k, v in memory.state_dict().items()},
        **{
            f"{name}.{index}.{key}": value
            for name, optimiser in brain.optim.items()
            for index, moments in optimiser.state_dict()["state"].items()
            for key, value in moments.items()
        },
    }
    return {
        **{name: (str(value.dtype), value.tolist()) for name, value in tensors.items()},
        "groups": {name: optimiser.state_dict()["param_groups"] for name, optimiser in brain.optim.items()},
        "learning": [name for name, parameter in brain.net.named_parameters() if parameter.requires_grad],
        "momentum": {name: m.momentum for name, m in brain.net.named_modules() if hasattr(m, "momentum")},
    }


def outcome(case: Case, brain: Brain) -> object:
    """What the next call answers, or in which words it refuses: some nights cannot be had twice."""
    try:
        return {key: value.item() for key, value in call(case, brain, seed=1).items()}
    except (RuntimeError, ValueError) as error:
        return str(error)


def as_it_was(brain: Brain, path: Path) -> BrainState:
    return brain_state(brain).copied()


def through_a_file(brain: Brain, path: Path) -> BrainState:
    save_brain(path, brain, Cursor(), {})
    kept = copy.deepcopy(brain)
    with torch.no_grad():
        for parameter in kept.net.parameters():
            parameter.zero_()
    load_brain(path, kept)
    return brain_state(kept)


@every_phase
@pytest.mark.parametrize("keep", [as_it_was, through_a_file])
def test_saved_and_loaded_after_it_the_next_call_is_bit_equal(case, keep, tmp_path):
    lived, loaded = case.brain(), case.brain()
    call(case, lived)
    restore_brain(loaded, keep(lived, tmp_path / "c"))
    loaded.age, loaded.hour = lived.age, lived.hour
    assert all_that_changes(loaded) == all_that_changes(lived)
    assert outcome(case, loaded) == outcome(case, lived)
    assert all_that_changes(loaded) == all_that_changes(lived)


BY_DAY = {name: case for name, case in CASES.items() if "batch" in inspect.signature(case.phase).parameters}
every_day_phase = pytest.mark.parametrize("case", BY_DAY.values(), ids=BY_DAY.keys())


def lived(case: Case, lesson: Batch) -> dict[str, torch.Tensor]:
    brain = with_plain_descent(case.brain())
    call(replace(case, lesson=lesson), brain)
    return {**weights(brain), **{f"m.{k}": v for m in brain.memory.values() for k, v in m.state_dict().items()}}


@every_day_phase
def test_weights_of_rows_are_honoured_or_refused(case):
    """A row of weight 0 is as good as another one; equal weights are as good as none; other weights are not."""
    n = len(case.lesson)
    if not n:
        return
    heavy = torch.zeros(n).index_fill(0, torch.arange(n // 2), 1.0) / (n // 2)
    lesson = replace(case.lesson, weight=heavy)
    try:
        seen = lived(case, lesson)
    except ValueError as error:
        assert "weighs its rows" in str(error)  # noqa: PT017 (a phase may do either)
        return
    x = lesson.x.clone()
    x[n // 2 :] = x[: n - n // 2].flip(0)
    others, equal, plain = (
        lived(case, each)
        for each in (replace(lesson, x=x), replace(lesson, weight=torch.full((n,), 1 / n)), case.lesson)
    )
    for name in seen:
        torch.testing.assert_close(others[name], seen[name], rtol=1e-3, atol=1e-5, msg=name)
        torch.testing.assert_close(equal[name], plain[name], rtol=1e-3, atol=1e-5, msg=name)
    if case.phase.changes:
        assert any(not torch.allclose(seen[name], plain[name], rtol=1e-3, atol=1e-5) for name in weights(case.brain()))


def test_most_day_phases_that_take_a_step_down_a_loss_weigh_rows():
    """So that the contract above is not met by refusing everything."""
    weighing = set()
    for name, case in BY_DAY.items():
        try:
            call(replace(case, lesson=replace(case.lesson, weight=torch.full((len(case.lesson),), 0.1))), case.brain())
            weighing.add(name)
        except ValueError:
            pass
    assert {
        "backprop-wake", "scholar-wake", "learn vae", "learn wgan", "interleave vae", "lwf", "lwf with dreams",
        "visual-wake", "rectified-wake", "repeated",
    } <= weighing  # fmt: skip
