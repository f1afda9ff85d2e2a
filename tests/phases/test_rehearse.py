"""How much is mixed in, against the arithmetic; and that rehearsal is one optimiser step."""

from dataclasses import dataclass, field

import pytest
import torch

from oneiros.core import Batch, Brain, Seeds
from oneiros.memory.exemplars import Exemplars
from oneiros.phases.around.rehearse import Rehearse


@dataclass(frozen=True)
class Spy:
    """A wake phase that notes what it is given."""

    name: str = "spy"
    changes: tuple[str, ...] = ()
    returns: tuple[str, ...] = ()
    given: list = field(default_factory=list)

    def __call__(self, brain: Brain, batch: Batch, rng: torch.Generator) -> dict[str, torch.Tensor]:
        self.given.append(batch)
        return {}


def new(n: int, label: int) -> Batch:
    return Batch(x=torch.full((n, 1), float(label)), y=torch.full((n,), label))


def brain_with(exemplars: int) -> Brain:
    memory = Exemplars(per_class=max(1, exemplars))
    if exemplars:
        memory.store(new(exemplars, 7), Seeds(0).rng("store"))
        memory.seal()
    return Brain(net=torch.nn.Linear(1, 1), memory={"exemplars": memory})


def test_exemplars_come_up_as_often_as_new_examples_do():
    """30 exemplars and 100 new examples a day: a batch of 10 brings 3 along, 9 in every 3 batches of 10."""
    spy, brain = Spy(), brain_with(30)
    for step in range(200):
        Rehearse(inner=spy, today=100)(brain, new(10, 1), Seeds(0).rng("day", step))
    old = [int((batch.y == 7).sum()) for batch in spy.given]
    assert set(old) == {3}
    assert all(int((batch.y == 1).sum()) == 10 for batch in spy.given)


def test_fractions_are_rounded_at_random_with_the_right_mean():
    """25 exemplars, 1000 a day, batch of 10: 0.25 a batch; 4 sigma of 2000 Bernoulli(1/4) means is 0.039."""
    spy, brain = Spy(), brain_with(25)
    for step in range(2000):
        Rehearse(inner=spy, today=1000)(brain, new(10, 1), Seeds(0).rng("day", step))
    old = torch.tensor([float((batch.y == 7).sum()) for batch in spy.given])
    assert set(old.tolist()) == {0.0, 1.0}
    assert abs(old.mean() - 0.25) < 0.039


def test_with_an_empty_memory_the_inner_phase_gets_its_batch_as_it_is():
    spy, batch = Spy(), new(4, 1)
    Rehearse(inner=spy, today=100)(brain_with(0), batch, Seeds(0).rng("day"))
    assert spy.given == [batch]


def test_a_day_without_examples_is_refused():
    with pytest.raises(ValueError, match="Rehearse.today is 0"):
        Rehearse(inner=Spy(), today=0)
