"""What is held out stays held out all day, nothing is admitted twice, and all of it is gone with the night."""

import torch

from oneiros.core import Batch
from oneiros.memory.held_out import HeldOut
from oneiros.nets.candidates import fingerprints


def examples(n: int = 400, seed: int = 0) -> Batch:
    rng = torch.Generator().manual_seed(seed)
    return Batch(x=torch.rand(n, 3, generator=rng), y=torch.arange(n) % 4)


def part(batch: Batch, index: torch.Tensor) -> Batch:
    return Batch(x=batch.x[index], y=batch.targets()[index])


def test_in_any_order_and_cutting_the_same_examples_are_held_out_and_each_is_admitted_once():
    batch = examples()
    memory = HeldOut(share=0.2, most=1000)
    chosen = memory.held(batch)
    assert 40 <= int(chosen.sum()) <= 120  # 80 expected, five standard errors
    new = 0
    for epoch in range(3):
        order = torch.randperm(400, generator=torch.Generator().manual_seed(epoch))
        for index in order.split(37):
            lesson = part(batch, index)
            assert torch.equal(memory.held(lesson), chosen[index])
            new += len(memory.admit(lesson))
    assert new == 400 - int(chosen.sum())
    assert len(memory) == int(chosen.sum())
    held = memory.take()
    assert sorted(map(tuple, held.x.tolist())) == sorted(map(tuple, batch.x[chosen].tolist()))


def test_no_more_than_the_most_are_held_out_and_the_others_are_admitted():
    memory = HeldOut(share=0.5, most=10)
    batch = examples()
    admitted = len(memory.admit(batch))
    assert len(memory) == 10
    assert admitted == 390
    assert int(memory.held(batch).sum()) == 10


def test_a_row_that_comes_twice_in_a_batch_counts_once():
    batch = examples(40)
    memory = HeldOut(share=0.2, most=100)
    twice = Batch(x=batch.x.repeat(2, 1), y=batch.targets().repeat(2))
    assert len(memory.admit(twice)) + len(memory) == 40


def test_raw_examples_are_there_by_day_only():
    memory = HeldOut(share=0.2, most=100)
    assert not memory.holds_raw
    memory.admit(examples())
    assert memory.holds_raw
    assert memory.nbytes >= len(memory) * (3 * 4 + 8) + 400 * 8
    memory.take()
    assert not memory.holds_raw
    assert memory.nbytes == 0
    memory.wait(examples(4))
    assert memory.holds_raw
    memory.take_waiting()
    assert not memory.holds_raw


def test_a_fingerprint_tells_rows_apart_and_changes_with_one_bit():
    x = torch.rand(2000, 5, generator=torch.Generator().manual_seed(0))
    assert len(set(fingerprints(x).tolist())) == 2000
    other = x.clone()
    other[:, 2] = torch.nextafter(other[:, 2], torch.tensor(2.0))
    assert not (fingerprints(x) == fingerprints(other)).any()
    swapped = x[:, [1, 0, 2, 3, 4]]
    assert not (fingerprints(x) == fingerprints(swapped)).any()
    assert torch.equal(fingerprints(x.double()[:3]), fingerprints(x.double())[:3])
