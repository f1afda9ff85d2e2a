"""Importance by hand, correlation against numpy's, and nothing changed by looking."""

import numpy as np
import pytest
import torch

from oneiros.core import Seeds
from oneiros.measure.probes.representation import class_correlation, hidden_activity, importance, importance_similarity
from oneiros.nets import EquilibriumRNN, Perceptron, RecurrentNet


def test_importance_of_two_synapses_by_hand():
    """Class 1 has activities (2, 0) and (4, 6): means (3, 3). W = [[1, -1], [0, 2]] gives [[3, -3], [0, 6]]."""
    activity, y = torch.tensor([[9.0, 9.0], [2.0, 0.0], [4.0, 6.0]]), torch.tensor([0, 1, 1])
    weight = torch.tensor([[1.0, -1.0], [0.0, 2.0]])
    assert importance(activity, y, weight, 1).tolist() == [[3.0, -3.0], [0.0, 6.0]]


def test_similarity_of_importance_is_a_cosine():
    """(3, -3, 0, 6) and (6, 0, 0, 3): 18 + 18 = 36 over sqrt(54) sqrt(45)."""
    one, other = torch.tensor([[3.0, -3.0], [0.0, 6.0]]), torch.tensor([[6.0, 0.0], [0.0, 3.0]])
    assert importance_similarity(one, other) == pytest.approx(36 / np.sqrt(54 * 45))
    assert importance_similarity(one, 5 * one) == pytest.approx(1.0)
    assert importance_similarity(one, -one) == pytest.approx(-1.0)


def test_class_correlation_is_the_mean_over_pairs_of_examples():
    """Against numpy's correlation of every pair of examples, one by one."""
    rng = torch.Generator().manual_seed(0)
    activity, y = torch.rand(9, 12, generator=rng).double(), torch.tensor([0, 0, 0, 1, 1, 1, 1, 2, 2])
    pairs = np.corrcoef(activity.numpy())
    expected = np.zeros((3, 3))
    for a in range(3):
        for b in range(3):
            members = [(i, j) for i in range(9) for j in range(9) if y[i] == a and y[j] == b and i != j]
            expected[a, b] = np.mean([pairs[i, j] for i, j in members])
    np.testing.assert_allclose(class_correlation(activity, y, 3), expected, atol=1e-12)


def test_a_class_that_was_not_asked_has_no_correlation():
    found = class_correlation(
        torch.rand(4, 5, generator=torch.Generator().manual_seed(0)), torch.tensor([0, 0, 2, 2]), 3
    )
    assert found[1].isnan().all()
    assert found[:, 1].isnan().all()
    assert found[0, 2].isfinite()


@pytest.mark.parametrize("make", [EquilibriumRNN, RecurrentNet, lambda sizes: Perceptron((6, 5, 8, 3))])
def test_scores_are_read_from_the_activity_and_looking_changes_no_mode(make):
    with Seeds(0).building("init"):
        net = make((6, 8, 3))
    x = torch.rand(7, 6, generator=torch.Generator().manual_seed(0))
    activity = hidden_activity(net, x, chunk=3)
    output = net.layers[-1] if isinstance(net, Perceptron) else net.output
    torch.testing.assert_close(output(activity), net(x))
    assert not activity.requires_grad
    assert all(module.training for module in net.modules())


def test_a_net_without_activity_is_refused_with_what_has_one():
    with pytest.raises(TypeError, match="Linear has no activity.*use EquilibriumRNN, RecurrentNet or Perceptron"):
        hidden_activity(torch.nn.Linear(3, 2), torch.zeros(1, 3))
