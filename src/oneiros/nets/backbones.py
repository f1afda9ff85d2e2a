"""Fixed networks that turn images into features: residual networks for CIFAR-10, or any classifier of torchvision."""

import difflib
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path

from jaxtyping import Float
from safetensors import SafetensorError
from torch import Tensor, nn
from torch.nn.functional import interpolate

from oneiros.core import Seeds
from oneiros.nets import efficientnet_lite
from oneiros.nets.cifar_resnet import DEPTHS, CifarResNet
from oneiros.nets.vgg import Normalise

Colour = tuple[float, float, float]
IMAGENET_MEAN, IMAGENET_STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)


# Networks that torchvision has not; `features` asks for their weights as a file.
OURS: Mapping[str, Callable[[], nn.Module]] = {
    "efficientnet_lite0": efficientnet_lite.EfficientNetLite0,
    **{name: partial(CifarResNet, blocks) for name, blocks in DEPTHS.items()},
}
# Where it is not ImageNet's usual one: what images are normalised by.
NORMALISED = {"efficientnet_lite0": (efficientnet_lite.MEAN, efficientnet_lite.STD)}


class BackboneError(ValueError):
    """A backbone that cannot be had as asked for."""


class Backbone(nn.Module):
    """Images in [0, 1] -> features `[n, d]`: resized, normalised, passed through `body`, flattened.

    Args:
        body: what turns normalised images into the activations of one layer.
        size: side to which images are resized.
        normalised: mean and standard deviation by which.
    """

    def __init__(
        self, body: nn.Module, size: int, normalised: tuple[Colour, Colour] = (IMAGENET_MEAN, IMAGENET_STD)
    ) -> None:
        super().__init__()
        self.normalise = Normalise(*normalised)
        self.body = body
        self.size = size

    def forward(self, x: Float[Tensor, "n 3 height width"]) -> Float[Tensor, "n d"]:
        """Features of a batch."""
        if x.shape[-2:] != (self.size, self.size):
            x = interpolate(x, size=(self.size, self.size), mode="bilinear", align_corners=False, antialias=True)
        found = self.body(self.normalise(x))
        return (found["features"] if isinstance(found, dict) else found).flatten(1)


def torchvision_backbone(name: str, layer: str, weights: str, *, size: int) -> Backbone:
    """A network of torchvision's, or one of `OURS`, up to `layer`, as torchvision's extractor names it.

    Args:
        name: such as "resnet152" or "cifar_resnet20".
        layer: such as "avgpool", or "" for the last one before the class scores, where torchvision has an `avgpool`.
        weights: "download" for torchvision's default ones, "random" for untrained ones (always the same), else a
            safetensors file with a state_dict.
        size: side to which images are resized.

    Raises:
        BackboneError: there is no such network or layer, or the weights cannot be had or do not fit.
    """
    # Slow to import, and seldom needed.
    from torchvision.models.feature_extraction import create_feature_extractor, get_graph_node_names

    net = _untrained(name).eval()
    if weights != "random":
        _load(net, name, weights)
    layers = get_graph_node_names(net)[1]
    layer = layer or "avgpool"
    # A module that holds others stands for its last node.
    if layer not in layers and not any(each.startswith(f"{layer}.") for each in layers):
        near = difflib.get_close_matches(layer, layers, n=3, cutoff=0.3)
        raise BackboneError(f"{name} has no layer {layer!r}.{_hint(near)} Its last ones: {', '.join(layers[-6:])}")
    body = create_feature_extractor(net, {layer: "features"})
    return Backbone(body, size, NORMALISED.get(name, (IMAGENET_MEAN, IMAGENET_STD))).requires_grad_(False).eval()


def _untrained(name: str) -> nn.Module:
    from torchvision.models import get_model, list_models

    known = [*OURS, *list_models()]
    if name not in known:
        near = difflib.get_close_matches(name, known, n=3)
        raise BackboneError(f"there is no network {name!r}.{_hint(near)} 'blocks' is the recipe's own")
    with Seeds(0).building("backbone"):
        return OURS[name]() if name in OURS else get_model(name, weights=None)


def _hint(near: list[str]) -> str:
    return f" Did you mean {' or '.join(map(repr, near))}?" if near else ""


def _load(net: nn.Module, name: str, weights: str) -> None:
    try:
        # Only training asks how many batches were seen, and published weights often leave it out.
        counts = {key: value for key, value in net.state_dict().items() if key.endswith("num_batches_tracked")}
        net.load_state_dict({**counts, **_state(name, weights)})
    except RuntimeError as error:
        raise BackboneError(f"{weights} does not hold the weights of {name}: {error}") from error


def _state(name: str, weights: str) -> Mapping[str, Tensor]:
    if weights == "download" and name in OURS:
        raise BackboneError(f"nobody offers weights of {name} for download by name; give a safetensors file")
    if weights == "download":
        from torchvision.models import get_model_weights

        try:
            # Checked by the hash in the file's name, and read as tensors only: nothing in it is executed.
            return get_model_weights(name)["DEFAULT"].get_state_dict(progress=False, check_hash=True, weights_only=True)
        # The network, the disk and the hash check each raise errors of their own kind.
        except Exception as error:
            raise BackboneError(
                f"torchvision's weights of {name} cannot be downloaded ({error}); fetch them elsewhere, save the "
                "state_dict with safetensors.torch.save_file and give that file"
            ) from error
    return read_state(Path(weights).expanduser())


def read_state(file: Path) -> dict[str, Tensor]:
    """The state_dict in a safetensors file.

    Raises:
        BackboneError: there is no such file, or it is of another kind.
    """
    from safetensors.torch import load_file

    if not file.is_file():
        raise BackboneError(f"there is no file {file}; expected 'download', 'random' or a .safetensors file")
    try:
        return load_file(file)
    except SafetensorError as error:
        raise BackboneError(
            f"{file} is not a safetensors file ({error}). A .pth file is a pickle, which is not read: save its "
            "state_dict with safetensors.torch.save_file"
        ) from error
