"""RNN: recurrence inside the hidden layer only, no feedback from the output (Kubo et al. 2025, Fig. 2 right)."""

import torch
from jaxtyping import Float
from torch import Tensor, nn


class RecurrentNet(nn.Module):
    """RNN-BPTT of the paper: input -> hidden (relu, recurrent) -> output scores, for an input that stays.

    h(t) = relu(W1 x + b1 + U h(t - 1)) from h(0) = 0, and the scores are W2 h(steps) + b2. The recurrent weights have
    no bias of their own. Backpropagation through the steps is autograd's.

    Args:
        sizes: input, hidden, output units.
        steps: how often the hidden layer is updated; the paper does not say. At 1 it is
            feed-forward, 2 is the least that is not.
    """

    def __init__(self, sizes: tuple[int, int, int], *, steps: int = 2) -> None:
        super().__init__()
        if steps < 1:
            raise ValueError(f"RecurrentNet.steps is {steps}; expected at least 1")
        self.hidden = nn.Linear(sizes[0], sizes[1])
        self.recurrent = nn.Linear(sizes[1], sizes[1], bias=False)
        self.output = nn.Linear(sizes[1], sizes[2])
        self.steps = steps

    def activity(self, x: Float[Tensor, "b ..."]) -> Float[Tensor, "b hidden"]:
        """The hidden layer after its last step."""
        drive = self.hidden(x.flatten(1))
        hidden = torch.relu(drive)
        for _ in range(self.steps - 1):
            hidden = torch.relu(drive + self.recurrent(hidden))
        return hidden

    def forward(self, x: Float[Tensor, "b ..."]) -> Float[Tensor, "b out"]:
        """Class scores."""
        return self.output(self.activity(x))
