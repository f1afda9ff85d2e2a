"""One contract for every memory. A new memory is tested by adding one line to `MEMORIES`."""

import pytest
import torch

from oneiros.core import Batch, Memory, Seeds
from oneiros.memory.class_activations import ClassActivations
from oneiros.memory.exemplars import Exemplars
from oneiros.memory.frozen_scholar import FrozenScholar
from oneiros.memory.images import Images
from oneiros.memory.mean_input import MeanInput
from oneiros.memory.moments import ClassMoments, Moments
from oneiros.memory.past_lessons import PastLessons
from oneiros.memory.projector import Projector
from oneiros.memory.recent_latents import RecentLatents
from oneiros.memory.shuffled_input import ShuffledInput
from oneiros.nets.layers import Perceptron
from oneiros.nets.noise import GaussianNoise
from oneiros.nets.scholar import Scholar


def scholar() -> Scholar:
    with Seeds(0).building("init"):
        return Scholar(GaussianNoise((2, 3)), Perceptron((6, 4)))


MEMORIES = {
    "mean-input": MeanInput,
    "shuffled-input": ShuffledInput,
    "exemplars": lambda: Exemplars(per_class=3),
    "frozen-scholar": lambda: FrozenScholar(scholar()),
    "recent-latents": RecentLatents,
    "past-lessons": lambda: PastLessons(scholar().solver, a_day=40),
    "projector": lambda: Projector(damping=0.1),
    "images": Images,
    "class-activations": ClassActivations,
    "moments": Moments,
    "moments in float32": lambda: Moments("float32"),
    "class-moments": ClassMoments,
    "class-activations in float16": lambda: ClassActivations(dtype="float16"),
}
every_memory = pytest.mark.parametrize("make", MEMORIES.values(), ids=MEMORIES.keys())


def lesson(seed: int = 0, n: int = 40) -> Batch:
    rng = torch.Generator().manual_seed(seed)
    return Batch(x=torch.rand(n, 2, 3, generator=rng), y=torch.arange(n) % 4)


def fill(memory: Memory, batch: Batch, rng: torch.Generator) -> None:
    """A day's end: examples stored, and what nights do before a memory can be recalled from."""
    if isinstance(memory, FrozenScholar):
        memory.take(scholar())
        return
    memory.store(batch, rng)
    if isinstance(memory, Exemplars | Projector):
        memory.seal()
    if isinstance(memory, PastLessons):
        memory.take(scholar().solver)


def filled(make) -> Memory:
    memory = make()
    fill(memory, lesson(), Seeds(0).rng("store"))
    return memory


@every_memory
def test_it_meets_the_protocol_and_says_what_it_holds(make):
    empty, full = make(), filled(make)
    assert isinstance(full, Memory)
    assert isinstance(full.holds_raw, bool)
    assert empty.nbytes == 0
    assert len(empty) == 0
    assert full.nbytes > 0
    assert len(full) > 0


@every_memory
def test_recall_from_an_empty_memory_says_what_to_do(make):
    with pytest.raises(RuntimeError, match=r"recall from .*: (store|run)"):
        make().recall(1, Seeds(0).rng("recall"))


@every_memory
@pytest.mark.parametrize("n", [1, 7])
def test_recall_gives_n_experiences_of_the_stored_shape_and_the_same_for_the_same_rng(make, n):
    memory = filled(make)
    first, second = (memory.recall(n, Seeds(1).rng("recall")) for _ in range(2))
    assert len(first) == n
    assert first.x.shape[1:] == (2, 3)
    for name, value in first.tensors().items():
        assert torch.equal(value, getattr(second, name))


@every_memory
def test_recall_changes_nothing_and_writing_to_a_recalled_batch_does_not_reach_the_memory(make):
    memory = filled(make)
    before = {k: v.clone() for k, v in memory.state_dict().items()}
    memory.recall(5, Seeds(2).rng("recall")).x.clone().zero_()
    after = memory.state_dict()
    assert before.keys() == after.keys()
    assert all(torch.equal(before[k], after[k]) for k in before)


@every_memory
def test_a_restored_memory_recalls_and_goes_on_storing_as_the_original(make):
    original, restored = filled(make), make()
    restored.load_state_dict({k: v.clone() for k, v in original.state_dict().items()})
    more = lesson(seed=9)
    more = Batch(x=more.x, y=more.y + 4)
    for memory in (original, restored):
        fill(memory, more, Seeds(3).rng("store"))
    half_way = {k: v.clone() for k, v in original.state_dict().items()}
    assert all(torch.equal(half_way[k], v) for k, v in restored.state_dict().items())
    assert torch.equal(original.recall(6, Seeds(4).rng("r")).x, restored.recall(6, Seeds(4).rng("r")).x)
    assert original.nbytes == restored.nbytes


@every_memory
def test_storing_keeps_copies_so_that_reusing_the_batch_buffer_does_no_harm(make):
    memory, batch = make(), lesson()
    fill(memory, batch, Seeds(0).rng("store"))
    before = {k: v.clone() for k, v in memory.state_dict().items()}
    batch.x.zero_()
    assert all(torch.equal(before[k], v) for k, v in memory.state_dict().items())
