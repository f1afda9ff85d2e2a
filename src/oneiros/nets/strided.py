"""Strided convolutions down and up, `nn.Conv2d` and `nn.ConvTranspose2d`, as a CPU computes them fastest.

- Images and maps lie with channels last, which the library's convolutions read as they are.
- From maps to the three channels of an image, the way of a transposed convolution and of a convolution's input
  gradient, the library fills vectors of 16 channels with 3. Here that is the matrix product and the sum of overlapping
  patches that it is, in less than half the time.

Elsewhere than on a CPU the layers are called as they are. Test: `tests/nets/test_strided.py`, against the layers.
"""

from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.amp import custom_bwd, custom_fwd
from torch.autograd.function import once_differentiable
from torch.nn.functional import conv2d, conv_transpose2d, fold

FEW = 4  # channels; as many do not fill a vector


def strided(layer: nn.Module, x: Float[Tensor, "b c_in h_in w_in"]) -> Float[Tensor, "b c_out h_out w_out"]:
    """`layer(x)`, and gradients as its own, but no gradients of gradients on a CPU.

    Args:
        layer: with a bias, and the same kernel, stride and padding in both directions; neither dilated nor grouped.
        x: what it is applied to, not changed.
    """
    assert isinstance(layer, (nn.Conv2d, nn.ConvTranspose2d))
    if x.device.type != "cpu":
        return layer(x)
    laid_out = x.contiguous(memory_format=torch.channels_last)
    up = isinstance(layer, nn.ConvTranspose2d)
    y = _Strided.apply(laid_out, layer.weight, layer.bias, (layer.stride[0], layer.padding[0], up))
    assert isinstance(y, Tensor)
    return y


class _Strided(torch.autograd.Function):
    """`geometry` is stride, padding, and whether it goes up."""

    @staticmethod
    @custom_fwd(device_type="cpu", cast_inputs=torch.bfloat16)  # within torch.autocast; else as they come
    def forward(ctx: Any, x: Tensor, weight: Tensor, bias: Tensor, geometry: tuple[int, int, bool]) -> Tensor:
        ctx.save_for_backward(x, weight)
        ctx.geometry = geometry
        stride, padding, up = geometry
        if not up:
            return conv2d(x, weight, bias, stride, padding)
        if weight.shape[1] > FEW:
            return conv_transpose2d(x, weight, bias, stride, padding)
        height, width = ((n - 1) * stride + weight.shape[2] - 2 * padding for n in x.shape[2:])
        return _overlaid(x, weight, stride, padding, (height, width)).add_(bias[:, None, None])

    @staticmethod
    @custom_bwd(device_type="cpu")
    @once_differentiable
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor | None, ...]:
        x, weight = ctx.saved_tensors
        stride, padding, up = ctx.geometry
        by_patches = not up and weight.shape[1] <= FEW
        wanted = [ctx.needs_input_grad[0] and not by_patches, *ctx.needs_input_grad[1:3]]
        of_x, of_weight, of_bias = torch.ops.aten.convolution_backward(
            gradient, x, weight, [gradient.shape[1]], [stride] * 2, [padding] * 2, [1, 1], up, [0, 0], 1, wanted
        )
        if ctx.needs_input_grad[0] and by_patches:
            of_x = _overlaid(gradient, weight, stride, padding, (x.shape[2], x.shape[3]))
        if of_weight is not None:
            of_weight = of_weight.contiguous()  # as the weights lie: torch's fused Adam goes by place in memory
        return of_x, of_weight, of_bias, None


def _overlaid(
    x: Float[Tensor, "b channel rows columns"],
    weight: Float[Tensor, "channel pixel k k"],
    stride: int,
    padding: int,
    size: tuple[int, int],
) -> Float[Tensor, "b pixel h w"]:
    """Every place of the map lays down a patch of k x k pixels; where patches overlap they add up."""
    patches = weight.flatten(1).t() @ x.flatten(2)
    return fold(patches, size, weight.shape[2], padding=padding, stride=stride)
