"""The phases of deep generative replay against losses written out by hand."""

from dataclasses import replace

import pytest
import torch
from torch import nn
from torch.nn.functional import cross_entropy

from oneiros.core import Batch, Brain, Seeds
from oneiros.data.streams import EmptyTask
from oneiros.equations.scholar import soft_target_loss
from oneiros.life import Night, Schedule, live
from oneiros.memory.frozen_scholar import FrozenScholar
from oneiros.nets.layers import MultiHead, Perceptron
from oneiros.nets.noise import GaussianNoise
from oneiros.nets.scholar import Scholar, Succession
from oneiros.nets.vae import VAE
from oneiros.phases.around.interleave import Interleave
from oneiros.phases.bookkeeping.anneal import Anneal
from oneiros.phases.bookkeeping.handover import FreshOptimisers, Reinitialise, SnapshotTeacher, Succeed
from oneiros.phases.losses import HardTargets, SoftTargets
from oneiros.phases.wake.backprop_wake import BackpropWake, descend
from oneiros.phases.wake.learning_without_forgetting import DreamtInputs, LearnWithoutForgetting, TodaysInputs
from oneiros.phases.wake.scholar_wake import ScholarWake
from oneiros.runs.store.checkpoint import load_brain, save_brain

X = torch.rand(6, 4, generator=torch.Generator().manual_seed(0))
LESSON = Batch(x=X, y=torch.arange(6) % 3)


def scholar_brain(nights: int = 1, generator=None, solver=None) -> Brain:
    with Seeds(0).building("init"):
        net = Scholar(generator or GaussianNoise((4,)), solver or Perceptron((4, 5, 3)))
    memory = FrozenScholar(net, balanced=False)
    brain = Brain(
        net=net, memory={"scholar": memory}, age=nights,
        optim={"solver": torch.optim.SGD(net.solver.parameters(), lr=0.1)},
    )  # fmt: skip
    for _ in range(nights):
        SnapshotTeacher()(brain, torch.Generator())
    return brain


def weights(net: torch.nn.Module) -> list[torch.Tensor]:
    return [p.detach().clone() for p in net.parameters()]


@pytest.mark.parametrize("targets", [HardTargets(), SoftTargets(3.0)])
def test_one_step_descends_eq_1_as_written_by_hand(targets):
    brain, reference = scholar_brain(), scholar_brain()
    for pupil in (brain, reference):  # away from the teacher, so that there is something to learn from it
        with torch.no_grad():
            pupil.net.solver.layers[0].weight.mul_(-2.0)
    phase = ScholarWake(ratio=0.25, replayed=5, targets=targets)
    rng = Seeds(1).rng("wake")
    answer = phase(brain, LESSON, rng)

    solver, teacher = reference.net.solver, scholar_brain().net.solver
    noise = torch.randn(5, 4, generator=Seeds(1).rng("wake"))
    said = teacher(noise).detach()
    past = (
        cross_entropy(solver(noise), said.argmax(1))
        if isinstance(targets, HardTargets)
        else soft_target_loss(solver(noise), said, temperature=3.0).mean()
    )
    loss = 0.25 * cross_entropy(solver(X), LESSON.y) + 0.75 * past
    descend(reference.optim["solver"], loss)
    assert answer["loss"].item() == pytest.approx(loss.item(), rel=1e-5)
    for ours, theirs in zip(weights(brain.net), weights(reference.net), strict=True):
        assert torch.allclose(ours, theirs, atol=1e-6)


def test_the_first_task_has_no_second_term_and_a_quiet_day_no_first():
    first, plain = scholar_brain(nights=0), scholar_brain(nights=0)
    ScholarWake()(first, LESSON, Seeds(0).rng("a"))
    BackpropWake(optim="solver")(plain, LESSON, Seeds(0).rng("a"))
    assert all(torch.equal(a, b) for a, b in zip(weights(first.net), weights(plain.net), strict=True))
    quiet = scholar_brain()
    nothing = Batch(x=X[:0], y=LESSON.y[:0])
    loss = ScholarWake(targets=SoftTargets())(quiet, nothing, Seeds(0).rng("a"))["loss"]
    # A pupil that is its teacher has nothing to learn.
    assert loss.item() == pytest.approx(0.0, abs=1e-7)


