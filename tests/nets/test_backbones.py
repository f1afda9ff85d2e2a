"""Fixed networks for features: what comes out is the layer asked for, and what cannot be had is said."""

import pytest
import torch
from safetensors.torch import save_file
from torchvision.models import resnet18

from oneiros.core import Seeds
from oneiros.nets.backbones import IMAGENET_MEAN, IMAGENET_STD, BackboneError, torchvision_backbone
from oneiros.nets.blocks import ConvBlocks

IMAGES = torch.rand(3, 3, 40, 40, generator=torch.Generator().manual_seed(0))


@pytest.fixture(scope="module")
def weights(tmp_path_factory):
    with Seeds(5).building("net"):
        net = resnet18(weights=None).eval()
    file = tmp_path_factory.mktemp("weights") / "resnet18.safetensors"
    save_file(net.state_dict(), file)
    return net, str(file)


def test_features_are_those_of_the_network_without_its_last_layer(weights):
    net, file = weights
    found = torchvision_backbone("resnet18", "", file, size=40)(IMAGES)
    mean, std = (torch.tensor(each)[:, None, None] for each in (IMAGENET_MEAN, IMAGENET_STD))
    with torch.no_grad():
        scores = net((IMAGES - mean) / std)
        assert found.shape == (3, 512)
        assert torch.allclose(net.fc(found), scores, atol=1e-5)


def test_any_layer_can_be_asked_for_and_images_are_resized(weights):
    found = torchvision_backbone("resnet18", "layer2", weights[1], size=32)(IMAGES)
    assert found.shape == (3, 128 * 4 * 4)


def test_untrained_weights_are_always_the_same():
    one, two = (torchvision_backbone("resnet18", "avgpool", "random", size=32)(IMAGES) for _ in range(2))
    assert torch.equal(one, two)


@pytest.mark.parametrize(
    ("asked", "said"),
    [
        (("resnet19", "", "random"), "no network 'resnet19'. Did you mean 'resnet1"),
        (("resnet18", "avgpol", "random"), "no layer 'avgpol'. Did you mean 'avgpool'"),
        (("resnet18", "", "nowhere.safetensors"), "there is no file nowhere.safetensors"),
    ],
)
def test_what_cannot_be_had_is_said(asked, said):
    with pytest.raises(BackboneError, match=said.replace(".", r"\.")):
        torchvision_backbone(*asked, size=32)


def test_a_pickle_is_refused_and_so_are_weights_of_another_network(tmp_path, weights):
    pickle = tmp_path / "net.pth"
    pickle.write_bytes(b"\x80\x02}q\x00.")  # an empty dictionary, pickled
    with pytest.raises(BackboneError, match="a pickle, which is not read"):
        torchvision_backbone("resnet18", "", str(pickle), size=32)
    with pytest.raises(BackboneError, match="does not hold the weights of resnet34"):
        torchvision_backbone("resnet34", "", weights[1], size=32)


@pytest.mark.slow
def test_the_papers_imagenet_backbone_gives_2048_features():
    """Untrained weights: only that the network is found, cut and run as Kubo et al. 2025, 2.0.9, say."""
    assert torchvision_backbone("resnet152", "", "random", size=64)(IMAGES).shape == (3, 2048)


def test_blocks_have_the_published_convolutions_and_scores_follow_from_features():
    net = ConvBlocks(10, grid=1)
    widths = [m.out_channels for m in net.features if isinstance(m, torch.nn.Conv2d)]
    assert widths == [64, 64, 128, 128, 256, 256, 512]  # 2.0.8, written out
    small = ConvBlocks(4, width=1 / 16).eval()
    with torch.no_grad():
        features = small.describe(IMAGES)
        assert features.shape == (3, 32 * 2 * 2)
        assert (features >= 0).all()
        assert torch.allclose(small.classifier(features), small(IMAGES))
    with pytest.raises(ValueError, match="0 < width"):
        ConvBlocks(4, width=0.0)
