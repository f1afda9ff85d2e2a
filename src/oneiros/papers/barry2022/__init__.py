"""Barry & Love 2022: generative category replay in a model of the ventral visual stream."""

from oneiros.runs.catalogue import Listed

# What `oneiros list` says; an experiment is imported when it is asked for.
EXPERIMENTS = {
    "locations": Listed(
        "oneiros.papers.barry2022.experiments:LOCATIONS",
        "REPLICA, a VGG of our own on Tiny ImageNet: where replay helps (Fig. 1B, C)",
    ),
    "exemplars": Listed(
        "oneiros.papers.barry2022.experiments:EXEMPLARS",
        "REPLICA, a VGG of our own on Tiny ImageNet: few images of each class (Fig. 1D)",
    ),
    "similar": Listed(
        "oneiros.papers.barry2022.experiments:SIMILAR",
        "REPLICA, a VGG of our own on Tiny ImageNet: similar classes (Fig. 1E)",
    ),
    "downsampled": Listed(
        "oneiros.papers.barry2022.experiments:DOWNSAMPLED",
        "REPLICA, a VGG of our own on Tiny ImageNet: coarser and whole activations (Suppl. Fig. 2)",
    ),
    "month": Listed(
        "oneiros.papers.barry2022.experiments:MONTH",
        "REPLICA, a VGG of our own on Tiny ImageNet: replay over a month (Fig. 2)",
    ),
    "selection": Listed(
        "oneiros.papers.barry2022.experiments:SELECTION",
        "REPLICA, a VGG of our own on Tiny ImageNet: replay that is selected (Fig. 3)",
    ),
    "full-locations": Listed(
        "oneiros.papers.barry2022.experiments:FULL_LOCATIONS",
        "VGG-16 on photographs of 224 pixels: where replay helps (Fig. 1B, C)",
    ),
    "full-exemplars": Listed(
        "oneiros.papers.barry2022.experiments:FULL_EXEMPLARS",
        "VGG-16 on photographs of 224 pixels: few images of each class (Fig. 1D)",
    ),
    "full-similar": Listed(
        "oneiros.papers.barry2022.experiments:FULL_SIMILAR",
        "VGG-16 on photographs of 224 pixels: similar classes (Fig. 1E)",
    ),
    "full-downsampled": Listed(
        "oneiros.papers.barry2022.experiments:FULL_DOWNSAMPLED",
        "VGG-16 on photographs of 224 pixels: coarser and whole activations (Suppl. Fig. 2)",
    ),
    "full-month": Listed(
        "oneiros.papers.barry2022.experiments:FULL_MONTH",
        "VGG-16 on photographs of 224 pixels: replay over a month (Fig. 2)",
    ),
    "full-selection": Listed(
        "oneiros.papers.barry2022.experiments:FULL_SELECTION",
        "VGG-16 on photographs of 224 pixels: replay that is selected (Fig. 3)",
    ),
    "pretrain": Listed(
        "oneiros.papers.barry2022.experiments:PRETRAIN",
        "the replica's VGG learns the base classes (ours; the paper takes published weights)",
    ),
}
