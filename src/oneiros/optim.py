"""Adam as TensorFlow computes it, which with a large epsilon is another optimiser than torch's."""

# torch documents its operations on lists of tensors under these names, underscore and all.
# pyright: reportPrivateImportUsage=false

from collections.abc import Callable, Iterable
from typing import Any

import torch
from torch import Tensor


class TensorFlowAdam(torch.optim.Optimizer):
    r"""Adam in the "epsilon-hat" form (Kingma & Ba 2014, end of section 2; `tf.keras.optimizers.Adam`).

    step = lr sqrt(1 - b2^t) / (1 - b1^t) * m / (sqrt(v) + epsilon)

    torch corrects v before it adds epsilon: with epsilon = 1, Barry & Love's, its first step is 1/sqrt(1-b2), some
    28 times, larger. The step count t is the optimiser's, not each parameter's: it goes on at night for layers that
    the night does not train. Layers without a gradient keep their weights and moments.

    Args:
        params: as for every optimiser.
        lr: learning rate (Barry & Love: 3e-4).
        betas: decay of the two moments.
        epsilon: Barry & Love's code: 1.0, which makes this nearly momentum SGD.
    """

    def __init__(
        self,
        params: Iterable[Tensor],
        lr: float = 3e-4,
        betas: tuple[float, float] = (0.9, 0.999),
        epsilon: float = 1.0,
    ) -> None:
        if lr < 0 or epsilon <= 0 or not all(0 <= beta < 1 for beta in betas):
            raise ValueError(
                f"lr {lr}, betas {betas}, epsilon {epsilon}: expected lr >= 0, betas in [0, 1), epsilon > 0"
            )
        super().__init__(params, {"lr": lr, "betas": betas, "epsilon": epsilon, "t": 0})

    @torch.no_grad()
    def step(self, closure: Callable[[], float] | None = None) -> float | None:  # pyright: ignore[reportIncompatibleMethodOverride]
        """One step on every parameter that has a gradient."""
        loss = None
        if closure is not None:
            with torch.enable_grad():
                loss = closure()
        for group in self.param_groups:
            group["t"] += 1
            moving = [p for p in group["params"] if p.grad is not None]
            if moving:
                self._move(moving, group)
        return loss

    def _move(self, moving: list[Tensor], group: dict[str, Any]) -> None:
        (b1, b2), t = group["betas"], group["t"]
        gradients: list[Tensor] = [p.grad for p in moving if p.grad is not None]
        for p in moving:
            if not self.state[p]:
                self.state[p] = {"m": torch.zeros_like(p), "v": torch.zeros_like(p)}
        m, v = ([self.state[p][name] for p in moving] for name in ("m", "v"))
        # All parameters in one call each: on a GPU a night's step would otherwise wait for its launches.
        torch._foreach_lerp_(m, gradients, 1 - b1)
        torch._foreach_mul_(v, b2)
        torch._foreach_addcmul_(v, gradients, gradients, 1 - b2)
        spread = torch._foreach_sqrt(v)
        torch._foreach_add_(spread, group["epsilon"])
        size = group["lr"] * (1 - b2**t) ** 0.5 / (1 - b1**t)
        torch._foreach_addcdiv_(moving, m, spread, -size)
