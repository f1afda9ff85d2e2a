"""The mean input with its pixels in another order every night: how active, but not where. A control."""

from collections.abc import Mapping
from dataclasses import replace

import torch
from torch import Tensor

from oneiros.core import Batch
from oneiros.memory.mean_input import MeanInput


class ShuffledInput:
    """A `MeanInput` that forgets which input was how active; `rng` decides the order."""

    def __init__(self) -> None:
        self.inner = MeanInput()

    @property
    def holds_raw(self) -> bool:
        """False, like a mean input."""
        return self.inner.holds_raw

    @property
    def nbytes(self) -> int:
        """Bytes kept."""
        return self.inner.nbytes

    def __len__(self) -> int:
        return len(self.inner)

    def store(self, batch: Batch, rng: torch.Generator) -> None:
        """Add the inputs of `batch` to the mean."""
        self.inner.store(batch, rng)

    def recall(self, n: int, rng: torch.Generator) -> Batch:
        """`n` copies of the mean input, all shuffled alike."""
        found = self.inner.recall(n, rng)
        flat = found.x.flatten(1)
        order = torch.randperm(flat.shape[1], generator=rng, device=rng.device).to(flat.device)
        return replace(found, x=flat[:, order].reshape(found.x.shape))

    def state_dict(self) -> dict[str, Tensor]:
        """Tensors that restore this memory."""
        return self.inner.state_dict()

    def load_state_dict(self, state: Mapping[str, Tensor]) -> None:
        """Restore what `state_dict` returned."""
        self.inner.load_state_dict(state)
