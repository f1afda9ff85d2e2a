"""The experiments that `oneiros run` knows by name."""

from oneiros.papers.deperrois2022 import config
from oneiros.papers.deperrois2022.experiment import CONDITIONS, Dreaming

CIFAR10 = Dreaming(
    name="cifar10",
    scales=config.scales(config.CIFAR10),
)
SVHN = Dreaming(
    name="svhn",
    scales=config.scales(config.SVHN),
)
CIFAR10_TEN_EPOCHS = Dreaming(
    name="cifar10-ten-epochs",
    scales=config.scales(config.CIFAR10_TEN_EPOCHS) | {"quick": config.CIFAR10_TEN_EPOCHS},
    conditions=("pad", "without_rem", "without_nrem", "without_memory_mix", "wake_only", "untrained"),
)

__all__ = ["CIFAR10", "CIFAR10_TEN_EPOCHS", "CONDITIONS", "SVHN"]
