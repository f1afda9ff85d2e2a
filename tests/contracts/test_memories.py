"""One contract for every memory. A new memory is tested by adding one line to `CASES`."""

import importlib
import inspect
import pkgutil
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pytest
import torch

import oneiros.memory
from oneiros.core import Batch, Memory, Replayable, Seeds, Writable
from oneiros.memory.anchor import Anchor
from oneiros.memory.class_activations import ClassActivations
from oneiros.memory.dreams import Dreams
from oneiros.memory.evidence import BEHIND, Evidence
from oneiros.memory.exemplars import Exemplars
from oneiros.memory.frozen_scholar import FrozenScholar
from oneiros.memory.held_out import HeldOut
from oneiros.memory.images import Images
from oneiros.memory.mean_input import MeanInput
from oneiros.memory.moments import ClassMoments, Moments
from oneiros.memory.past_lessons import PastLessons
from oneiros.memory.projector import Projector
from oneiros.memory.recent_latents import RecentLatents
from oneiros.memory.selector import Selector
from oneiros.memory.shuffled_input import ShuffledInput
from oneiros.memory.waiting import SeenToday, Waiting
from oneiros.nets.layers import Perceptron
from oneiros.nets.noise import GaussianNoise
from oneiros.nets.scholar import Scholar


def scholar() -> Scholar:
    with Seeds(0).building("init"):
        return Scholar(GaussianNoise((2, 3)), Perceptron((6, 4)))


def lesson(day: int = 0, n: int = 40) -> Batch:
    """Four classes, other ones every day."""
    rng = torch.Generator().manual_seed(day)
    return Batch(x=torch.rand(n, 2, 3, generator=rng), y=torch.arange(n) % 4 + 4 * day)


def stores(memory: Any, batch: Batch, rng: torch.Generator) -> None:
    memory.store(batch, rng)


def stores_and_seals(memory: Any, batch: Batch, rng: torch.Generator) -> None:
    memory.store(batch, rng)
    memory.seal()


def stores_and_adds_up(memory: Moments, batch: Batch, rng: torch.Generator) -> None:
    memory.store(batch, rng)
    memory.added()


def stores_and_takes(memory: PastLessons, batch: Batch, rng: torch.Generator) -> None:
    memory.store(batch, rng)
    memory.take(scholar().solver)


def takes(memory: FrozenScholar, batch: Batch, rng: torch.Generator) -> None:
    memory.take(scholar())


def is_rewarded(memory: Selector, batch: Batch, rng: torch.Generator) -> None:
    for label, worth in zip(batch.targets()[:4].tolist(), batch.x[:4, 0, 0].tolist(), strict=True):
        memory.reward(label, worth)


def is_asked_about(memory: HeldOut, batch: Batch, rng: torch.Generator) -> None:
    memory.wait(memory.admit(batch))


def is_counted(memory: Evidence, batch: Batch, rng: torch.Generator) -> None:
    memory.prepared(1, 4)
    memory.add({"network": 3, "sums": 4, "far": 0}, 8)
    if memory.days == 2:
        memory.give_up("far", BEHIND)
    memory.prepared(3, 4)


def dreams_of(memory: Dreams, batch: Batch, rng: torch.Generator) -> None:
    if memory.x is not None:
        memory.kept(memory.x.flatten(1)[:, 0] > 0.5)
    memory.answered(memory.draw(batch, rng).flatten(1)[:, 0] > 0.5)


def anchors(memory: Anchor, batch: Batch, rng: torch.Generator) -> None:
    weights, importance = batch.x[0], batch.x[1].square()
    memory.take({"a": weights, "b": weights + 1}, {"a": importance, "b": importance}, decay=0.5)


@dataclass(frozen=True)
class Case:
    """A memory, and all that a day and its night do to it: this is `fill(memory, batch, rng)`."""

    make: Callable[[], Memory]
    fill: Callable[[Any, Batch, torch.Generator], None] = stores

    def filled(self) -> Any:
        memory = self.make()
        self.fill(memory, lesson(), Seeds(0).rng("fill"))
        return memory


CASES = {
    "anchor": Case(Anchor, anchors),
    "mean-input": Case(MeanInput),
    "shuffled-input": Case(ShuffledInput),
    "exemplars": Case(lambda: Exemplars(per_class=3), stores_and_seals),
    "exemplars of today": Case(lambda: Exemplars(per_class=3)),
    "frozen-scholar": Case(lambda: FrozenScholar(scholar()), takes),
    "recent-latents": Case(RecentLatents),
    "past-lessons": Case(lambda: PastLessons(scholar().solver, a_day=40), stores_and_takes),
    "past-lessons of today": Case(lambda: PastLessons(scholar().solver, a_day=60)),
    "projector": Case(lambda: Projector(damping=0.1), stores_and_seals),
    "projector of today": Case(lambda: Projector(damping=0.1)),
    "images": Case(Images),
    "class-activations": Case(ClassActivations),
    "class-activations in float16": Case(lambda: ClassActivations(dtype="float16")),
    "moments": Case(Moments, stores_and_adds_up),
    "moments that wait, of today": Case(Moments),
    "moments in float32": Case(lambda: Moments("float32"), stores_and_adds_up),
    "class-moments": Case(ClassMoments, stores_and_adds_up),
    "held-out": Case(lambda: HeldOut(share=0.3, most=9), is_asked_about),
    "dreams": Case(Dreams, dreams_of),
    "evidence": Case(lambda: Evidence(("network", "sums", "far")), is_counted),
    "waiting": Case(Waiting),
    "seen-today": Case(SeenToday),
    "selector": Case(lambda: Selector(8, fits=2), is_rewarded),
}
every_memory = pytest.mark.parametrize("case", CASES.values(), ids=CASES.keys())
REPLAYED = {
    name: case for name, case in CASES.items() if isinstance(case.make(), Replayable) and "of today" not in name
}
every_replayable = pytest.mark.parametrize("case", REPLAYED.values(), ids=REPLAYED.keys())
WRITTEN = {name: case for name, case in CASES.items() if isinstance(case.make(), Writable)}
every_writable = pytest.mark.parametrize("case", WRITTEN.values(), ids=WRITTEN.keys())


