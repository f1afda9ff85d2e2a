"""What goes wrong in silence, asked after: broken numbers, optimisers of other networks."""

import torch
from torch import Tensor, nn


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
