"""The mean is the mean, whatever the batches it came in."""

import torch

from oneiros.core import Batch, Seeds
from oneiros.memory.mean_input import MeanInput


def test_mean_of_three_inputs_in_two_batches_by_hand():
    memory, rng = MeanInput(), Seeds(0).rng("store")
    memory.store(Batch(x=torch.tensor([[0.0, 1.0], [1.0, 1.0]])), rng)
    memory.store(Batch(x=torch.tensor([[0.5, 0.25]])), rng)
    assert memory.recall(2, rng).x.tolist() == [[0.5, 0.75], [0.5, 0.75]]
    assert len(memory) == 3
    assert not memory.holds_raw
    assert memory.nbytes == 2 * 8
