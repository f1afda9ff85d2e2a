"""Shin, Lee, Kim & Kim 2017, "Continual Learning with Deep Generative Replay"."""

from oneiros.runs.catalogue import Listed

# What `oneiros list` says; an experiment is imported when it is asked for.
EXPERIMENTS = {
    "chain": Listed(
        "oneiros.papers.shin2017.experiment:CHAIN",
        "five scholars, each taught by the one before alone (Table 1)",
    ),
    "permuted": Listed(
        "oneiros.papers.shin2017.experiment:PERMUTED",
        "permuted MNIST (Fig. 2)",
    ),
    "domains": Listed(
        "oneiros.papers.shin2017.experiment:DOMAINS",
        "MNIST, then digits over CIFAR-10 scenes in place of SVHN (Fig. 3a, 4)",
    ),
    "domains-back": Listed(
        "oneiros.papers.shin2017.experiment:DOMAINS_BACK",
        "digits over CIFAR-10 scenes in place of SVHN, then MNIST (Fig. 3b)",
    ),
    "lwf": Listed(
        "oneiros.papers.shin2017.experiment:LWF",
        "Learning without Forgetting, alone and with dreams, two heads (Fig. 5)",
    ),
    "lwf-back": Listed(
        "oneiros.papers.shin2017.experiment:LWF_BACK",
        "the same with MNIST first (ours: the easier domain to dream of)",
    ),
    "classes": Listed(
        "oneiros.papers.shin2017.experiment:CLASSES",
        "split MNIST, two new classes a task (Fig. 6, 7)",
    ),
}
