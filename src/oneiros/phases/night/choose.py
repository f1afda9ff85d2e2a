"""The night of a choice between candidates: asked about today's held-out examples, the best one answers from now on.

Test: `tests/sleeper/test_automatic.py`.
"""

import copy
from dataclasses import dataclass, field

import torch
from torch import Tensor, nn

from oneiros.core import Batch, Brain
from oneiros.memory.dreams import Dreams
from oneiros.memory.evidence import BEHIND
from oneiros.memory.exemplars import Exemplars
from oneiros.memory.moments import Moments
from oneiros.nets.candidates import ExactHead, FrozenBody
from oneiros.nets.modes import resting
from oneiros.phases.bookkeeping.gather import ROWS, add, front_of, learn_fronts, parts, running_fronts, sums
from oneiros.phases.night.exact_heads import Head, Lda, Ridge

RIDGE = "+ridge"


@dataclass(frozen=True, kw_only=True)
class Choose:
    """Ask every candidate about the examples held out today, keep the counts, choose; then learn these examples, too.

    Candidates that are far behind are given up with their sums. Moves no parameter of the network.

    Attributes:
        head: what is solved on each front's sums.
        ridge: what candidates called "front+ridge" are solved by.
        errors: standard errors by which a candidate has to be behind the best to be given up.
    """

    name = "choose"
    changes = ()
    returns = ("held-out", "right")  # examples asked about, and the share of them that who is chosen was right about

    head: Head = field(default_factory=Lda)
    ridge: Head = field(default_factory=Ridge)
    errors: float = 3.0

    def __call__(self, brain: Brain, rng: torch.Generator) -> dict[str, Tensor]:
        """Judge and choose."""
        net, held, evidence = parts(brain)
        learn_fronts(brain, rng)
        self._take_first_day(brain, rng)
        batch = held.take()
        if batch is None:
            for name in running_fronts(evidence):
                brain.remembers(sums(name), Moments).added()
            return {"held-out": torch.tensor(0.0), "right": torch.tensor(0.0)}
        right = {name: self._right(brain, name, batch) for name in evidence.running}
        running = {name: count for name, count in right.items() if name in evidence.running}
        evidence.add(running, len(batch), classes=_met(brain, batch), kept=self._kept(brain))
        self._dream(brain, batch, rng)
        for name in evidence.behind(self.errors):
            evidence.give_up(name, BEHIND)
        for name in running_fronts(evidence):
            if net.front(name).learned:
                add(brain, name, batch, rng)
        for name in set(map(front_of, evidence.given_up)) - set(running_fronts(evidence)):
            brain.memory[sums(name)] = Moments()
        for name in running_fronts(evidence):
            brain.remembers(sums(name), Moments).added()  # no example waits through a night
        share = right[evidence.chosen] / len(batch)
        return {"held-out": torch.tensor(float(len(batch))), "right": torch.tensor(share)}

    def answer(self, brain: Brain, name: str, classes: int) -> nn.Module:
        """From features of that candidate's front to scores: its head, solved from all that was added up.

        Raises:
            RuntimeError: nothing can be solved from these sums.
        """
        moments = brain.remembers(sums(front_of(name)), Moments)
        try:
            solved = (self.ridge if name.endswith(RIDGE) else self.head).solve(moments, classes).parameters
        except RuntimeError as reason:
            raise RuntimeError(f"no head can be solved on {name!r}: {reason}") from reason
        return ExactHead(solved["weight"], solved["bias"])

    def _right(self, brain: Brain, name: str, batch: Batch) -> int:
        """How many of these examples a candidate is right about; one that fails is right about none."""
        net, _, evidence = parts(brain)
        with resting(net):
            if name == evidence.names[0]:
                scores = net(batch.x)
            else:
                try:
                    front = front_of(name)
                    head = self.answer(brain, name, len(brain.remembers(sums(front), Moments).counts))
                    scores = head(net.front(front)(batch.x))
                except RuntimeError:
                    return 0
        return int((scores.argmax(1) == batch.targets()).sum())

    def _kept(self, brain: Brain) -> list[float]:
        """How much of each earlier night the network still knows, told by the dreams of that night."""
        (net, *_), dreams = parts(brain), brain.remembers("dreams", Dreams)
        if dreams.x is None:
            return []
        with resting(net):
            return dreams.kept(torch.cat([net(rows).argmax(1) for rows in dreams.x.split(ROWS)]))

    def _dream(self, brain: Brain, batch: Batch, rng: torch.Generator) -> None:
        """Draw dreams of today, and keep what the network answers tonight."""
        (net, *_), dreams = parts(brain), brain.remembers("dreams", Dreams)
        drawn = dreams.draw(batch, rng)
        if len(drawn):
            with resting(net):
                dreams.answered(net(drawn).argmax(1))

    def _take_first_day(self, brain: Brain, rng: torch.Generator) -> None:
        """The network as it is after its first day, and the first day's sample through it."""
        net, _, evidence = parts(brain)
        for name in running_fronts(evidence):
            front = net.front(name)
            if not isinstance(front, FrozenBody) or front.learned:
                continue
            front.take(net.net)
            for label, x in sorted(brain.remembers("first-day", Exemplars).take_today().items()):
                if name in running_fronts(evidence):
                    add(brain, name, Batch(x=x, y=torch.full((len(x),), label, device=x.device)), rng)


def _met(brain: Brain, batch: Batch) -> int:
    """Classes that were met by now."""
    _, _, evidence = parts(brain)
    known = (brain.remembers(sums(name), Moments).classes for name in running_fronts(evidence))
    return len({*batch.targets().tolist(), *(label for each in known for label in each)})


def consolidated(brain: Brain, choose: Choose, classes: int) -> nn.Module | None:
    """A plain module that answers as the chosen candidate does; None where that is the network itself."""
    net, _, evidence = parts(brain)
    if evidence.chosen == evidence.names[0]:
        return None
    front, head = net.front(front_of(evidence.chosen)), choose.answer(brain, evidence.chosen, classes)
    return front.answering(head) if isinstance(front, FrozenBody) else nn.Sequential(copy.deepcopy(front), head)
