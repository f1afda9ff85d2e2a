"""What is kept of whom, and whether it could be turned back into examples: `Sleeper.account`."""

from collections.abc import Mapping
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from oneiros.core import Memory
from oneiros.memory.class_activations import ClassActivations
from oneiros.memory.dreams import Dreams
from oneiros.memory.exemplars import Exemplars
from oneiros.memory.moments import Moments
from oneiros.nets.cut import cut

MOST_INPUTS, MOST_ACTIVATIONS = 1024, 4096  # up to which the derivative of a layer is looked at as a whole
ENOUGH = 0.9  # directions of an input that have to survive for an example to be readable


@dataclass(frozen=True)
class Judgement:
    """Whether examples can be got out of something that is kept, and how that was judged."""

    raw: bool
    why: str


@dataclass(frozen=True)
class Kept:
    """One line of an account.

    Attributes:
        what: name of what is kept.
        nbytes: bytes.
        classes: examples of each class that it is made of; None where nobody counts.
        raw: whether examples can be got out of it.
        judged: how that was judged.
    """

    what: str
    nbytes: int
    classes: Mapping[int, int] | None
    raw: bool
    judged: str


@dataclass(frozen=True)
class Forgotten:
    """What came of forgetting a class in one memory.

    Attributes:
        what: name of the memory.
        label: the class.
        memory: whether nothing of the class is left in it.
        weights: whether nothing of the class is left in weights that came of it; False where the network learned it.
    """

    what: str
    label: int
    memory: bool
    weights: bool


def of_layer(net: nn.Module, location: str, like: Tensor) -> Judgement:
    """Whether activations at a layer give the inputs away: how many directions of an input survive up to it.

    Judged by the rank of the layer's derivative at noise, shaped like `like`, `[1, ...]`; of large layers by
    their size alone. It asks what can be solved for, without knowledge of what inputs look like; with it more can be
    guessed. Test: `tests/sleeper/test_account.py` attacks what is kept.
    """
    below, d = cut(net, location).below, like[0].numel()
    modes = [(module, module.training) for module in net.modules()]
    net.eval()
    try:
        with torch.no_grad():
            size = below(like)[0].numel()
        if size < ENOUGH * d:
            return Judgement(False, f"{size} numbers for {d} of an input: too few to solve for it")
        if d > MOST_INPUTS or size > MOST_ACTIVATIONS:
            return Judgement(True, f"{size} numbers for {d} of an input: as many as it has, so taken for readable")
        rank = _rank(below, like)
    finally:
        for module, training in modes:
            module.training = training
    said = f"{rank} of {d} directions of an input survive in {size} numbers"
    return Judgement(rank >= ENOUGH * d, said)


def _rank(below: nn.Module, like: Tensor) -> int:
    rng = torch.Generator(like.device.type).manual_seed(0)
    at = torch.rand(like.shape, generator=rng, device=like.device, dtype=like.dtype)
    derivative = torch.autograd.functional.jacobian(lambda x: below(x).flatten(), at)
    assert isinstance(derivative, Tensor)
    return int(torch.linalg.matrix_rank(derivative.flatten(1).double(), rtol=1e-5))


def of_memory(memory: Memory) -> Judgement:
    """What a memory says of itself."""
    if not memory.nbytes:
        return Judgement(False, "empty")
    if isinstance(memory, Moments):
        why = "a class of a single example is its mean" if memory.holds_raw else "sums over several examples each"
        return Judgement(memory.holds_raw, why)
    if isinstance(memory, Dreams):
        return Judgement(False, "random mixtures of examples, half as many as these at most: too few to solve for one")
    return Judgement(memory.holds_raw, "examples as they came" if memory.holds_raw else "no example is kept")


def classes_of(memory: Memory) -> Mapping[int, int] | None:
    """Examples of each class in a memory; None where nobody counts."""
    if isinstance(memory, Moments):
        return {label: int(memory.counts[label]) for label in memory.classes}
    if isinstance(memory, Exemplars):
        sealed = {label: len(memory.kept[label]) for label in memory.classes}
        return sealed | {label: len(rows) for label, rows in memory.today.items()}
    if isinstance(memory, ClassActivations):
        return {label: memory.count(label) for label in memory.classes}
    return None


def forget(memory: Memory, label: int) -> bool | None:
    """Take a class out of a memory; whether nothing of it is left there; None where it knows no classes."""
    if isinstance(memory, Moments):
        return memory.forget(label) if label in memory.classes else True
    if isinstance(memory, Exemplars | ClassActivations | Dreams):
        memory.drop(label)
        return True
    return None


def beside(net: nn.Module, around: nn.Module) -> int:
    """Bytes of what a mechanism's module has beside the owner's network, gradients included."""
    own = {id(value) for value in net.state_dict(keep_vars=True).values()}
    others = {id(v): v for v in around.state_dict(keep_vars=True).values() if id(v) not in own}
    return sum(v.nbytes + (v.grad.nbytes if v.is_leaf and v.grad is not None else 0) for v in others.values())


def of_optimiser(optimiser: torch.optim.Optimizer) -> int:
    """Bytes of an optimiser's moments."""
    return sum(v.nbytes for state in optimiser.state.values() for v in state.values() if isinstance(v, Tensor))


def lines(kept: list[Kept]) -> str:
    """An account as a Markdown table."""
    rows = [("what", "bytes", "examples of each class", "raw", "judged by"), ("---",) * 5]
    for each in kept:
        of = "-" if each.classes is None else ", ".join(f"{label}: {count}" for label, count in each.classes.items())
        rows.append((each.what, f"{each.nbytes:,}", of or "none", "yes" if each.raw else "no", each.judged))
    return "\n".join(f"| {' | '.join(row)} |" for row in rows)
