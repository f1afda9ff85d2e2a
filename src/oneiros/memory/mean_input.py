"""The mean of all inputs seen: the only thing sleep replay consolidation keeps (Kubo et al. 2025, 2.0.3)."""

from collections.abc import Mapping

import torch
from torch import Tensor

from oneiros.core import Batch


class MeanInput:
    """Running mean over every input stored. Holds no example: its size is one input.

    Measured while planning: the mean over all tasks seen or over the last one makes no difference.
    """

    def __init__(self) -> None:
        self.total: Tensor | None = None
        self.count = 0

    @property
    def holds_raw(self) -> bool:
        """Whether it is the mean of a single input; one over thousands is no example."""
        return self.count == 1

    @property
    def nbytes(self) -> int:
        """Bytes kept."""
        return 0 if self.total is None else self.total.nbytes

    def __len__(self) -> int:
        return self.count

    def store(self, batch: Batch, rng: torch.Generator) -> None:
        """Add the inputs of `batch` to the mean."""
        added = batch.x.sum(0, dtype=torch.float64 if batch.x.device.type == "cpu" else torch.float32)
        self.total = added if self.total is None else self.total + added
        self.count += len(batch)

    def recall(self, n: int, rng: torch.Generator) -> Batch:
        """`n` copies of the mean input."""
        if self.total is None:
            raise RuntimeError(
                "recall from an empty MeanInput: store a batch (day phase Remember) before the first night"
            )
        mean = (self.total / self.count).float()
        return Batch(x=mean.expand(n, *mean.shape))

    def state_dict(self) -> dict[str, Tensor]:
        """Tensors that restore this memory."""
        if self.total is None:
            return {}
        return {"total": self.total, "count": torch.tensor(self.count)}

    def load_state_dict(self, state: Mapping[str, Tensor]) -> None:
        """Restore what `state_dict` returned."""
        self.total = state.get("total")
        self.count = int(state["count"]) if "count" in state else 0
