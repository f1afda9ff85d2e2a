"""Adam as TensorFlow computes it, which with a large epsilon is another optimiser than torch's."""

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
        for p in moving:
            if not self.state[p]:
                self.state[p] = {"m": torch.zeros_like(p), "v": torch.zeros_like(p)}
        alike: dict[tuple[torch.device, torch.dtype], list[Tensor]] = {}
        for p in moving:
            alike.setdefault((p.device, p.dtype), []).append(p)
        for (device, _), parameters in alike.items():
            self._move_alike(parameters, device, group)

    def _move_alike(self, moving: list[Tensor], device: torch.device, group: dict[str, Any]) -> None:
        (b1, b2), t = group["betas"], group["t"]
        states = [self.state[p] for p in moving]
        # torch's own fused step, all parameters in one pass over memory. torch divides sqrt(v) by sqrt(1 - b2^t) before
        # it adds its epsilon: with ours divided by the same, both forms are one. Called without the wrapper in
        # torch.optim, which in a small network takes as long as the step itself; it reads t and does not count it on.
        torch._fused_adam_(  # pyright: ignore[reportPrivateImportUsage]
            moving, [p.grad for p in moving if p.grad is not None], [s["m"] for s in states], [s["v"] for s in states],
            [], [torch.full((), float(t), device=device)] * len(moving),
            amsgrad=False, maximize=False, beta1=b1, beta2=b2, lr=group["lr"], weight_decay=0.0,
            eps=group["epsilon"] / (1 - b2**t) ** 0.5,
        )  # fmt: skip
