"""Published weights, through torchvision."""

from torch import Tensor


def vgg16_features() -> dict[str, Tensor]:
    """Convolutions of the original VGG-16 (Simonyan & Zisserman 2014), for inputs of 0-255 with the mean subtracted.

    Downloaded once into torch's cache, checked by the hash in the file's name; read as tensors only
    (`weights_only`), so nothing in the file is executed.
    """
    from torchvision.models import VGG16_Weights  # takes over a second to import, and only experiments at full size ask

    state = VGG16_Weights.IMAGENET1K_FEATURES.get_state_dict(progress=False, check_hash=True, weights_only=True)
    return {name: value for name, value in state.items() if name.startswith("features.")}