def test_soft_targets_need_a_memory_that_gives_scores():
    with pytest.raises(ValueError, match="needs a memory that recalls scores"):
        SoftTargets()(torch.zeros(1, 2), Batch(x=torch.zeros(1, 1), y=torch.tensor([0])))


def test_interleaving_gives_the_inner_phase_one_weighted_batch():
    seen = []

    class Spy:
        name, changes, returns = "spy", (), ()

        def __call__(self, brain, batch, rng):
            seen.append(batch)
            return {}

    brain = scholar_brain()
    brain.age = 3
    Interleave(inner=Spy(), replayed=2)(brain, LESSON, Seeds(0).rng("a"))
    (batch,) = seen
    assert torch.equal(batch.x[:6], X)
    assert torch.equal(batch.y[:6], LESSON.y)
    assert batch.weight.tolist() == pytest.approx([0.25 / 6] * 6 + [0.75 / 2] * 2)
    Interleave(inner=Spy())(scholar_brain(nights=0), LESSON, Seeds(0).rng("a"))
    assert seen[1] is LESSON


def test_rates_stay_and_then_fall_in_a_straight_line():
    brain = scholar_brain()
    rates = []
    for hour in (0.0, 0.5, 0.75, 1.0):
        brain.hour = hour
        Anneal(optim=("solver",), start=0.5, end=0.2)(brain, LESSON, torch.Generator())
        rates.append(brain.optim["solver"].param_groups[0]["lr"])
    assert rates == pytest.approx([0.1, 0.1, 0.06, 0.02])


def test_optimisers_forget_and_a_newborn_has_other_weights_and_has_seen_nothing():
    brain = scholar_brain(generator=VAE((4,), hidden=(3,), latent=2))
    brain.optim["solver"] = torch.optim.Adam(brain.net.solver.parameters())
    BackpropWake(optim="solver")(brain, LESSON, torch.Generator())
    assert brain.optim["solver"].state
    FreshOptimisers(optim=("solver",))(brain, torch.Generator())
    assert not brain.optim["solver"].state
    brain.net.generator.seen += 5
    before = weights(brain.net.generator)
    Reinitialise(part="generator")(brain, Seeds(1).rng("newborn"))
    assert int(brain.net.generator.seen) == 0
    assert not any(torch.equal(a, b) for a, b in zip(before, weights(brain.net.generator), strict=True))


def test_consolidate_and_succeed_say_what_they_need():
    brain = scholar_brain()
    with pytest.raises(TypeError, match="the solver of a Scholar is a Perceptron; expected a Succession"):
        Succeed()(brain, torch.Generator())
    brain.net = Perceptron((4, 3))
    with pytest.raises(TypeError, match="the net is a Perceptron; expected a Scholar"):
        SnapshotTeacher()(brain, torch.Generator())


def two_heads(inputs, nights: int) -> tuple[Brain, LearnWithoutForgetting]:
    with Seeds(0).building("heads"):
        solver = MultiHead(nn.Sequential(nn.Linear(4, 5), nn.ReLU()), 5, (3, 3))
    brain = scholar_brain(nights, solver=solver)
    adam = {part: torch.optim.Adam(getattr(solver, part).parameters(), lr=0.01) for part in ("trunk", "heads")}
    brain.optim = adam
    return brain, LearnWithoutForgetting(inputs=inputs, warm_up=0.5)


TOMORROW = replace(LESSON, y=LESSON.y + 3)


