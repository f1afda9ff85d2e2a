"""A night after every second task instead of every task, and what it saves and costs.

    python examples/sleep_every_k.py [--smoke]

`Night("task", phases, every=2)` says it in a schedule; in a loop of one's own, sleep when it is time.
"""

import sys

import torch

from oneiros.core import Brain, Seeds
from oneiros.data import load
from oneiros.data.streams import class_incremental
from oneiros.life import Night, Schedule, live
from oneiros.measure.probes import accuracy, predictions
from oneiros.memory import FrozenScholar
from oneiros.nets import ClassVAE, Perceptron, Scholar
from oneiros.phases import FreshOptimisers, LearnClassVAE, ScholarWake, SnapshotTeacher

digits = load("digits")
tasks = class_incremental(digits.train, digits.test, order=range(10), per_task=1, batch_size=16)
epochs = 3 if "--smoke" in sys.argv else 15

for every in (1, 2):
    with Seeds(0).building("init"):
        net = Scholar(ClassVAE((1, 8, 8), classes=10, hidden=(128,), latent=12), Perceptron((64, 128, 10)))
    optim = {part: torch.optim.Adam(getattr(net, part).parameters(), lr=2e-3) for part in ("solver", "generator")}
    brain = Brain(net=net, memory={"scholar": FrozenScholar(net)}, optim=optim)
    night = Night("task", (SnapshotTeacher(), FreshOptimisers(optim=("solver", "generator"))), every=every)
    schedule = Schedule(day=(ScholarWake(), LearnClassVAE()), nights=(night,), epochs=epochs)
    nights = sum(event.phase == "consolidate" for event in live(brain, tasks, schedule, Seeds(0)))
    test = digits.test.all()
    print(f"every {every}: nights {nights}, accuracy", accuracy(predictions(net, test.x), test.y, tuple(range(10))))
