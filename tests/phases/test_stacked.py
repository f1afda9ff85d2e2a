"""Several brains in one stack of tensors: each does what it does alone as tensors, to the rounding of float64."""

from dataclasses import replace

import pytest
import torch

from oneiros.core import Batch, Brain, Seeds
from oneiros.equations import compiled
from oneiros.memory import Exemplars, MeanInput
from oneiros.nets import EquilibriumRNN, Euler, FixedPoint, Perceptron
from oneiros.phases import BackpropWake, EquilibriumWake, Rehearse, SpikingSleep

TOLERANCE = {"rtol": 0, "atol": 1e-12}


@pytest.fixture(autouse=True)
def as_where_no_kernels_run(monkeypatch):
    monkeypatch.setattr(compiled, "HOME", "nowhere")


def brain(seed: int, relaxation, *, scale: float = 1.0) -> Brain:
    with Seeds(seed).building("init"):
        net = EquilibriumRNN((5, 7, 3), relaxation=relaxation).double()
    with torch.no_grad():
        net.output.weight *= scale
    mean, kept = MeanInput(), Exemplars(per_class=2)
    for memory in (mean, kept):
        memory.store(lesson(seed + 50, 12), Seeds(seed).rng("store"))
    kept.seal()
    groups = [{"params": net.hidden.parameters(), "lr": 0.1}, {"params": net.output.parameters(), "lr": 0.01}]
    return Brain(
        net=net, memory={"mean": mean, "exemplars": kept}, optim={"wake": torch.optim.SGD(groups, momentum=0.5)}
    )


def lesson(seed: int, n: int) -> Batch:
    rng = torch.Generator().manual_seed(seed)
    return Batch(x=torch.rand(n, 5, generator=rng, dtype=torch.float64), y=torch.arange(n) % 3)


def weights(brains: list[Brain]) -> list[torch.Tensor]:
    return [p.detach() for brain in brains for p in brain.net.parameters()]


HURRIED = FixedPoint(tolerance=1e-9, passes=4, fallback=Euler(steps=5))
SCALES = (1e-4, 4.0, 1.0)  # of the feedback


def test_hurried_some_settle_and_some_fall_back_on_euler():
    x, settled = lesson(1, 6).x, []
    with torch.no_grad():
        for scale in SCALES:
            net = brain(0, HURRIED, scale=scale).net
            assert isinstance(net, EquilibriumRNN)
            circuit = net.circuit(x)
            longer = replace(HURRIED, fallback=Euler(steps=300))
            settled.append(torch.equal(HURRIED(circuit).output, longer(circuit).output))
    assert set(settled) == {True, False}


@pytest.mark.parametrize("relaxation", [Euler(steps=30), FixedPoint(), HURRIED])
@pytest.mark.parametrize("lengths", [(6, 6, 6), (6, 4, 1)])
def test_lessons_in_a_stack_are_lessons_alone(relaxation, lengths):
    def three() -> list[Brain]:
        return [brain(seed, relaxation, scale=scale) for seed, scale in enumerate(SCALES)]

    alone, together, wake = three(), three(), EquilibriumWake(clamped_steps=4)
    for day in range(3):
        batches = [lesson(10 * day + i, n) for i, n in enumerate(lengths)]
        rngs = [Seeds(i).rng("wake", day) for i in range(3)]
        expected = [wake(*each)["loss"] for each in zip(alone, batches, rngs, strict=True)]
        came = [answer["loss"] for answer in wake.stacked(together, batches, rngs)]
        torch.testing.assert_close(came, expected, **TOLERANCE)
    torch.testing.assert_close(weights(together), weights(alone), **TOLERANCE)


@pytest.mark.parametrize("stdp", ["additive", "weight_dependent"])
@pytest.mark.parametrize("feedback", [(), (1.0,)])
def test_nights_in_a_stack_are_nights_alone(stdp, feedback):
    sleep = SpikingSleep(
        layers=("hidden.weight", "output.weight"), steps=80, growth=0.5, rate=0.6, gains=(3.0, 6.0), feedback=feedback,
        inc=(0.01, 0.02), dec=(0.005, 0.01), stdp=stdp,
    )  # fmt: skip
    alone, together = ([brain(seed, Euler()) for seed in range(3)] for _ in range(2))
    for each in (*alone, *together):
        each.age = 2
    expected = [sleep(each, Seeds(i).rng("night")) for i, each in enumerate(alone)]
    came = sleep.stacked(together, [Seeds(i).rng("night") for i in range(3)])
    assert came == expected
    assert all(answer["rate/output.weight"] > 0 for answer in came)
    torch.testing.assert_close(weights(together), weights(alone), **TOLERANCE)


def test_rehearsal_in_a_stack_draws_what_it_draws_alone():
    """Batches then differ in length: each brain's draw decides how many exemplars come along."""
    phase = Rehearse(inner=EquilibriumWake(), today=20)
    alone, together = ([brain(seed, Euler()) for seed in range(5)] for _ in range(2))
    batches = [lesson(i, 5) for i in range(5)]
    for i, each in enumerate(alone):
        phase(each, batches[i], Seeds(i).rng("day"))
    phase.stacked(together, batches, [Seeds(i).rng("day") for i in range(5)])
    torch.testing.assert_close(weights(together), weights(alone), **TOLERANCE)


def test_what_does_not_go_together_is_refused():
    wake, batches = EquilibriumWake(), [lesson(0, 6)] * 2
    with pytest.raises(ValueError, match="differ in their weights only"):
        wake.dense_stack([brain(0, Euler()), brain(0, Euler(steps=3))], batches)
    with pytest.raises(TypeError, match="the net is a Perceptron; expected an EquilibriumRNN"):
        wake.dense_stack([Brain(net=Perceptron((5, 3)))] * 2, batches)
    with pytest.raises(TypeError, match="BackpropWake cannot be lived by several brains together"):
        Rehearse(inner=BackpropWake(), today=1).stacked([], [], [])
    older, younger = brain(0, Euler()), brain(1, Euler())
    older.age = 1
    sleep = SpikingSleep(
        layers=("hidden.weight", "output.weight"), steps=10, growth=1.0, rate=0.5, gains=(1.0, 1.0), inc=(0.1, 0.1),
        dec=(0.1, 0.1),
    )  # fmt: skip
    with pytest.raises(ValueError, match=r"nights in a stack are equally long, but these have \[20, 10\] steps"):
        sleep.dense_stack([older, younger], [Seeds(0).rng("night")] * 2)


def test_on_the_cpu_the_kernels_run_for_one_brain_after_the_other(monkeypatch):
    monkeypatch.setattr(compiled, "HOME", "cpu")
    alone, together = ([brain(seed, FixedPoint()) for seed in range(2)] for _ in range(2))
    batches, rngs = [lesson(0, 6), lesson(1, 4)], [Seeds(0).rng("day")] * 2
    for each, batch in zip(alone, batches, strict=True):
        EquilibriumWake()(each, batch, rngs[0])
    EquilibriumWake().stacked(together, batches, rngs)
    torch.testing.assert_close(weights(together), weights(alone), rtol=0, atol=0)
