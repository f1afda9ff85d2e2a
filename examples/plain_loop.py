"""A plain PyTorch loop that forgets, and the same loop with a night after each task: split MNIST, class by class.

    python examples/plain_loop.py             MNIST from $ONEIROS_DATA or downloaded, about a minute
    python examples/plain_loop.py --smoke     the 8 x 8 digits, seconds

Nothing of yesterday is stored but weights. The lines that end in "# +" are all that oneiros adds.
"""

import sys

import torch

from oneiros.data import load
from oneiros.sleeper import GenerativeReplay, Mechanism, NoSleep, Sleeper

smoke = "--smoke" in sys.argv
data = load("digits" if smoke else "mnist")
train, test = data.train.all(), data.test.all()
epochs, batch = (4, 16) if smoke else (2, 64)


def learn(mechanism: Mechanism) -> float:
    """Five tasks of two classes, then the accuracy on all ten."""
    torch.manual_seed(0)
    pixels = train.x[0].numel()
    net = torch.nn.Sequential(
        torch.nn.Flatten(), torch.nn.Linear(pixels, 400), torch.nn.ReLU(),
        torch.nn.Linear(400, 400), torch.nn.ReLU(), torch.nn.Linear(400, 10),
    )  # fmt: skip
    optimiser = torch.optim.Adam(net.parameters())
    sleeper = Sleeper(net, mechanism, classes=10)  # +
    for first in range(0, 10, 2):
        mine = ((train.y == first) | (train.y == first + 1)).nonzero().flatten()
        for _ in range(epochs):
            for rows in mine[torch.randperm(len(mine))].split(batch):
                loss = sleeper.loss(train.x[rows], train.y[rows])  # + instead of cross_entropy(net(x), y)
                optimiser.zero_grad()
                loss.backward()
                optimiser.step()
        sleeper.sleep()  # +
    return float((net(test.x).argmax(1) == test.y).double().mean())


print("without", learn(NoSleep()))
print("with", learn(GenerativeReplay()))
