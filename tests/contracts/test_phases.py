"""One contract for every phase. A new phase is tested by adding one line to `CASES`."""

import inspect
from collections.abc import Callable
from dataclasses import dataclass

import pytest
import torch

from oneiros.core import Batch, Brain, DayPhase, NightPhase, Seeds
from oneiros.equations.gaussian import rectified
from oneiros.memory.class_activations import ClassActivations
from oneiros.memory.exemplars import Exemplars
from oneiros.memory.images import Images
from oneiros.memory.mean_input import MeanInput
from oneiros.memory.selector import Selector
from oneiros.nets import VGG, Anatomy, names_above, split
from oneiros.nets.equilibrium import EquilibriumRNN
from oneiros.optim import TensorFlowAdam
from oneiros.phases import Augment, Away, CategoryReplay, Encode, Imagined, SelectedReplay, Veridical, VisualWake
from oneiros.phases.equilibrium_wake import EquilibriumWake
from oneiros.phases.rehearse import Rehearse
from oneiros.phases.remember import Remember, SealExemplars
from oneiros.phases.spiking_sleep import SpikingSleep

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


@dataclass(frozen=True)
class Case:
    phase: DayPhase | NightPhase
    brain: Callable[[], Brain] = equilibrium_brain
    lesson: Batch = LESSON


def ventral_brain() -> Brain:
    """A small VGG at the end of a day: today's images, activations of three classes, held-out images, a selector."""
    with Seeds(0).building("init"):
        net = VGG(Anatomy(blocks=((3,), (4,)), head=(6,), size=8), 3)
    rng = torch.Generator().manual_seed(1)
    today, validation, activations, selector = Images(), Images(), ClassActivations(), Selector(3, fits=2)
    lesson = VISUAL_LESSON
    today.store(lesson, rng)
    validation.store(lesson, rng)
    activations.store(Batch(x=split(net, "features.pool1").below(lesson.x).detach(), y=lesson.y), rng)
    memory = {"today": today, "validation": validation, "activations": activations, "selector": selector}
    return Brain(net=net, memory=memory, optim={"wake": TensorFlowAdam(net.parameters(), lr=0.1)})


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


CASES = {
    "equilibrium-wake": Case(EquilibriumWake()),
    "rehearse": Case(Rehearse(inner=EquilibriumWake(), today=6)),
    "remember mean": Case(Remember(memory="mean")),
    "remember exemplars": Case(Remember(memory="exemplars")),
    "seal-exemplars": Case(SealExemplars()),
    "spiking-sleep": Case(sleep()),
    "spiking-sleep with feedback": Case(sleep(feedback=(1.0,))),
    "spiking-sleep weight-dependent": Case(sleep(stdp="weight_dependent")),
    "spiking-sleep of one layer": Case(sleep(layers=("hidden.weight",), gains=(2.0,), inc=(0.1,), dec=(0.1,))),
    "visual-wake": Case(VisualWake(), ventral_brain, VISUAL_LESSON),
    "augment": Case(Augment(inner=(Remember(memory="today"), VisualWake())), ventral_brain, VISUAL_LESSON),
    "encode": Case(Encode(location="features.pool2"), ventral_brain),
    "category-replay": Case(replay(), ventral_brain),
    "category-replay of remembered activations": Case(replay(dreams=Veridical()), ventral_brain),
    "category-replay rectified": Case(replay(dreams=Imagined(shape=rectified)), ventral_brain),
    "selected-replay": Case(SelectedReplay(inner=replay(), classes=3), ventral_brain),
    "away by day": Case(Away(inner=VisualWake(), dream=replay()), ventral_brain, VISUAL_LESSON),
    "away": Case(Away(inner=VisualWake(), dream=replay()), ventral_brain, Batch(x=torch.zeros(0, 3, 8, 8))),
}

every_phase = pytest.mark.parametrize("case", CASES.values(), ids=CASES.keys())


def call(case: Case, brain: Brain, seed: int = 0):
    phase, rng = case.phase, Seeds(seed).rng(case.phase.name)
    if "batch" not in inspect.signature(phase).parameters:
        return phase(brain, rng)
    return phase(brain, case.lesson, rng)


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
            if thing.__module__ == loaded.__name__
            and hasattr(thing, "changes")
            and not getattr(thing, "_is_protocol", False)
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