@pytest.mark.parametrize("inputs", [TodaysInputs(), DreamtInputs(4)])
def test_while_warming_up_only_the_new_head_moves(inputs):
    brain, phase = two_heads(inputs, nights=1)
    before = {n: p.clone() for n, p in brain.net.solver.named_parameters()}
    phase(brain, TOMORROW, Seeds(0).rng("a"))
    moved = {n for n, p in brain.net.solver.named_parameters() if not torch.equal(p, before[n])}
    assert moved == {"heads.1.weight", "heads.1.bias"}
    brain.hour = 0.6
    phase(brain, TOMORROW, Seeds(0).rng("b"))
    moved = {n for n, p in brain.net.solver.named_parameters() if not torch.equal(p, before[n])}
    assert {"trunk.0.weight", "heads.0.weight"} <= moved


def test_keeping_old_answers_costs_nothing_before_anything_moved_and_then_only_on_old_heads():
    """By hand: the loss is the new head's cross-entropy at first; afterwards plus the old head's distillation."""
    brain, phase = two_heads(TodaysInputs(), nights=1)
    brain.hour = 0.9
    net = brain.net.solver
    new = cross_entropy(net(X)[:, 3:], TOMORROW.y - 3).item()
    assert phase(brain, TOMORROW, Seeds(0).rng("a"))["loss"].item() == pytest.approx(new, rel=1e-5)
    teacher = brain.memory["scholar"]
    old = soft_target_loss(net(X)[:, :3], teacher.answer(X)[:, :3], temperature=2.0).mean().item()
    new = cross_entropy(net(X)[:, 3:], TOMORROW.y - 3).item()
    assert old > 1e-6
    assert phase(brain, TOMORROW, Seeds(0).rng("b"))["loss"].item() == pytest.approx(new + old, rel=1e-5)


def test_solvers_of_a_chain_learn_in_turn_and_a_resumed_life_equals_an_uninterrupted_one(tmp_path):
    """Two quiet days after the first; interrupted in the middle of the second, restored into a new brain."""

    def build_brain() -> Brain:
        with Seeds(0).building("heirs"):
            heirs = Succession(Perceptron((4, 5, 3)) for _ in range(3))
        brain = scholar_brain(nights=0, solver=heirs)
        brain.optim["solver"] = torch.optim.Adam(heirs.parameters(), lr=0.01)
        return brain

    tasks = (Lessons(), *(EmptyTask(name=n, classes=(0, 1, 2), shape=(4,), hours=4) for n in ("2", "3")))
    planned = Schedule(
        day=(Anneal(optim=("solver",)), ScholarWake(replayed=7)),
        nights=(Night("task", (SnapshotTeacher(), FreshOptimisers(optim=("solver",)), Succeed())),),
        epochs=2,
    )
    whole = build_brain()
    checkpoint, cursor = tmp_path / "checkpoint.safetensors", None
    for event in live(whole, tasks, planned, Seeds(0)):
        if event.kind == "batch_end" and (event.task, event.epoch, event.batch) == (1, 1, 1):
            cursor = event.resume
            save_brain(checkpoint, whole, cursor, {"length": 0, "worked": 0.0})
    assert cursor is not None
    resumed = build_brain()
    start, _ = load_brain(checkpoint, resumed)
    assert start == cursor
    for _ in live(resumed, tasks, planned, Seeds(0), start=start):
        pass
    ours, theirs = resumed.net.state_dict(), whole.net.state_dict()
    assert all(torch.equal(ours[name], theirs[name]) for name in theirs)
    moved = [not torch.equal(a, b) for a, b in zip(weights(build_brain().net), weights(whole.net), strict=True)]
    assert all(moved), "every solver of the chain has learned"


class Lessons:
    name, classes = "first", (0, 1, 2)

    def __len__(self) -> int:
        return 2

    def batches(self, rng):
        order = torch.randperm(6, generator=rng)
        for part in order.split(3):
            yield Batch(x=X[part], y=LESSON.y[part])
