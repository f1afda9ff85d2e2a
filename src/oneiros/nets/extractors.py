"""Fixed networks whose features a Frechet distance is measured in. A distance means nothing without their name."""

from collections.abc import Callable
from pathlib import Path

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn.functional import interpolate

from oneiros.core import Seeds
from oneiros.nets.dreaming import Encoder

INCEPTION_FILE = "inception_v3.safetensors"
MEAN, SD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)  # of ImageNet, as torchvision's weights expect


def untrained_encoder(root: Path) -> nn.Module:
    """An encoder of the paper's shape that never learns, always the same one: 256 random convolutional features.

    Needs no download. Comparable between runs of this project only.
    """
    with Seeds(0).building("extractor"):
        return Encoder().requires_grad_(False).eval()


def inception_v3(root: Path) -> nn.Module:
    """Torchvision's Inception-v3, its 2048 pool3 features; weights from `root`/inception_v3.safetensors.

    Not the network of the original FID code, so numbers differ from published ones by more than noise.

    Raises:
        FileNotFoundError: saying how to make the file.
    """
    file = root / INCEPTION_FILE
    if not file.is_file():
        raise FileNotFoundError(
            f"there is no {file}: save the state_dict of torchvision.models.inception_v3(weights='DEFAULT') there "
            "with safetensors.torch.save_file, or --set extractor=untrained-encoder"
        )
    from safetensors.torch import load_file
    from torchvision.models import inception_v3 as torchvision_inception  # slow to import, and seldom needed

    net = torchvision_inception(weights=None, aux_logits=True, init_weights=False)
    net.load_state_dict(load_file(file))
    net.fc = nn.Identity()  # pyright: ignore[reportAttributeAccessIssue]
    return _Inception(net).requires_grad_(False).eval()


class _Inception(nn.Module):
    mean: Tensor
    sd: Tensor

    def __init__(self, net: nn.Module) -> None:
        super().__init__()
        self.net = net
        self.register_buffer("mean", torch.tensor(MEAN).view(3, 1, 1))
        self.register_buffer("sd", torch.tensor(SD).view(3, 1, 1))

    def forward(self, x: Float[Tensor, "b 3 height width"]) -> Float[Tensor, "b 2048"]:
        grey = interpolate((x + 1) / 2, size=(299, 299), mode="bilinear", align_corners=False, antialias=True)
        return self.net((grey - self.mean) / self.sd)


EXTRACTORS: dict[str, Callable[[Path], nn.Module]] = {
    "untrained-encoder": untrained_encoder,
    "torchvision-inception-v3": inception_v3,
}
