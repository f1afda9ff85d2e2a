"""Residual networks for images of 32 x 32 (He et al. 2016, section 4.2), as published with weights on CIFAR-10.

Names of parameters are those of the published weights: conv1, bn1, layer{1,2,3}.{i}.{conv1,bn1,conv2,bn2}, linear.
Shapes are said in words: torch.fx goes through these networks with stand-ins for tensors, which have none.
"""

from typing import no_type_check

import torch
from torch import Tensor, nn
from torch.nn.functional import pad

DEPTHS = {"cifar_resnet20": 3, "cifar_resnet32": 5, "cifar_resnet44": 7, "cifar_resnet56": 9}


class Block(nn.Module):
    """Two 3 x 3 convolutions and a shortcut without weights: where channels double, it skips pixels and adds zeros."""

    def __init__(self, channels: int, out: int) -> None:
        super().__init__()
        stride = out // channels
        self.conv1 = nn.Conv2d(channels, out, 3, stride, padding=1, bias=False)
        self.bn1 = nn.BatchNorm2d(out)
        self.conv2 = nn.Conv2d(out, out, 3, padding=1, bias=False)
        self.bn2 = nn.BatchNorm2d(out)
        self.stride, self.extra = stride, (out - channels) // 2

    @no_type_check
    def forward(self, x: Tensor) -> Tensor:
        """`[n, channels, h, w]` -> `[n, out, h / stride, w / stride]`."""
        found = self.bn2(self.conv2(torch.relu(self.bn1(self.conv1(x)))))
        # Option A of the paper; half of the new channels on either side, as in the published weights.
        shortcut = pad(x[:, :, :: self.stride, :: self.stride], (0, 0, 0, 0, self.extra, self.extra))
        return torch.relu(found + shortcut)


class CifarResNet(nn.Module):
    """16, 32 and 64 channels, `blocks` blocks of each: 6 x `blocks` + 2 layers; `avgpool` gives 64 features.

    Args:
        blocks: 3 for ResNet-20, 9 for ResNet-56.
        classes: of the last layer.
    """

    def __init__(self, blocks: int, classes: int = 10) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(3, 16, 3, padding=1, bias=False)
        self.bn1 = nn.BatchNorm2d(16)
        self.layer1, self.layer2, self.layer3 = (
            nn.Sequential(Block(first, out), *(Block(out, out) for _ in range(blocks - 1)))
            for first, out in ((16, 16), (16, 32), (32, 64))
        )
        self.avgpool = nn.AdaptiveAvgPool2d(1)
        self.linear = nn.Linear(64, classes)

    @no_type_check
    def forward(self, x: Tensor) -> Tensor:
        """Class scores `[n, classes]` of normalised images `[n, 3, h, w]`."""
        x = torch.relu(self.bn1(self.conv1(x)))
        return self.linear(self.avgpool(self.layer3(self.layer2(self.layer1(x)))).flatten(1))
