"""Fixed networks for features: what comes out is the layer asked for, and what cannot be had is said."""

import pytest
import torch
from safetensors.torch import save_file
from torchvision.models import resnet18

from oneiros.core import Seeds
from oneiros.nets.backbones import IMAGENET_MEAN, IMAGENET_STD, BackboneError, torchvision_backbone
from oneiros.nets.blocks import ConvBlocks
from oneiros.nets.cifar_resnet import DEPTHS, Block, CifarResNet
from oneiros.nets.efficientnet_lite import EfficientNetLite0, SameConv

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


def test_a_shortcut_that_widens_skips_pixels_and_adds_zeros_on_either_side():
    """By hand: with silent convolutions a block is its shortcut."""
    block = Block(2, 4).eval()
    with torch.no_grad():
        block.bn2.weight.zero_()
        x = torch.arange(32.0).view(1, 2, 4, 4)
        found = block(x)
    assert found[0, 0].tolist() == found[0, 3].tolist() == [[0, 0], [0, 0]]
    assert found[0, 1].tolist() == [[0, 2], [8, 10]]
    assert found[0, 2].tolist() == [[16, 18], [24, 26]]


@pytest.mark.parametrize(("name", "published"), [("cifar_resnet20", 0.27e6), ("cifar_resnet56", 0.85e6)])
def test_a_residual_network_for_small_images_is_as_large_as_published_and_gives_its_pooled_features(name, published):
    """He et al. 2016, Table 6."""
    net = CifarResNet(DEPTHS[name])
    assert sum(p.numel() for p in net.parameters()) == pytest.approx(published, rel=0.01)
    features = torchvision_backbone(name, "", "random", size=32)
    assert features(IMAGES).shape == (3, 64)


def test_features_of_a_residual_network_give_its_scores(tmp_path):
    with Seeds(5).building("net"):
        net = CifarResNet(3).eval()
    file = tmp_path / "resnet.safetensors"
    save_file({k: v for k, v in net.state_dict().items() if "num_batches" not in k}, file)  # as they are published
    found = torchvision_backbone("cifar_resnet20", "", str(file), size=40)(IMAGES)
    mean, std = (torch.tensor(each)[:, None, None] for each in (IMAGENET_MEAN, IMAGENET_STD))
    with torch.no_grad():
        torch.testing.assert_close(net.linear(found), net((IMAGES - mean) / std), rtol=0, atol=1e-5)
    with pytest.raises(BackboneError, match="nobody offers weights of cifar_resnet20"):
        torchvision_backbone("cifar_resnet20", "", "download", size=32)


def test_padding_is_tensorflows_at_either_stride():
    """By hand: ones summed over a window count the pixels in it; with stride 2 and kernel 3 only the end is padded."""
    ones = torch.ones(1, 1, 4, 4)
    for kernel, stride, first, last in ((3, 1, 4.0, 4.0), (3, 2, 9.0, 4.0), (5, 2, 16.0, 9.0)):
        conv = SameConv(1, 1, kernel, stride)
        with torch.no_grad():
            conv.weight.fill_(1.0)
            found = conv(ones)[0, 0]
        assert found.shape == (4 // stride, 4 // stride)
        assert (found[0, 0].item(), found[-1, -1].item()) == (first, last)


def test_a_small_network_for_imagenet_is_as_large_as_published_and_normalises_its_own_way():
    """4.7 million weights; pixels 127 and 255 become 0 and 1."""
    assert sum(p.numel() for p in EfficientNetLite0().parameters()) == pytest.approx(4.65e6, rel=0.01)
    features = torchvision_backbone("efficientnet_lite0", "", "random", size=64)
    assert features(IMAGES).shape == (3, 1280)
    pixels = torch.tensor([127 / 255, 1.0]).expand(1, 3, 2, 2)
    torch.testing.assert_close(features.normalise(pixels)[0, 0, 0], torch.tensor([0.0, 1.0]))


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
