"""`oneiros.equations.patches.pooled_answers` for the CPU: patches are cut, and answers pooled, in one pass each.

As tensors, the answers of all patches (0.3 MB an image) go through memory six times; here they go once.
"""

from typing import no_type_check

import numpy as np
import torch
from torch import Tensor

from oneiros.equations.compiled.just_in_time import njit
from oneiros.equations.patches import Patching

CHUNK = 32  # images at a time, whose answers stay in the cache


def pooled_answers(x: Tensor, filters: Tensor, bias: Tensor, how: Patching) -> Tensor:
    """Features `[n, d]` of images `[n, c, h, w]` in single precision; see the equation."""
    n, _, h, w = x.shape
    high, wide = (h - how.side) // how.stride + 1, (w - how.side) // how.stride + 1
    features = np.empty((n, how.grid**2, 2 * len(filters)), dtype=np.float32)
    patches = torch.empty(min(n, CHUNK) * high * wide, filters.shape[1])
    answers = torch.empty(len(patches), len(filters))
    for at in range(0, n, CHUNK):
        images = x[at : at + CHUNK].contiguous()
        rows = len(images) * high * wide
        _cut(images.numpy(), how.side, how.stride, np.float32(float(how.damping)), patches.numpy())
        torch.addmm(bias, patches[:rows], filters.T, out=answers[:rows])
        seen = answers[:rows].numpy().reshape(len(images), high, wide, len(filters))
        _pool(seen, np.float32(how.threshold), how.grid, features[at : at + CHUNK])
    return torch.from_numpy(features).flatten(1)


@njit(cache=True, fastmath=True, nogil=True)
@no_type_check
def _cut(images, side, stride, damping, patches):
    n, channels, h, w = images.shape
    size, row = channels * side * side, 0
    for image in range(n):
        for top in range(0, h - side + 1, stride):
            for left in range(0, w - side + 1, stride):
                at, total, squares = 0, np.float32(0), np.float32(0)
                for c in range(channels):
                    for i in range(side):
                        for j in range(side):
                            patches[row, at] = images[image, c, top + i, left + j]
                            total += patches[row, at]
                            at += 1
                mean = total / size
                for at in range(size):
                    patches[row, at] -= mean
                    squares += patches[row, at] * patches[row, at]
                scale = np.float32(1) / np.sqrt(squares / size + damping)
                for at in range(size):
                    patches[row, at] *= scale
                row += 1


@njit(cache=True, fastmath=True, nogil=True)
@no_type_check
def _pool(answers, threshold, grid, features):
    n, high, wide, k = answers.shape
    zero = np.float32(0)
    for image in range(n):
        for cell in range(grid * grid):
            # The bounds of adaptive pooling: cells overlap where the grid does not divide the map.
            top, bottom = (cell // grid) * high // grid, -((-(cell // grid + 1) * high) // grid)
            left, right = (cell % grid) * wide // grid, -((-(cell % grid + 1) * wide) // grid)
            sums = features[image, cell]
            sums[:] = zero
            for i in range(top, bottom):
                for j in range(left, right):
                    z = answers[image, i, j]
                    for each in range(k):
                        sums[each] += max(z[each] - threshold, zero)
                        sums[k + each] += max(-z[each] - threshold, zero)
            sums /= np.float32((bottom - top) * (right - left))
