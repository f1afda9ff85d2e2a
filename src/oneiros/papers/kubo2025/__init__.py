"""Kubo, Delanois & Bazhenov 2025: sleep replay consolidation for networks trained by equilibrium propagation."""

from oneiros.runs.catalogue import Listed

# What `oneiros list` says; an experiment is imported when it is asked for.
EXPERIMENTS = {
    "mnist": Listed(
        "oneiros.papers.kubo2025.experiments:MNIST",
        "MRNN-EP on split MNIST: Table 2, first row, with two controls of our own",
    ),
    "digits": Listed(
        "oneiros.papers.kubo2025.experiments:DIGITS",
        "the same on 1,797 digits of 8 x 8 pixels that need no download (ours; the demo)",
    ),
    "blocks": Listed(
        "oneiros.papers.kubo2025.blocks:BLOCKS",
        "convolutional blocks learn CIFAR-10 (ours; the paper takes published weights)",
    ),
    "controls": Listed(
        "oneiros.papers.kubo2025.experiments:WHAT_SLEEP_DOES",
        "what sleep does: the night of kubo2025/mnist with parts of it left out or undone (ours)",
    ),
    "table2": Listed(
        "oneiros.papers.kubo2025.experiments:TABLE2",
        "Table 2, MNIST and Fashion-MNIST: three networks, five strategies; Figs. 3, 4, 6 and 7",
    ),
    "table2-kmnist": Listed(
        "oneiros.papers.kubo2025.experiments:TABLE2_KMNIST",
        "Table 2, KMNIST: three networks, five strategies",
    ),
    "table2-cifar10": Listed(
        "oneiros.papers.kubo2025.experiments:TABLE2_CIFAR10",
        "Table 2, features of CIFAR-10 (--set cifar10.data=...): three networks, five strategies",
    ),
    "table2-cifar10-resnet20": Listed(
        "oneiros.papers.kubo2025.experiments:TABLE2_CIFAR10_RESNET20",
        "Tables 2 and 3, CIFAR-10 on features as separable as the paper's (ResNet-20): four networks",
    ),
    "table2-imagenet10": Listed(
        "oneiros.papers.kubo2025.experiments:TABLE2_IMAGENET10",
        "Table 2, features of ten ImageNet classes (--set imagenet10.data=...): three networks, five strategies",
    ),
    "table3": Listed(
        "oneiros.papers.kubo2025.experiments:TABLE3",
        "Table 3, MNIST and Fashion-MNIST: FF-BP in sequence, with sleep, and by OWM, beside MRNN-EP",
    ),
    "rehearsal": Listed(
        "oneiros.papers.kubo2025.experiments:REHEARSAL",
        "Fig. 5, MNIST, MRNN-EP: how much must be rehearsed to do without sleep",
    ),
    "importance": Listed(
        "oneiros.papers.kubo2025.experiments:IMPORTANCE",
        "Fig. 8, MNIST, MRNN-EP, two tasks: which synapses matter, before and after the last night",
    ),
}
