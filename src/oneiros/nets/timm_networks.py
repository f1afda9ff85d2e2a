"""Networks by name through timm, for features: `timm:NAME`, with the extra `timm`."""

import difflib
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from oneiros.core import Seeds
from oneiros.nets.backbones import Backbone, BackboneError, read_state
from oneiros.nets.features import features_at

PREFIX = "timm:"


class AtLayer(nn.Module):
    """A network as far as one of its modules; it runs whole, so it need not be traceable."""

    def __init__(self, net: nn.Module, layer: str) -> None:
        super().__init__()
        self.net, self.layer = net, layer

    def forward(self, x: Tensor) -> Tensor:
        """Activations `[n, ...]` of the layer."""
        return features_at(self.net, self.layer, x)


def timm_backbone(name: str, layer: str, weights: str, *, size: int) -> Backbone:
    """A network of timm's up to `layer`, normalised as its weights were.

    Args:
        name: such as "timm:resnet50.a1_in1k" or "timm:vit_small_patch16_224".
        layer: name of a module, or "" for what the class scores are made from.
        weights: "download" for timm's own of that name, "random" for untrained ones (always the same), else a
            safetensors file with a state_dict.
        size: side to which images are resized; a vision transformer takes the one of its name.

    Raises:
        BackboneError: timm is not installed, there is no such network or layer, the weights cannot be had or do not
            fit, or the network does not take images of this size.
    """
    net = _made(name, weights)
    if weights not in ("download", "random"):
        _fill(net, name, weights)
    body, config = AtLayer(net, layer) if layer else net, _timm().data.resolve_model_data_config(net)
    try:
        with torch.no_grad():
            body.eval()(torch.zeros(1, 3, size, size))
    except KeyError as error:
        raise BackboneError(f"{name}: {error.args[0]}") from error
    except (AssertionError, RuntimeError, ValueError) as error:
        raise BackboneError(
            f"{name} does not take images of {size} x {size} pixels ({error}); its weights are for "
            f"--size {config['input_size'][-1]}"
        ) from error
    return Backbone(body, size, (config["mean"], config["std"])).requires_grad_(False).eval()


def _timm() -> Any:
    try:
        import timm  # an extra, and slow to import
    except ImportError as error:
        raise BackboneError("networks called timm:NAME need timm; `pip install 'oneiros[timm]'`") from error
    return timm


def _made(name: str, weights: str) -> nn.Module:
    timm, asked = _timm(), name.removeprefix(PREFIX)
    known = timm.list_models()
    if asked.partition(".")[0] not in known:
        near = difflib.get_close_matches(asked, known, n=3)
        hint = f" Did you mean {' or '.join(map(repr, near))}?" if near else ""
        raise BackboneError(f"timm has no network {asked!r}.{hint}")
    try:
        with Seeds(0).building("backbone"):
            return timm.create_model(asked, pretrained=weights == "download", num_classes=0)
    # The network, the disk, the hub and an unknown tag each raise errors of their own kind.
    except Exception as error:
        raise BackboneError(
            f"{name} cannot be had ({error}); save a state_dict with safetensors.torch.save_file and give that file"
        ) from error


def _fill(net: nn.Module, name: str, file: str) -> None:
    """The weights of a file into the network; what the file has for class scores has no place there."""
    state = read_state(Path(file).expanduser())
    mine = net.state_dict()
    # Only training asks how many batches were seen, and published weights often leave it out.
    missing = [key for key in mine if key not in state and not key.endswith("num_batches_tracked")]
    try:
        if missing:
            raise RuntimeError(f"{', '.join(missing[:6])} missing")
        net.load_state_dict({key: state.get(key, value) for key, value in mine.items()})
    except RuntimeError as error:
        raise BackboneError(f"{file} does not hold the weights of {name}: {error}") from error
