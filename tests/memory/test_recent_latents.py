"""This and the previous wake batch's latents, and nothing else."""

import pytest
import torch

from oneiros.core import Batch, Seeds
from oneiros.memory.recent_latents import RecentLatents

RNG = Seeds(0).rng("unused")


def latents(value: float, n: int = 4) -> Batch:
    return Batch(x=torch.full((n, 3), value))


def test_what_was_newest_becomes_the_previous_and_what_was_previous_is_gone():
    memory = RecentLatents()
    memory.store(latents(1.0), RNG)
    assert memory.previous is None
    memory.store(latents(2.0), RNG)
    memory.store(latents(3.0), RNG)
    assert (memory.present == 3).all()
    assert memory.previous is not None
    assert (memory.previous == 2).all()
    assert memory.nbytes == 2 * 4 * 3 * 4


def test_a_batch_of_another_size_has_no_previous_one_to_be_mixed_with():
    memory = RecentLatents()
    memory.store(latents(1.0, n=4), RNG)
    memory.store(latents(2.0, n=3), RNG)
    assert memory.previous is None


def test_no_gradient_is_kept_and_forgetting_empties_it():
    memory = RecentLatents()
    memory.store(Batch(x=torch.ones(2, 3, requires_grad=True) * 2), RNG)
    assert not memory.present.requires_grad
    memory.forget()
    assert len(memory) == 0
    with pytest.raises(RuntimeError, match="run DreamingWake before the first night"):
        _ = memory.present
