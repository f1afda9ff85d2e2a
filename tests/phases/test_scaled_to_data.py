"""Scales from data by hand, and that the night with them is the plain one with other gains."""

from dataclasses import replace

import pytest
import torch

from oneiros.core import Batch, Brain, Seeds
from oneiros.memory import Images, MeanInput
from oneiros.nets import DropoutPerceptron
from oneiros.phases import ScaledToData, SpikingSleep

LAYERS = ("layers.0.weight", "layers.4.weight")
NIGHT = SpikingSleep(layers=LAYERS, steps=50, rate=1.0, gains=(6.0, 3.0), inc=(0.01,) * 2, dec=(0.02,) * 2)


def brain(*, seen: list[list[float]], dropout: float = 0.5) -> Brain:
    """Two inputs, two hidden units, one output; W1 = [[1, 1], [-1, 3]], W2 = [[2, -1]]."""
    net = DropoutPerceptron((2, 2, 1), dropout=dropout, span=0.1)
    net.load_state_dict(
        {"layers.0.weight": torch.tensor([[1.0, 1.0], [-1.0, 3.0]]), "layers.4.weight": torch.tensor([[2.0, -1.0]])}
    )
    rng, images, mean = Seeds(0).rng("store"), Images(), MeanInput()
    for x in seen:
        batch = Batch(x=torch.tensor([x]), y=torch.tensor([0]))
        images.store(batch, rng)
        mean.store(batch, rng)
    return Brain(net=net, memory={"seen": images, "mean": mean})


def test_gains_are_multiplied_by_scales_worked_out_on_paper(monkeypatch):
    """Inputs (1, 1) and (1, 0), dropout 1/2: hidden (2, 2) / 2 and (1, 0) / 2, output 2 - 1 = 1 and 1.

    Largest: layer 1 the weight 3 (activation 1), layer 2 the weight 2 (activation 1).
    Scales: 1/3, then 3/2. Gains 6 and 3 become 2 and 4.5.
    """
    slept: list[SpikingSleep] = []
    monkeypatch.setattr(SpikingSleep, "__call__", lambda self, brain, rng: slept.append(self) or {})
    ScaledToData(inner=NIGHT)(brain(seen=[[1, 1], [1, 0]]), Seeds(0).rng("night"))
    assert slept[0].gains == pytest.approx((2.0, 4.5))
    assert replace(slept[0], gains=NIGHT.gains) == NIGHT


def test_activations_count_where_they_are_larger_than_weights_as_heard_by_the_layer_above():
    """Without dropout input (0, 1) makes hidden (1, 3) and output -1; (1, 1) makes (2, 2) and 2; (1, 0) (1, 0) and 2.

    So far weights are the largest: 3 and 2. With W1 doubled hidden reaches 6 and output 4: scales 1/6 and 6/4.
    """
    scaled = ScaledToData(inner=NIGHT)
    one = brain(seen=[[0, 1], [1, 1], [1, 0]], dropout=0.0)
    assert scaled._largest(one) == pytest.approx([3.0, 2.0])
    with torch.no_grad():
        one.net.get_parameter("layers.0.weight").mul_(2)
    assert scaled._largest(one) == pytest.approx([6.0, 4.0])


def test_the_night_is_that_with_the_scaled_gains_and_hooks_are_gone():
    first, second = (brain(seen=[[1, 1], [1, 0]]) for _ in range(2))
    ScaledToData(inner=NIGHT)(first, Seeds(0).rng("night"))
    replace(NIGHT, gains=(6 * (1 / 3), 3 * 1.5))(second, Seeds(0).rng("night"))
    for a, b in zip(first.net.parameters(), second.net.parameters(), strict=True):
        torch.testing.assert_close(a, b, rtol=0, atol=1e-6)
    assert not any(module._forward_pre_hooks for module in first.net.modules())


def test_without_images_it_says_what_to_do():
    with pytest.raises(RuntimeError, match="scales from an empty Images memory: store a batch"):
        ScaledToData(inner=NIGHT)(brain(seen=[]), Seeds(0).rng("night"))
    with pytest.raises(TypeError, match="memory 'mean' is a MeanInput; expected an Images"):
        ScaledToData(inner=NIGHT, memory="mean")(brain(seen=[[1, 1]]), Seeds(0).rng("night"))


def test_a_layer_in_which_nothing_is_positive_has_no_scale():
    one = brain(seen=[[1, 1]])
    with torch.no_grad():
        one.net.get_parameter("layers.4.weight").fill_(-1)
    with pytest.raises(ValueError, match=r"no scale where neither .* \[3.0, -1.0\]"):
        ScaledToData(inner=NIGHT)(one, Seeds(0).rng("night"))
