"""The day of a choice between candidates: sums for each, and a few examples held out. Test: `tests/sleeper/`."""

from dataclasses import dataclass

import torch
from torch import Tensor

from oneiros.core import Batch, Brain
from oneiros.memory.evidence import FAILED, Evidence
from oneiros.memory.exemplars import Exemplars
from oneiros.memory.held_out import HeldOut
from oneiros.memory.moments import Moments
from oneiros.nets.candidates import Candidates, FrozenBody
from oneiros.nets.modes import resting

ROWS = 256  # through a front at once


def sums(name: str) -> str:
    """Name of the memory that adds up what the front of that name gives."""
    return f"sums.{name}"


def front_of(candidate: str) -> str:
    """Name of the front that a candidate stands on: "random" and "random+ridge" are two heads on the same sums."""
    return candidate.partition("+")[0]


def running_fronts(evidence: Evidence) -> tuple[str, ...]:
    """Fronts on which a candidate stands that was not given up."""
    return tuple(dict.fromkeys(map(front_of, evidence.running[1:])))


def give_up_front(evidence: Evidence, front: str, why: str) -> None:
    """Leave out every candidate that stands on this front."""
    for name in evidence.running[1:]:
        if front_of(name) == front:
            evidence.give_up(name, why)


def parts(brain: Brain) -> tuple[Candidates, HeldOut, Evidence]:
    """What a choice needs, or an error."""
    return brain.network(Candidates), brain.remembers("today", HeldOut), brain.remembers("evidence", Evidence)


def add(brain: Brain, name: str, batch: Batch, rng: torch.Generator) -> None:
    """Add the batch to the sums of one front; a front whose features are not finite is given up."""
    net, _, evidence = parts(brain)
    for x, y in zip(batch.x.split(ROWS), batch.targets().split(ROWS), strict=True):
        with resting(net):
            features = net.front(name)(x)
        if not features.isfinite().all():
            give_up_front(evidence, name, FAILED)
            return
        brain.remembers(sums(name), Moments).store(Batch(x=features, y=y), rng)


def learn_fronts(brain: Brain, rng: torch.Generator) -> None:
    """Teach the fronts that learn from inputs with the examples that wait, and add these up."""
    net, held, evidence = parts(brain)
    batch = held.take_waiting()
    if batch is None:
        return
    for name in running_fronts(evidence):
        front = net.front(name)
        if front.learned or isinstance(front, FrozenBody):
            continue
        try:
            front.learn(batch.x.detach(), rng)
        except ValueError:  # nothing to be seen in these inputs
            give_up_front(evidence, name, FAILED)
            continue
        add(brain, name, batch, rng)


@dataclass(frozen=True, kw_only=True)
class Gather:
    """Adds each new example of the day to the sums of every candidate, once; holds a few out. Moves no parameter.

    Attributes:
        first: examples that fronts which learn from inputs wait for.
    """

    name = "gather"
    changes = ()
    returns = ()

    first: int = 1000

    def __call__(self, brain: Brain, batch: Batch, rng: torch.Generator) -> dict[str, Tensor]:
        """Look at the batch once."""
        net, held, evidence = parts(brain)
        if evidence.before is None:
            with resting(net):
                right = net(batch.x).argmax(1) == batch.targets()
            evidence.prepared(int(right.sum()), len(batch))
        new = held.admit(batch.unweighted())
        if not len(new):
            return {}
        for name in running_fronts(evidence):
            front = net.front(name)
            if front.learned:
                add(brain, name, new, rng)
            elif isinstance(front, FrozenBody):
                brain.remembers("first-day", Exemplars).store(new, rng)
        waits = any(self._learns(net.front(name)) for name in running_fronts(evidence))
        if waits and held.wait(new) >= self.first:
            learn_fronts(brain, rng)
        return {}

    def _learns(self, front: object) -> bool:
        return not isinstance(front, FrozenBody) and not getattr(front, "learned", True)
