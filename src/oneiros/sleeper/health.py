"""What goes wrong in silence, asked after: broken numbers, foreign optimisers, dreams that nobody recognises."""

import math
from dataclasses import dataclass, field

import torch
from torch import Tensor, nn

from oneiros.core import Seeds
from oneiros.memory.frozen_scholar import FrozenScholar
from oneiros.nets.modes import resting
from oneiros.sleeper.mechanism import Attachment

DREAMS = 256  # asked about
FEWEST_STEPS = 100  # a day, below which a generator has hardly begun
RECOGNISED, STILL_KNOWN = 0.8, 0.8  # shares below which a night is told to be a poor one


@dataclass(frozen=True)
class Health:
    """How a day and its night went.

    Attributes:
        steps: lessons of the day.
        recognised: share of tonight's dreams that the network takes for the class that they were dreamed as; NaN where
            nobody dreams of classes.
        known: share of last night's dreams that the network, a day later, takes for their class, relative to what it
            did then: what is left of the old classes as far as dreams can tell; NaN on the first day.
        warnings: what to do about it, in a line each.
    """

    steps: int
    recognised: float = math.nan
    known: float = math.nan
    warnings: tuple[str, ...] = field(default_factory=tuple)


def still_known(parts: tuple[Attachment, ...], seeds: Seeds, night: int) -> float:
    """Before a night: what today's network takes the dreams of the last one for, relative to the network of then."""
    for each in parts:
        memory = each.brain.memory.get("scholar")
        if isinstance(memory, FrozenScholar) and len(memory):
            dreams = memory.dream(DREAMS, seeds.rng("health-known", night))
            if dreams.y is not None:
                with resting(each.brain.net):
                    now = (each.brain.net(dreams.x).argmax(1) == dreams.y).double().mean()
                then = (memory.answer(dreams.x).argmax(1) == dreams.y).double().mean()
                return float(now / then.clamp(min=1 / DREAMS))
    return math.nan


def after(parts: tuple[Attachment, ...], seeds: Seeds, *, night: int, steps: int, known: float) -> Health:
    """After a night: are its dreams recognised, and what should be done."""
    recognised, warnings = math.nan, []
    for each in parts:
        memory = each.brain.memory.get("scholar")
        if not isinstance(memory, FrozenScholar) or not len(memory):
            continue
        if steps < FEWEST_STEPS:
            warnings.append(
                f"the day had {steps} lessons, too few for a generator to learn what it should dream of: give more "
                f"epochs or smaller batches, about {3 * FEWEST_STEPS} lessons a day; or use Sleeper(net)"
            )
        dreams = memory.dream(DREAMS, seeds.rng("health-recognised", night))
        if dreams.y is not None:
            recognised = float((memory.answer(dreams.x).argmax(1) == dreams.y).double().mean())
    if recognised < RECOGNISED:
        warnings.append(
            f"{recognised:.0%} of the dreams are recognised as their class: the others will teach tomorrow what is "
            "wrong. More lessons a day, a larger generator (hidden=, latent=), or Sleeper(net)"
        )
    if known < STILL_KNOWN:
        warnings.append(
            f"{known:.0%} of what was recognised of the old classes a night ago still is: give the past more weight "
            "(ratio=, replayed=), or ask Sleeper(net)"
        )
    return Health(steps, recognised, known, tuple(warnings))


def finite_loss(loss: Tensor, *, lessons: int, nights: int) -> None:
    """Raise FloatingPointError where today's loss is no number."""
    if not loss.detach().isfinite().all():
        raise FloatingPointError(
            f"the loss is {float(loss.detach()):.4g} at lesson {lessons + 1} of day {nights + 1}: a step before it was "
            "too large. Lower the learning rate, or clip gradients; then begin again from weights that are finite"
        )


def finite_weights(net: nn.Module) -> None:
    """Raise FloatingPointError where a weight of the network is no number."""
    for name, value in net.named_parameters():
        if value.is_floating_point() and not value.detach().isfinite().all():
            raise FloatingPointError(
                f"{name} holds NaN or infinity: a step of today was too large. Lower the learning rate, or clip "
                "gradients; then begin again from weights that are finite (load_state_dict of an earlier state_dict)"
            )


def own_optimiser(net: nn.Module, optimiser: torch.optim.Optimizer) -> None:
    """Raise ValueError where the optimiser holds none of the network's parameters."""
    own = {id(each) for each in net.parameters()}
    held = [each for group in optimiser.param_groups for each in group["params"]]
    if not any(id(each) in own for each in held):
        raise ValueError(
            f"the optimiser holds {len(held)} parameters and none of them is {type(net).__name__}'s: "
            "make it of sleeper.net.parameters()"
        )
