"""Two mechanisms in one night: spiking sleep (SRC) after generative replay has copied what it will dream from.

    python examples/spikes_after_dreams.py [--smoke]

The spikes' steps are small here: their constants belong to a network and have to be chosen on validation data.
"""

import sys

import torch

from oneiros.data import load
from oneiros.sleeper import Combined, GenerativeReplay, Mechanism, Sleeper, SpikeReplay

digits = load("digits")
epochs = 4 if "--smoke" in sys.argv else 15
dreams = GenerativeReplay(hidden=(128,), latent=12, lr=2e-3, replayed=64)
spikes = SpikeReplay(
    layers=("1.weight", "3.weight"), steps=100, rate=1.0, gains=(1.2, 60.0), inc=(1e-7, 1e-9), dec=(8e-5, 8e-6)
)


def learn(mechanism: Mechanism) -> float:
    """Five days of two digits each, then the accuracy on all ten."""
    torch.manual_seed(0)
    net = torch.nn.Sequential(torch.nn.Flatten(), torch.nn.Linear(64, 128), torch.nn.ReLU(), torch.nn.Linear(128, 10))
    sleeper = Sleeper(net, mechanism, classes=10)
    days = [digits.train.of_classes((first, first + 1)).all() for first in range(0, 10, 2)]
    optimiser = torch.optim.Adam(net.parameters(), lr=2e-3)
    for _ in sleeper.live([(day.x, day.y) for day in days], epochs=epochs, batch_size=16, optimiser=optimiser):
        pass
    test = digits.test.all()
    return float((net(test.x).argmax(1) == test.y).double().mean())


print("dreams", learn(dreams))
print("dreams, then spikes", learn(Combined((dreams, spikes))))
