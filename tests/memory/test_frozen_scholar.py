"""What is kept of the past: a scholar that never moves, or past examples with the old solver's answers."""

import pytest
import torch

from oneiros.core import Batch, Seeds
from oneiros.memory.frozen_scholar import FrozenScholar
from oneiros.memory.past_lessons import PastLessons
from oneiros.nets.layers import Perceptron
from oneiros.nets.scholar import Scholar
from oneiros.nets.vae import VAE, ClassVAE
from oneiros.nets.wgan import WGAN


def rng(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def scholar(generator=None) -> Scholar:
    with Seeds(0).building("init"):
        made = Scholar(generator or WGAN((1, 4, 4), latent=3, width=2), Perceptron((16, 3)))
    made.generator.seen += 1
    return made


def test_the_teacher_is_a_true_copy_that_no_training_reaches():
    """Batch norm's running statistics included: they move in a forward pass alone."""
    pupil = scholar()
    memory = FrozenScholar(pupil)
    memory.take(pupil)
    before = {k: v.clone() for k, v in memory.state_dict().items()}
    optim = torch.optim.SGD(pupil.parameters(), lr=1.0)
    for step in range(3):
        pupil.train()
        loss = pupil(pupil.generator.paint(pupil.generator.noise(8, rng(step)))).square().sum()
        loss.backward()
        optim.step()
        memory.recall(8, rng(step))
        memory.answer(torch.rand(2, 1, 4, 4))
    after = memory.state_dict()
    assert all(torch.equal(before[k], after[k]) for k in before)
    assert not torch.equal(pupil.solver.layers[0].weight, after["scholar.solver.layers.0.weight"])
    recalled = memory.recall(4, rng())
    assert not recalled.x.requires_grad
    assert torch.equal(recalled.soft, memory.answer(recalled.x))
    assert torch.equal(recalled.y, recalled.soft.argmax(1))


def test_replay_is_balanced_over_the_classes_that_the_teacher_sees():
    """A solver that decides by the brightness of one pixel, and a generator whose pixels are rarely bright."""
    generator = VAE((1, 4, 4), hidden=(), latent=16)
    with torch.no_grad():
        generator.decoder[0].weight.copy_(torch.eye(16))
        generator.decoder[0].bias.fill_(-0.84)  # a fifth of standard normal codes are brighter than a half
    dreamer = scholar(generator)
    with torch.no_grad():
        dreamer.solver.layers[0].weight.zero_()
        dreamer.solver.layers[0].weight[1, 0] = 1.0
        dreamer.solver.layers[0].bias.copy_(torch.tensor([0.0, -0.5, -9.0]))
    share = {}
    for balanced in (True, False):
        memory = FrozenScholar(dreamer, balanced=balanced)
        memory.take(dreamer)
        share[balanced] = (memory.recall(2000, rng()).y == 1).double().mean().item()
    assert share[False] == pytest.approx(0.2, abs=0.04)
    assert share[True] == pytest.approx(0.5, abs=0.01)


def test_a_generator_that_knows_classes_may_name_its_dreams_itself():
    """A solver that takes everything for class 2 names them so; the generator dreamed of 0 and 1."""
    with Seeds(0).building("init"):
        generator = ClassVAE((1, 4, 4), classes=3, hidden=(), latent=2)
    generator.note_codes(generator.code(torch.randn(20, 2), torch.arange(20) % 2), decay=0.9, real=True)
    dreamer = scholar(generator)
    with torch.no_grad():
        dreamer.solver.layers[0].weight.zero_()
        dreamer.solver.layers[0].bias.copy_(torch.tensor([0.0, 0.0, 9.0]))
    named = {}
    for intended in (False, True):
        memory = FrozenScholar(dreamer, intended=intended)
        memory.take(dreamer)
        recalled = memory.recall(200, rng())
        named[intended] = set(recalled.y.tolist())
        assert torch.equal(recalled.y == 2, recalled.z[:, 2:].argmax(1) != recalled.y)
        assert (recalled.soft.argmax(1) == 2).all()
    assert named == {False: {2}, True: {0, 1}}


def test_a_generator_without_classes_cannot_name_its_dreams():
    with pytest.raises(ValueError, match="WGAN knows no class it dreams of"):
        FrozenScholar(scholar(), intended=True)


def test_an_empty_one_answers_nothing():
    memory = FrozenScholar(scholar())
    with pytest.raises(RuntimeError, match="with no scholar in it: run the night phase SnapshotTeacher first"):
        memory.answer(torch.zeros(1, 1, 4, 4))


def lessons(memory: PastLessons, values: list[float]) -> None:
    memory.store(Batch(x=torch.tensor(values)[:, None], y=torch.zeros(len(values), dtype=torch.int64)), rng())


def test_exact_replay_gives_past_inputs_with_the_old_solvers_answers():
    with Seeds(0).building("init"):
        solver = Perceptron((1, 2))
    memory = PastLessons(solver, a_day=3)
    lessons(memory, [0.2, 0.4])
    lessons(memory, [0.6])
    lessons(memory, [0.2, 0.4])  # the second epoch shows them again
    memory.take(solver)
    lessons(memory, [0.8, 1.0, 0.0])
    memory.take(solver)
    then = solver(torch.tensor([[0.2]])).detach()
    with torch.no_grad():
        solver.layers[0].weight.add_(5.0)
    recalled = memory.recall(6000, rng())
    values, counts = recalled.x.flatten().unique(return_counts=True)
    assert torch.allclose(values, torch.tensor([0.0, 0.2, 0.4, 0.6, 0.8, 1.0]))
    assert counts.min() > 850, "uniform over all examples of all days"
    first = recalled.soft[(recalled.x - 0.2).abs().flatten() < 1e-6][0]
    assert torch.allclose(first, then[0])
    assert memory.nbytes == 6 + 4 * 4  # k / 255 fits a byte; the solver has four numbers


def test_inputs_that_bytes_cannot_hold_are_kept_as_they_are():
    with Seeds(0).building("init"):
        memory = PastLessons(Perceptron((1, 2)), a_day=2)
    lessons(memory, [0.1234567, -3.0])
    memory.take(Perceptron((1, 2)))
    assert set(memory.recall(50, rng()).x.flatten().tolist()) == {torch.tensor(0.1234567).item(), -3.0}
