"""Learning and resting, in which precision, and dropout whose masks come from a generator that it is lent."""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

import torch
from torch import Tensor, nn


class Dropout(nn.Module):
    """Inverted dropout (Srivastava et al. 2014): units are silenced with probability `p` while a generator is lent.

    Without one (evaluation, replay statistics) it passes everything on; train and eval mode make no difference.

    Args:
        p: probability of silence.
    """

    def __init__(self, p: float) -> None:
        super().__init__()
        if not 0 <= p < 1:
            raise ValueError(f"Dropout.p is {p}; expected a probability below 1")
        self.p = p
        self.lent: torch.Generator | None = None

    def forward(self, x: Tensor) -> Tensor:
        """Silence, and scale what is left so that means stay."""
        return x if self.lent is None or not self.p else x * self.mask(x, self.lent)

    def mask(self, x: Tensor, rng: torch.Generator) -> Tensor:
        """What `x` is multiplied by: 0 with probability `p`, else 1 / (1 - p)."""
        # In place, as numbers rather than truth values: half the time of a small layer's dropout was their conversion.
        return torch.rand(x.shape, generator=rng, device=rng.device).ge_(self.p).div_(1 - self.p).to(x)


@contextmanager
def learning(net: nn.Module, rng: torch.Generator) -> Iterator[None]:
    """Train mode with every `Dropout` lent `rng`; modes and loans are as they were afterwards.

    Raises:
        TypeError: the network holds torch's own dropout, which would draw from the global generator.
    """
    modules = list(net.modules())
    if any(isinstance(module, nn.Dropout) and module.p for module in modules):
        names = [name for name, module in net.named_modules() if isinstance(module, nn.Dropout)]
        raise TypeError(f"{names} draw from torch's global generator: pass the network through lend_dropout() first")
    ours = [module for module in modules if isinstance(module, Dropout)]
    for module in ours:
        module.lent = rng
    try:
        with _all(modules, training=True):
            yield
    finally:
        for module in ours:
            module.lent = None


def lend_dropout(net: nn.Module) -> nn.Module:
    """Put our `Dropout` in place of torch's own, everywhere in `net`; returns `net`."""
    for parent in list(net.modules()):
        for name, child in list(parent.named_children()):
            if isinstance(child, nn.Dropout):
                setattr(parent, name, Dropout(child.p))
    return net


@contextmanager
def in_full() -> Iterator[None]:
    """Within `torch.autocast`: products as outside of it. For what a rounded product would spoil; decorates, too.

    That is dynamics which settle to a tolerance, and sums and projections that a whole life builds on.
    """
    with ExitStack() as stack:
        for kind in ("cpu", "cuda"):
            if torch.is_autocast_enabled(kind):
                stack.enter_context(torch.autocast(kind, enabled=False))
        yield


@contextmanager
def resting(net: nn.Module) -> Iterator[None]:
    """Evaluation mode without gradients; modes are as they were afterwards."""
    with _all(list(net.modules()), training=False), torch.no_grad():
        yield


@contextmanager
def _all(modules: list[nn.Module], *, training: bool) -> Iterator[None]:
    """Every module in that mode, and back. Only those in another are touched: it is done at every step of a night."""
    others = [module for module in modules if module.training is not training]
    for module in others:
        module.training = training
    try:
        yield
    finally:
        for module in others:
            module.training = not training
