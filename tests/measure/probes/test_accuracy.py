"""Looking changes nothing, and numbers are what they are called."""

import pytest
import torch

from oneiros.core import Brain
from oneiros.measure.probes import accuracy, confusion, first_nonfinite, predictions


def test_looking_puts_every_modules_own_mode_back():
    net = torch.nn.Sequential(torch.nn.Linear(2, 2), torch.nn.BatchNorm1d(2), torch.nn.Linear(2, 3))
    net.train()
    net[1].eval()  # frozen on purpose by its owner
    before = {name: value.clone() for name, value in net.state_dict().items()}
    predictions(net, torch.rand(7, 2, generator=torch.Generator().manual_seed(0)))
    assert [module.training for module in net] == [True, False, True]
    assert all(torch.equal(before[name], value) for name, value in net.state_dict().items())
    assert torch.is_grad_enabled()


def test_predictions_do_not_depend_on_the_chunk():
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        net = torch.nn.Linear(4, 5)
    x = torch.rand(23, 4, generator=torch.Generator().manual_seed(1))
    assert torch.equal(predictions(net, x, chunk=4), predictions(net, x, chunk=100))


def test_a_prediction_outside_the_asked_classes_is_wrong():
    """Classes 0 and 1 are asked; the second example of class 1 is taken for class 2."""
    assert accuracy(torch.tensor([0, 1, 2, 2]), torch.tensor([0, 1, 1, 2]), (0, 1)) == pytest.approx(2 / 3)


def test_asking_for_a_class_without_examples_is_an_error():
    with pytest.raises(ValueError, match=r"no example has a label in \(7,\)"):
        accuracy(torch.tensor([0]), torch.tensor([0]), (7,))


def test_a_class_without_examples_leaves_an_empty_row_of_the_confusion_matrix():
    matrix = confusion(torch.tensor([2, 2]), torch.tensor([0, 2]), 3)
    assert matrix.tolist() == [[0, 0, 1], [0, 0, 0], [0, 0, 1]]


@pytest.mark.parametrize("value", [float("nan"), float("inf"), -float("inf")])
def test_the_first_parameter_that_is_not_finite_is_named(value):
    net = torch.nn.Sequential(torch.nn.Linear(2, 2), torch.nn.Linear(2, 2))
    assert first_nonfinite(Brain(net=net)) is None
    with torch.no_grad():
        net[1].weight[0, 1] = value
    assert first_nonfinite(Brain(net=net)) == "1.weight"
