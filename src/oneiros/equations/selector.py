"""The RL network that chooses what to replay (Barry & Love 2022, "Replay within a reinforcement learning framework").

A dense layer with one input a class and one output: the reward expected of replaying that class.
"""

from math import sqrt
from typing import NamedTuple

import torch
from jaxtyping import Float, Int
from torch import Tensor


def chi_square(correct: Float[Tensor, " classes"], most: Float[Tensor, " classes"]) -> Float[Tensor, ""]:
    """How far the numbers of correct answers are from the most there could be: sum of (most - correct)^2 / most.

    >>> chi_square(torch.tensor([8.0, 10.0]), torch.tensor([10.0, 10.0]))  # 2^2 / 10 + 0
    tensor(0.4000)
    """
    return ((most - correct).square() / most).sum()


def correct_by_class(scores: Float[Tensor, "n classes"], labels: Int[Tensor, " n"]) -> Float[Tensor, " classes"]:
    """How many examples of each class get their own class's score highest.

    >>> correct_by_class(torch.tensor([[2.0, 1.0], [3.0, 1.0]]), torch.tensor([0, 1]))
    tensor([1., 0.])
    """
    right = (scores.argmax(1) == labels).to(scores.dtype)
    return scores.new_zeros(scores.shape[1]).index_add_(0, labels, right)


def choice_probabilities(values: Float[Tensor, " classes"], temperature: float) -> Float[Tensor, " classes"]:
    """Softmax of the values, each probability raised to 1 / temperature (authors' code: .3) and normalised again.

    >>> choice_probabilities(torch.tensor([0.0, 0.3]).log().nan_to_num(neginf=-40.0), 0.5).round(decimals=3)
    tensor([0., 1.])
    """
    return torch.softmax(values / temperature, 0)


class RewardNet(NamedTuple):
    """The network and its optimiser.

    Attributes:
        parameters: weights w, one a class, then the bias b.
        moments: Adam's first and second moments of them.
        t: its steps so far.
    """

    parameters: Float[Tensor, " classes+1"]
    moments: Float[Tensor, "2 classes+1"]
    t: int


def untaught(classes: int) -> RewardNet:
    """Expects nothing of any class. In float64: a few numbers."""
    zeros = torch.zeros(3, classes + 1, dtype=torch.float64)
    return RewardNet(zeros[0], zeros[1:], 0)


def fit_reward(net: RewardNet, chosen: int, reward: float, *, fits: int, lr: float) -> RewardNet:
    """Move the expected reward w[chosen] + b towards `reward`: `fits` steps of Adam on the squared error.

    The gradient with respect to the other weights is 0, but Adam moves them on by momentum, as in the authors' code.

    Args:
        net: what is given stays as it was.
        chosen: the class that was replayed.
        reward: what came of it.
        fits: steps (Barry & Love: 50).
        lr: learning rate (Barry & Love: .001).

    >>> fit_reward(untaught(2), 1, 5.0, fits=1, lr=0.001).parameters  # Adam's first step is lr, whatever the error
    tensor([0.0000, 0.0010, 0.0010], dtype=torch.float64)
    """
    (b1, b2), epsilon = (0.9, 0.999), 1e-7  # TensorFlow's defaults
    # Plain numbers: there are eleven, and tensor operations on so few cost five times as much.
    w, (m, v), t = net.parameters.tolist(), net.moments.tolist(), net.t
    heard = [0.0] * len(w)
    heard[chosen] = heard[-1] = 1.0
    for _ in range(fits):
        t += 1
        slope = 2 * (w[chosen] + w[-1] - reward)
        size = lr * (1 - b2**t) ** 0.5 / (1 - b1**t)
        for k, hears in enumerate(heard):
            gradient = hears * slope
            m[k] += (1 - b1) * (gradient - m[k])
            v[k] += (1 - b2) * (gradient * gradient - v[k])
            w[k] -= size * m[k] / (sqrt(v[k]) + epsilon)
    like = net.parameters
    return RewardNet(like.new_tensor(w), like.new_tensor([m, v]), t)