def state_of(memory: Memory) -> dict[str, torch.Tensor]:
    return {key: value.clone() for key, value in memory.state_dict().items()}


def same(a: dict[str, torch.Tensor], b: dict[str, torch.Tensor]) -> bool:
    return a.keys() == b.keys() and all(torch.equal(a[key], b[key]) for key in a)


def test_every_memory_of_the_package_has_a_case_and_there_are_as_many_as_that():
    """Counts what the folder defines, so that a memory cannot be forgotten here."""
    defined = set()
    for module in pkgutil.iter_modules(oneiros.memory.__path__):
        loaded = importlib.import_module(f"oneiros.memory.{module.name}")
        defined |= {
            name
            for name, thing in inspect.getmembers(loaded, inspect.isclass)
            if thing.__module__ == loaded.__name__ and hasattr(thing, "holds_raw")
        }
    tested = {type(case.make()).__name__ for case in CASES.values()}
    missing = sorted(defined - tested)
    assert defined == tested, f'add a line to CASES in {__file__}, such as "NAME": Case(MEMORY), for {missing}'


def test_which_memories_can_be_replayed_from_and_written_to():
    """A change here changes what may stand where: `Remember` writes, rehearsing days and spiking sleep recall."""
    written, replayed = ({type(case.make()).__name__ for case in cases.values()} for cases in (WRITTEN, REPLAYED))
    assert replayed == {
        "MeanInput",
        "ShuffledInput",
        "Exemplars",
        "FrozenScholar",
        "PastLessons",
        "Images",
        "Moments",
        "ClassMoments",
    }
    assert written == {
        "MeanInput", "ShuffledInput", "Exemplars", "PastLessons", "Images", "RecentLatents", "Projector",
        "ClassActivations", "Moments", "ClassMoments", "Waiting", "SeenToday",
    }  # fmt: skip


@every_memory
def test_it_meets_the_protocol_and_says_what_it_holds(case):
    empty, full = case.make(), case.filled()
    assert isinstance(full, Memory)
    assert isinstance(full.holds_raw, bool)
    assert empty.nbytes == 0
    assert full.nbytes > 0


@every_memory
def test_its_state_restores_it_and_it_goes_on_as_the_original(case):
    original, restored = case.filled(), case.make()
    restored.load_state_dict(state_of(original))
    assert same(state_of(original), state_of(restored))
    for memory in (original, restored):
        case.fill(memory, lesson(day=1), Seeds(3).rng("fill"))
    assert same(state_of(original), state_of(restored))
    assert original.nbytes == restored.nbytes


@every_memory
def test_the_state_of_an_empty_memory_empties_a_full_one(case):
    memory = case.filled()
    memory.load_state_dict(state_of(case.make()))
    assert memory.nbytes == 0
    assert same(state_of(memory), state_of(case.make()))


@every_memory
def test_what_is_restored_is_apart_from_the_original(case):
    original, restored = case.filled(), case.make()
    before = state_of(original)
    restored.load_state_dict(state_of(original))
    case.fill(restored, lesson(day=1), Seeds(3).rng("fill"))
    assert same(before, state_of(original))


@every_writable
def test_storing_keeps_copies_so_that_reusing_the_batch_buffer_does_no_harm(case):
    memory, batch = case.make(), lesson()
    case.fill(memory, batch, Seeds(0).rng("fill"))
    before = state_of(memory)
    batch.x.zero_()
    assert same(before, state_of(memory))


@every_replayable
def test_recall_from_an_empty_memory_says_what_to_do(case):
    assert len(case.make()) == 0
    with pytest.raises(RuntimeError, match=r"recall from .*: (store|run)"):
        case.make().recall(1, Seeds(0).rng("recall"))


@every_replayable
@pytest.mark.parametrize("n", [1, 7])
def test_recall_gives_n_experiences_of_the_stored_shape_and_the_same_for_the_same_rng(case, n):
    memory = case.filled()
    assert len(memory) > 0
    first, second = (memory.recall(n, Seeds(1).rng("recall")) for _ in range(2))
    assert len(first) == n
    assert first.x.shape[1:] == (2, 3)
    for name, value in first.tensors().items():
        assert torch.equal(value, getattr(second, name))


@every_replayable
def test_a_restored_memory_recalls_what_the_original_does(case):
    original, restored = case.filled(), case.make()
    restored.load_state_dict(state_of(original))
    first, second = (memory.recall(6, Seeds(4).rng("r")).tensors() for memory in (original, restored))
    assert same(first, second)


@every_replayable
def test_recall_changes_nothing_and_writing_to_a_recalled_batch_does_not_reach_the_memory(case):
    memory = case.filled()
    before = state_of(memory)
    recalled = memory.recall(5, Seeds(2).rng("recall"))
    for value in recalled.tensors().values():
        # A mean input is recalled as n views of one row.
        value.copy_(torch.zeros_like(value)) if value.is_contiguous() else value[:1].zero_()
    assert same(before, state_of(memory))
