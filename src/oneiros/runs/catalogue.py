"""The published experiments, by the name that `oneiros run` takes."""

import importlib
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import oneiros.runs.experiment

# Where each experiment is built; imported only when asked for, so that listing them costs nothing.
EXPERIMENTS = {
    "kubo2025/mnist": "oneiros.papers.kubo2025:MNIST",
    "kubo2025/digits": "oneiros.papers.kubo2025:DIGITS",
    "kubo2025/blocks": "oneiros.papers.kubo2025.blocks:BLOCKS",
    "kubo2025/controls": "oneiros.papers.kubo2025:WHAT_SLEEP_DOES",
    "kubo2025/table2": "oneiros.papers.kubo2025:TABLE2",
    "kubo2025/table2-kmnist": "oneiros.papers.kubo2025:TABLE2_KMNIST",
    "kubo2025/table2-cifar10": "oneiros.papers.kubo2025:TABLE2_CIFAR10",
    "kubo2025/table2-cifar10-resnet20": "oneiros.papers.kubo2025:TABLE2_CIFAR10_RESNET20",
    "kubo2025/table2-imagenet10": "oneiros.papers.kubo2025:TABLE2_IMAGENET10",
    "kubo2025/table3": "oneiros.papers.kubo2025:TABLE3",
    "kubo2025/rehearsal": "oneiros.papers.kubo2025:REHEARSAL",
    "kubo2025/importance": "oneiros.papers.kubo2025:IMPORTANCE",
    "shin2017/chain": "oneiros.papers.shin2017.experiment:CHAIN",
    "shin2017/permuted": "oneiros.papers.shin2017.experiment:PERMUTED",
    "shin2017/domains": "oneiros.papers.shin2017.experiment:DOMAINS",
    "shin2017/domains-back": "oneiros.papers.shin2017.experiment:DOMAINS_BACK",
    "shin2017/lwf": "oneiros.papers.shin2017.experiment:LWF",
    "shin2017/lwf-back": "oneiros.papers.shin2017.experiment:LWF_BACK",
    "shin2017/classes": "oneiros.papers.shin2017.experiment:CLASSES",
    "deperrois2022/cifar10": "oneiros.papers.deperrois2022:CIFAR10",
    "deperrois2022/cifar10-ten-epochs": "oneiros.papers.deperrois2022:CIFAR10_TEN_EPOCHS",
    "deperrois2022/svhn": "oneiros.papers.deperrois2022:SVHN",
    "barry2022/locations": "oneiros.papers.barry2022:LOCATIONS",
    "barry2022/exemplars": "oneiros.papers.barry2022:EXEMPLARS",
    "barry2022/similar": "oneiros.papers.barry2022:SIMILAR",
    "barry2022/downsampled": "oneiros.papers.barry2022:DOWNSAMPLED",
    "barry2022/month": "oneiros.papers.barry2022:MONTH",
    "barry2022/selection": "oneiros.papers.barry2022:SELECTION",
    "barry2022/full-locations": "oneiros.papers.barry2022:FULL_LOCATIONS",
    "barry2022/full-exemplars": "oneiros.papers.barry2022:FULL_EXEMPLARS",
    "barry2022/full-similar": "oneiros.papers.barry2022:FULL_SIMILAR",
    "barry2022/full-downsampled": "oneiros.papers.barry2022:FULL_DOWNSAMPLED",
    "barry2022/full-month": "oneiros.papers.barry2022:FULL_MONTH",
    "barry2022/full-selection": "oneiros.papers.barry2022:FULL_SELECTION",
    "barry2022/pretrain": "oneiros.papers.barry2022:PRETRAIN",
}


def experiment(name: str) -> "oneiros.runs.experiment.Experiment":
    """The experiment called PAPER/NAME.

    Raises:
        KeyError: for a name that is none, listing those there are.
    """
    if name not in EXPERIMENTS:
        raise KeyError(f"no experiment is called {name!r}; there are {', '.join(EXPERIMENTS)}")
    module, _, attribute = EXPERIMENTS[name].partition(":")
    return getattr(importlib.import_module(module), attribute)
