"""Reservoir statistics against the uniform distribution they must have, and what may be recalled when."""

import pytest
import torch
from scipy.stats import chisquare

from oneiros.core import Batch, Seeds
from oneiros.memory.exemplars import Exemplars


def stream(n: int) -> Batch:
    return Batch(x=torch.arange(float(n))[:, None], y=torch.zeros(n, dtype=torch.int64))


def test_every_example_of_the_stream_is_kept_equally_often():
    """Algorithm R over 20 examples with room for 4: each position is kept with probability 1/5."""
    kept = torch.zeros(20)
    lives = 2000
    for seed in range(lives):
        memory = Exemplars(per_class=4)
        rng = Seeds(seed).rng("store")
        for part in range(0, 20, 5):
            batch = stream(20)
            memory.store(Batch(x=batch.x[part : part + 5], y=batch.targets()[part : part + 5]), rng)
        memory.seal()
        kept[memory.kept[0].flatten().long()] += 1
    assert kept.sum() == 4 * lives
    # Positions are kept without replacement, which only lowers the statistic's variance: a valid bound.
    assert chisquare(kept.numpy()).pvalue > 1e-3


def test_nothing_of_today_is_recalled_before_the_night():
    memory, rng = Exemplars(per_class=2), Seeds(0).rng("x")
    memory.store(stream(5), rng)
    assert len(memory) == 0
    with pytest.raises(RuntimeError, match="SealExemplars"):
        memory.recall(1, rng)
    memory.seal()
    assert len(memory) == 2
    assert memory.classes == (0,)


def test_a_sealed_class_is_not_sampled_again_when_it_passes_by():
    memory, rng = Exemplars(per_class=2), Seeds(0).rng("x")
    memory.store(stream(5), rng)
    memory.seal()
    before = memory.kept[0].clone()
    memory.store(stream(50), rng)
    memory.seal()
    assert torch.equal(memory.kept[0], before)


def test_no_room_is_refused():
    with pytest.raises(ValueError, match="at least 1"):
        Exemplars(per_class=0)
