"""Deperrois, Petrovici, Senn & Jordan 2022: perturbed and adversarial dreaming (PAD)."""

from oneiros.papers.deperrois2022 import config
from oneiros.papers.deperrois2022.experiment import CONDITIONS, Dreaming
from oneiros.papers.deperrois2022.figures import drawings

CIFAR10 = Dreaming(
    name="cifar10",
    summary="PAD and its pathologies on CIFAR-10: Figs. 3-6, Appendix 1 Table 1 and Figs. 1, 3-6",
    scales=config.scales(config.CIFAR10),
    drawings=drawings("CIFAR-10", losses="appendix-1-figure-1"),
)
CIFAR10_TEN_EPOCHS = Dreaming(
    name="cifar10-ten-epochs",
    summary="the ordering of Table 1 and of Figs. 4-6 after 10 of 50 epochs on all training images (ours)",
    scales=config.scales(config.CIFAR10_TEN_EPOCHS) | {"quick": config.CIFAR10_TEN_EPOCHS},
    drawings=drawings("CIFAR-10", losses="appendix-1-figure-1"),
    conditions=("pad", "without_rem", "without_nrem", "without_memory_mix", "wake_only", "untrained"),
)
SVHN = Dreaming(
    name="svhn",
    summary="the same on SVHN: Figs. 3-6, Appendix 1 Table 1 and Figs. 2-6",
    scales=config.scales(config.SVHN),
    drawings=drawings("SVHN", losses="appendix-1-figure-2"),
)

__all__ = ["CIFAR10", "CIFAR10_TEN_EPOCHS", "CONDITIONS", "SVHN"]
