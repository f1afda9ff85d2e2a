"""One contract for every phase. A new phase is tested by adding one line to `CASES`."""

import inspect
from collections.abc import Callable
from dataclasses import dataclass

import pytest
import torch

from oneiros.core import Batch, Brain, DayPhase, NightPhase, Seeds
from oneiros.memory.exemplars import Exemplars
from oneiros.memory.mean_input import MeanInput
from oneiros.memory.recent_latents import RecentLatents
from oneiros.nets.dreaming import DreamingNet
from oneiros.nets.equilibrium import EquilibriumRNN
from oneiros.phases.dreaming_wake import DreamingWake
from oneiros.phases.equilibrium_wake import EquilibriumWake
from oneiros.phases.forget import ForgetLatents
from oneiros.phases.nrem import Nrem
from oneiros.phases.phantom_step import PhantomStep
from oneiros.phases.rehearse import Rehearse
from oneiros.phases.rem import Rem
from oneiros.phases.remember import Remember, SealExemplars
from oneiros.phases.replay import Replay
from oneiros.phases.spiking_sleep import SpikingSleep

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


def dreaming(phase: DayPhase | NightPhase) -> Case:
    return Case(phase, dreaming_brain, IMAGES)


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


CASES = {
    "equilibrium-wake": Case(EquilibriumWake()),
    "rehearse": Case(Rehearse(inner=EquilibriumWake(), today=6)),
    "remember mean": Case(Remember(memory="mean")),
    "remember exemplars": Case(Remember(memory="exemplars")),
    "seal-exemplars": Case(SealExemplars()),
    "dreaming-wake": dreaming(DreamingWake()),
    "dreaming-wake without real": dreaming(DreamingWake(losses=("image", "kl"), noise=0.7)),
    "nrem": dreaming(Nrem()),
    "nrem mixed": dreaming(Nrem(replay=Replay(memories=0.5, newest=0.5), weight=0.5)),
    "rem": dreaming(Rem()),
    "rem from noise": dreaming(Rem(replay=Replay(memories=0.0))),
    "forget-latents": dreaming(ForgetLatents()),
    "phantom-step": dreaming(PhantomStep(parameters=("encoder.judge.",))),
    "spiking-sleep": Case(sleep()),
    "spiking-sleep with feedback": Case(sleep(feedback=(1.0,))),
    "spiking-sleep weight-dependent": Case(sleep(stdp="weight_dependent")),
    "spiking-sleep of one layer": Case(sleep(layers=("hidden.weight",), gains=(2.0,), inc=(0.1,), dec=(0.1,))),
}

every_phase = pytest.mark.parametrize("case", CASES.values(), ids=CASES.keys())


def call(case: Case, brain: Brain, seed: int = 0):
    """By day a phase is given a batch, by night none: its signature says which it is."""
    rng = Seeds(seed).rng(case.phase.name)
    by_day = "batch" in inspect.signature(case.phase).parameters
    return case.phase(brain, case.lesson, rng) if by_day else case.phase(brain, rng)


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
    for module in pkgutil.iter_modules(oneiros.phases.__path__):
        loaded = importlib.import_module(f"oneiros.phases.{module.name}")
        defined |= {
            name
            for name, thing in inspect.getmembers(loaded, inspect.isclass)
            if thing.__module__ == loaded.__name__ and hasattr(thing, "changes")
        }
    assert defined == {type(case.phase).__name__ for case in CASES.values()}


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
