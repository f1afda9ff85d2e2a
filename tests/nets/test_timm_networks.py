"""timm's networks by name: features are what its scores are made from, at any layer; and replay inside them."""

import sys

import pytest
import torch
from safetensors.torch import save_file

from oneiros.core import Seeds
from oneiros.nets import cut
from oneiros.nets.backbones import BackboneError
from oneiros.nets.timm_networks import timm_backbone
from oneiros.sleeper import LayerReplay, Sleeper

timm = pytest.importorskip("timm")
IMAGES = torch.rand(3, 3, 40, 40, generator=torch.Generator().manual_seed(0))


@pytest.fixture(scope="module")
def weights(tmp_path_factory):
    with Seeds(5).building("net"):
        net = timm.create_model("test_resnet", pretrained=False, num_classes=7).eval()
    file = tmp_path_factory.mktemp("weights") / "net.safetensors"
    save_file(net.state_dict(), file)
    return net, str(file)


def test_features_are_those_that_scores_are_made_from(weights):
    net, file = weights
    found = timm_backbone("timm:test_resnet", "", file, size=40)(IMAGES)
    with torch.no_grad():  # the weights of this name were trained on images normalised by .5
        torch.testing.assert_close(net.get_classifier()(found), net((IMAGES - 0.5) / 0.5))


def test_any_layer_and_any_kind_and_untrained_weights_are_always_the_same(weights):
    assert timm_backbone("timm:test_resnet", "layer2", weights[1], size=32)(IMAGES).shape[0] == 3
    one, two = (timm_backbone("timm:test_vit", "", "random", size=160)(IMAGES[:1]) for _ in range(2))
    assert torch.equal(one, two)
    assert one.shape == (1, 64)


def test_what_cannot_be_had_is_said(weights, tmp_path):
    with pytest.raises(BackboneError, match="timm has no network 'test_resnt'. Did you mean 'test_resnet'"):
        timm_backbone("timm:test_resnt", "", "random", size=32)
    with pytest.raises(BackboneError, match="has no module 'layer22'; did you mean 'layer2'"):
        timm_backbone("timm:test_resnet", "layer22", "random", size=32)
    with pytest.raises(BackboneError, match=r"does not take images of 32 x 32 pixels .*--size 224"):
        timm_backbone("timm:vit_tiny_patch16_224", "", "random", size=32)
    with pytest.raises(BackboneError, match="does not hold the weights of timm:test_convnext: .* missing"):
        timm_backbone("timm:test_convnext", "", weights[1], size=64)
    with pytest.raises(BackboneError, match="there is no file nowhere"):
        timm_backbone("timm:test_resnet", "", "nowhere.safetensors", size=32)


def test_without_timm_it_says_what_to_install(monkeypatch):
    monkeypatch.setitem(sys.modules, "timm", None)
    with pytest.raises(BackboneError, match=r"pip install 'oneiros\[timm\]'"):
        timm_backbone("timm:test_resnet", "", "random", size=32)


@pytest.mark.parametrize(("name", "layer"), [("test_resnet", "layer3"), ("test_convnext", "stages.2")])
def test_a_layer_of_a_network_of_timms_is_replayed(name, layer):
    """Cut there, it is still the network; replayed there, the layers below rest after the first night."""
    with Seeds(0).building("net"):
        net = timm.create_model(name, pretrained=False, num_classes=4)
    x = torch.rand(16, 3, 32, 32, generator=torch.Generator().manual_seed(1))
    parts = cut(net.eval(), layer)
    with torch.no_grad():
        torch.testing.assert_close(parts.above(parts.below(x)), net(x))
    sleeper = Sleeper(net.train(), LayerReplay(layer=layer, per_class=6, replayed=12, batch_size=6), classes=4)
    for day in range(2):
        assert torch.isfinite(sleeper.loss(x, torch.arange(16) % 2 + 2 * day))
        sleeper.sleep()
    rests = [name for name, parameter in net.named_parameters() if not parameter.requires_grad]
    assert rests == [name for name, _ in parts.below.named_parameters()]
