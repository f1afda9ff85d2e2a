"""Batches, brains and streams."""

import pytest
import torch

from oneiros.core import Batch, Brain, Replayable, Seeds, Writable, concatenate
from oneiros.memory import Exemplars, Images, MeanInput, Projector


def test_tensors_of_a_batch_must_share_axis_0():
    with pytest.raises(ValueError, match=r"Batch.y has shape \(3,\), but x has \(2, 4\)"):
        Batch(x=torch.zeros(2, 4), y=torch.zeros(3))


def test_missing_labels_are_named():
    with pytest.raises(ValueError, match="no labels y"):
        Batch(x=torch.zeros(2, 4)).targets()


def test_concatenation_drops_nothing_unasked():
    labelled, bare = Batch(x=torch.zeros(1, 2), y=torch.ones(1)), Batch(x=torch.ones(2, 2))
    with pytest.raises(ValueError, match=r"y is in 1 of 2 batches: name the fields that are wanted, .*only="):
        concatenate([labelled, bare])
    both = concatenate([labelled, bare], only=("x",))
    assert both.x.tolist() == [[0, 0], [1, 1], [1, 1]]
    assert both.y is None
    with pytest.raises(ValueError, match="y is in 0 of 1 batches"):
        concatenate([bare], only=("x", "y"))


def test_weights_of_rows_are_not_joined_as_if_they_added_up_to_one():
    weighed = Batch(x=torch.zeros(2, 1), weight=torch.tensor([0.25, 0.75]))
    with pytest.raises(ValueError, match="weights of 2 batches cannot be joined as they are"):
        concatenate([weighed, weighed])


def test_streams_differ_by_seed_name_and_address_and_only_by_them():
    def draw(seeds, name, *address):
        return torch.rand((), generator=seeds.rng(name, *address)).item()

    addresses = [
        (Seeds(0), "a"),
        (Seeds(1), "a"),
        (Seeds(0), "b"),
        (Seeds(0), "a", 0),
        (Seeds(0), "a", 1),
        (Seeds(0), "a", 0, 1),
    ]
    drawn = [draw(*address) for address in addresses]
    assert len(set(drawn)) == len(drawn)
    assert drawn == [draw(*address) for address in addresses]


def test_a_streams_numbers_are_pinned():
    """A change here silently changes every row. The hexadecimals are sha256sum's answer to "0/wake/1/2"."""
    assert Seeds(0).number("wake", 1, 2) == int("c8dd327b88fd0121", 16) >> 1


def test_building_seeds_layers_and_puts_the_global_generator_back():
    before = torch.get_rng_state()
    with Seeds(0).building("init"):
        first = torch.nn.Linear(3, 3).weight
    with Seeds(0).building("init"):
        second = torch.nn.Linear(3, 3).weight
    assert torch.equal(first, second)
    assert torch.equal(torch.get_rng_state(), before)


def test_unknown_memories_and_optimisers_are_answered_with_those_there_are():
    brain = Brain(net=torch.nn.Linear(1, 1), memory={}, optim={"wake": torch.optim.SGD([torch.zeros(1)])})
    with pytest.raises(KeyError, match="no memory 'mean'; it has none"):
        brain.remembers("mean")
    with pytest.raises(KeyError, match=r"no optimiser 'sleep'; it has \['wake'\]"):
        brain.optimiser("sleep")


def test_memories_and_nets_are_looked_up_by_kind():
    """Classes and protocols; another kind is told with what was expected and where to give it."""
    brain = Brain(net=torch.nn.Sequential(torch.nn.Linear(1, 1)), memory={"day": Images(), "projector": Projector(0.1)})
    assert brain.remembers("day", Exemplars, Images) is brain.remembers("day", Replayable) is brain.memory["day"]
    assert brain.remembers("projector", Writable) is brain.remembers("projector")
    with pytest.raises(TypeError, match="memory 'day' is an Images; expected an Exemplars or a Projector: give such"):
        brain.remembers("day", Exemplars, Projector)
    with pytest.raises(TypeError, match="memory 'projector' is a Projector; expected a Replayable"):
        brain.remembers("projector", Replayable)
    assert brain.network(torch.nn.Linear, part="0") is brain.network(torch.nn.Sequential)[0]
    with pytest.raises(TypeError, match="the net is a Sequential; expected a Linear: give such a one, or use another"):
        brain.network(torch.nn.Linear)
    with pytest.raises(TypeError, match="the solver of a Sequential is missing; expected a Linear"):
        brain.network(torch.nn.Linear, part="solver")


def test_a_look_up_computes_no_property_of_a_memory():
    """`isinstance` would, in Python 3.11: for `Moments` that means adding up what waits."""

    class Watched(MeanInput):
        @property
        def nbytes(self) -> int:
            asked.append("nbytes")
            return 0

    asked: list[str] = []
    brain = Brain(net=torch.nn.Linear(1, 1), memory={"mean": Watched()})
    asked.clear()  # the tests' own check of types asks
    assert brain.remembers("mean", Writable) is brain.remembers("mean", Replayable) is brain.memory["mean"]
    assert not asked
