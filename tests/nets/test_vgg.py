"""VGG against torchvision's, and cut networks against whole ones."""

import pytest
import torch
import torchvision
from torch import nn

from oneiros.core import Seeds
from oneiros.nets import VGG, Architecture, cut, lend_dropout, names_above
from oneiros.nets.modes import Dropout, learning, resting
from oneiros.nets.vgg import VGG16

SMALL = Architecture(blocks=((3,), (4, 4), (5,)), head=(6, 7), size=16)


def images(n: int, size: int) -> torch.Tensor:
    return torch.rand(n, 3, size, size, generator=torch.Generator().manual_seed(0))


def build_brain(anatomy=SMALL, classes: int = 3) -> VGG:
    with Seeds(0).building("init"):
        return VGG(anatomy, classes)


def test_vgg16_is_torchvisions():
    """The same layers and, given its convolutions in whatever order a file keeps them, the same features."""
    with torch.device("meta"):
        mine, theirs = VGG(Architecture(), 10), torchvision.models.vgg16(num_classes=10)
    assert sum(p.numel() for p in mine.parameters()) == sum(p.numel() for p in theirs.parameters()) == 134_301_514
    assert [p.shape for p in mine.features.parameters()] == [p.shape for p in theirs.features.parameters()]
    assert mine.locations == tuple(f"features.pool{number}" for number in range(1, 6))


def test_convolutions_of_torchvisions_layers_give_their_activations():
    with Seeds(0).building("theirs"):
        theirs = torchvision.models.vgg.make_layers([4, "M", 6, 5, "M"])
    mine = build_brain(Architecture(blocks=((4,), (6, 5)), head=(8,), size=32))
    state = {f"features.{name}": value for name, value in theirs.state_dict().items()}
    mine.load_features(dict(sorted(state.items(), key=lambda item: item[0][::-1])))
    x = images(2, 32)
    assert torch.allclose(mine.features(x), theirs(x), atol=1e-6)


def test_it_refuses_other_convolutions_and_impossible_sizes():
    with pytest.raises(ValueError, match="these weights are of a network with convolutions"):
        build_brain().load_features(build_brain(Architecture(blocks=((3,), (4,)), size=16)).state_dict())
    with pytest.raises(ValueError, match="expected at least 32 pixels"):
        Architecture(size=16)
    assert len(VGG16) == 5


def test_the_head_is_glorots_and_inputs_are_normalised():
    net = build_brain(Architecture(blocks=((3,),), head=(400,), size=16), classes=10)
    bound = (6 / (192 + 400)) ** 0.5
    assert bound * 0.98 < float(net.classifier[0].weight.detach().abs().max()) <= bound
    assert not net.classifier[0].bias.any()
    grey = torch.tensor((0.485, 0.456, 0.406))[None, :, None, None]
    assert torch.allclose(net.normalise(grey), torch.zeros(1, 3, 1, 1), atol=1e-7)


@pytest.mark.parametrize("location", ["normalise", "features.pool1", "features.conv2_2", "features.pool3"])
def test_below_and_above_are_the_whole(location):
    net, x = build_brain().eval(), images(4, 16)
    parts = cut(net, location)
    assert torch.equal(parts.above(parts.below(x)), net(x))


@pytest.mark.parametrize("location", ["maxpool", "layer1", "layer2.0", "layer3", "layer4.1.bn1"])
def test_a_resnet_can_be_cut_where_nothing_passes_by(location):
    with Seeds(0).building("init"):
        net = torchvision.models.resnet18(num_classes=4).eval()
    x = images(2, 64)
    if location == "layer4.1.bn1":
        with pytest.raises(ValueError, match="is passed by"):
            cut(net, location)
        return
    parts = cut(net, location)
    assert torch.equal(parts.above(parts.below(x)), net(x))
    own = dict(net.named_parameters())
    assert all(own[name] is p for name, p in parts.above.named_parameters())
    assert names_above(net, "layer4") == ("fc.weight", "fc.bias")


def test_other_names_are_refused_with_the_nearest():
    with pytest.raises(KeyError, match=r"features.pool1"):
        cut(build_brain(), "features.pool_1")


class Twice(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.same = nn.Linear(3, 3)

    def forward(self, x):
        return self.same(self.same(x))


def test_a_layer_that_is_used_twice_is_no_place_to_replay_from():
    with pytest.raises(ValueError, match="called 2 times"):
        cut(Twice(), "same")


def test_dropout_draws_from_the_generator_that_it_is_lent_and_keeps_means():
    layer, x = Dropout(0.25), torch.ones(4000)
    assert torch.equal(layer(x), x)
    with learning(layer, torch.Generator().manual_seed(0)):
        first = layer(x)
    with learning(layer, torch.Generator().manual_seed(0)):
        second = layer(x)
    assert torch.equal(first, second)
    assert sorted(set(first.tolist())) == pytest.approx([0.0, 4 / 3])
    assert float((first == 0).float().mean()) == pytest.approx(0.25, abs=0.03)
    assert layer.lent is None


def test_dropout_stays_alive_above_a_cut():
    net = build_brain()
    above, z = cut(net, "features.pool2").above, torch.rand(5, 4, 4, 4)
    with resting(net):
        still = above(z)
    with learning(net, torch.Generator().manual_seed(0)), torch.no_grad():
        assert not torch.equal(above(z), still)
    with resting(net):
        assert torch.equal(above(z), still)


def test_foreign_dropout_is_named_and_can_be_replaced():
    net = nn.Sequential(nn.Linear(2, 2), nn.Sequential(nn.Dropout(0.5)))
    with (
        pytest.raises(TypeError, match=r"\['1.0'\] draw from torch's global generator"),
        learning(net, torch.Generator()),
    ):
        pass
    assert isinstance(lend_dropout(net)[1][0], Dropout)
    with learning(net, torch.Generator()):
        pass
