"""Orthogonal weight modification: directions of input that earlier tasks have not used (Zeng et al. 2019).

Test: `tests/equations/test_projection.py`.
"""

import torch
from jaxtyping import Float
from torch import Tensor


def shrink(projector: Float[Tensor, "n n"], heard: Float[Tensor, " n"], *, damping: float) -> Float[Tensor, "n n"]:
    r"""Take the direction of one input out of a projector: P - k k' / (damping + r' k) with k = P r.

    Begun with the identity, inputs r_1 ... r_m (columns of A) leave P = 1 - A (A'A + damping)^-1 A', which annihilates
    all of them as damping goes to 0. A weight change times P then leaves alone what the layer answers to them.

    >>> shrink(torch.eye(2), torch.tensor([1.0, 0.0]), damping=1.0)
    tensor([[0.5000, 0.0000],
            [0.0000, 1.0000]])
    """
    k = projector @ heard
    return torch.addr(projector, k, k, alpha=-1 / (damping + float(heard @ k)))
