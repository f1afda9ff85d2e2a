"""Deperrois, Petrovici, Senn & Jordan 2022: perturbed and adversarial dreaming (PAD)."""

from oneiros.runs.catalogue import Listed

# What `oneiros list` says; an experiment is imported when it is asked for.
EXPERIMENTS = {
    "cifar10": Listed(
        "oneiros.papers.deperrois2022.experiments:CIFAR10",
        "PAD and its pathologies on CIFAR-10: Figs. 3-6, Appendix 1 Table 1 and Figs. 1, 3-6",
    ),
    "cifar10-ten-epochs": Listed(
        "oneiros.papers.deperrois2022.experiments:CIFAR10_TEN_EPOCHS",
        "the ordering of Table 1 and of Figs. 4-6 after 10 of 50 epochs on all training images (ours)",
    ),
    "svhn": Listed(
        "oneiros.papers.deperrois2022.experiments:SVHN",
        "the same on SVHN: Figs. 3-6, Appendix 1 Table 1 and Figs. 2-6",
    ),
}
