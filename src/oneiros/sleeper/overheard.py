"""Lessons inside somebody else's training step, for the callbacks of other people's trainers.

The step asks the network and makes a loss of what it says. Both are heard here, so that a `Sleeper`'s loss can take the
place of the step's without asking the network about today's inputs a second time.
"""

import math
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from torch import Tensor, nn
from torch.nn.functional import cross_entropy

from oneiros.sleeper import checks
from oneiros.sleeper.sleeper import Sleeper

CLOSE = 0.01  # between the same loss computed twice, in half precision too


@contextmanager
def overhearing(net: nn.Module) -> Iterator[list[tuple[Any, Any]]]:
    """What `net` is asked and what it says meanwhile, as pairs of inputs and answer."""
    heard: list[tuple[Any, Any]] = []

    def listen(module: nn.Module, args: tuple, kwargs: dict[str, Any], answer: Any) -> None:
        heard.append((inputs_of(args, kwargs), answer))

    handle = net.register_forward_hook(listen, with_kwargs=True)
    try:
        yield heard
    finally:
        handle.remove()


def inputs_of(args: tuple, kwargs: dict[str, Any]) -> Any:
    """Inputs of a call as a `Sleeper` takes them: one, several in order, or several by name.

    Raises:
        TypeError: some are given in order and some by name.
    """
    named = {name: value for name, value in kwargs.items() if isinstance(value, Tensor)}
    if args and named:
        raise TypeError(
            f"the network is called with {len(args)} inputs in order and {', '.join(named)} by name: all one way"
        )
    return named or (args[0] if len(args) == 1 else args)


def share_of_loss(sleeper: Sleeper, own: Tensor, answer: Any, y: Tensor, shares: Sequence[float], *, who: str) -> float:
    """Which of `shares` of the loss that the Sleeper's criterion makes of the scores is the loss that `who` computes.

    Raises:
        ValueError: none.
    """
    scores = checks.answered(sleeper.net, answer, len(y)).detach()
    ours, told = float((sleeper.criterion or cross_entropy)(scores, y)), float(own.detach())
    for share in shares:
        if math.isclose(told, share * ours, rel_tol=CLOSE, abs_tol=1e-6):
            return share
    raise ValueError(
        f"{who}'s loss is {told:.4g}, but {'the criterion' if sleeper.criterion else 'cross-entropy'} makes {ours:.4g} "
        f"of the same scores: give Sleeper(criterion=...) the loss that {who} computes"
    )
