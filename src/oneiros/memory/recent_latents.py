"""Latents of this and the previous wake batch: all the hippocampus that Deperrois et al. 2022 need.

Test: `tests/memory/test_recent_latents.py`.
"""

from collections.abc import Mapping

import torch
from torch import Tensor

from oneiros.core import Batch


class RecentLatents:
    """What was encoded last (Z) and, if it was as large, what was encoded before it (Z_old).

    The experiences it keeps ARE latents: they are the `x` of the batches that it is given. No image is kept.
    """

    holds_raw = False

    def __init__(self) -> None:
        self._batches: tuple[Tensor, ...] = ()  # newest first, two at most

    def __len__(self) -> int:
        return len(self._batches[0]) if self._batches else 0

    @property
    def nbytes(self) -> int:
        """Bytes of both batches."""
        return sum(batch.nbytes for batch in self._batches)

    @property
    def present(self) -> Tensor:
        """Z, `[b, latent]`: the batch encoded last, in its order."""
        if not self._batches:
            raise RuntimeError("recall from an empty RecentLatents memory: run DreamingWake before the first night")
        return self._batches[0]

    @property
    def previous(self) -> Tensor | None:
        """Z_old, `[b, latent]`: the batch before it; None after the first one."""
        return self._batches[1] if len(self._batches) > 1 else None

    def store(self, batch: Batch, rng: torch.Generator) -> None:
        """Keep these latents as the newest; what was the newest becomes the previous, if it has their shape."""
        newest = batch.x.detach().clone()
        self._batches = (newest, *(old for old in self._batches[:1] if old.shape == newest.shape))

    def forget(self) -> None:
        """Empty it, as at the end of an epoch."""
        self._batches = ()

    def state_dict(self) -> dict[str, Tensor]:
        """The batches, by age."""
        return dict(zip(("present", "previous"), self._batches, strict=False))

    def load_state_dict(self, state: Mapping[str, Tensor]) -> None:
        """Restore what `state_dict` gave."""
        self._batches = tuple(state[name].clone() for name in ("present", "previous") if name in state)
