"""Convolutional blocks with batch normalisation, as Kubo et al. 2025 put before their networks (2.0.8)."""

from collections import OrderedDict

import torch
from torch import Tensor, nn

from oneiros.nets.vgg import Normalise

VGG13_START = ((64, 64), (128, 128), (256, 256), (512,))  # the first seven convolutions of VGG-13
MEAN, STD = (0.491, 0.482, 0.447), (0.247, 0.243, 0.262)  # of CIFAR-10's training images


class ConvBlocks(nn.Module):
    """Blocks of 3 x 3 convolution, batch normalisation and relu; max pooling between blocks; linear class scores.

    Args:
        classes: number of class scores.
        width: share of the published channels.
        grid: the last block's maps are averaged to `grid` x `grid` before the scores; the paper does not say how the
            maps become a vector.
        blocks: channels of each convolution, block by block.
    """

    def __init__(
        self, classes: int, *, width: float = 1.0, grid: int = 2, blocks: tuple[tuple[int, ...], ...] = VGG13_START
    ) -> None:
        super().__init__()
        if not 0 < width <= 1 or grid < 1:
            raise ValueError(f"ConvBlocks has width {width} and grid {grid}; expected 0 < width <= 1 and grid >= 1")
        self.normalise = Normalise(MEAN, STD)
        layers: OrderedDict[str, nn.Module] = OrderedDict()
        channels = len(MEAN)
        for block, widths in enumerate(blocks, start=1):
            if block > 1:
                layers[f"pool{block - 1}"] = nn.MaxPool2d(2)
            for index, published in enumerate(widths, start=1):
                out = max(1, round(width * published))
                layers[f"conv{block}_{index}"] = nn.Conv2d(channels, out, 3, padding=1, bias=False)
                layers[f"norm{block}_{index}"] = nn.BatchNorm2d(out)
                layers[f"relu{block}_{index}"] = nn.ReLU()
                channels = out
        self.features = nn.Sequential(layers)
        self.vector = nn.Sequential(nn.AdaptiveAvgPool2d(grid), nn.Flatten())
        self.classifier = nn.Linear(channels * grid**2, classes)
        self.to(memory_format=torch.channels_last)

    # Not annotated: torch.fx calls it with stand-ins for tensors, which the shape checks of the tests would refuse.
    def forward(self, x):  # noqa: D102
        return self.classifier(self.vector(self.features(self.normalise(x))))

    def describe(self, x: Tensor) -> Tensor:
        """Features `[n, channels x grid x grid]` of images in [0, 1]."""
        return self.vector(self.features(self.normalise(x)))
