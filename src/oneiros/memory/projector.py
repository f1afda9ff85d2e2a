"""Which directions of a layer's input earlier days have used: what orthogonal weight modification keeps."""

from collections.abc import Mapping

import torch
from torch import Tensor

from oneiros.core import Batch
from oneiros.equations.projection import shrink


class Projector:
    """A matrix that takes the mean inputs of earlier days' batches out of a weight change (Zeng et al. 2019).

    Today's inputs count from the night on, when `seal` is called: a day does not stand in its own way.

    Args:
        damping: the smaller, the more completely an input is protected (the paper's alpha).
    """

    def __init__(self, damping: float) -> None:
        if damping <= 0:
            raise ValueError(f"Projector.damping is {damping}; expected a number above 0")
        self.damping = damping
        self.sealed: Tensor | None = None
        self.today: Tensor | None = None
        self.count = 0

    @property
    def holds_raw(self) -> bool:
        """False: a projector is no example."""
        return False

    @property
    def nbytes(self) -> int:
        """Bytes kept, today's included."""
        return sum(matrix.nbytes for matrix in (self.sealed, self.today) if matrix is not None)

    def __len__(self) -> int:
        """Inputs that count."""
        return self.count

    def store(self, batch: Batch, rng: torch.Generator) -> None:
        """Take the mean of this batch's inputs out, from tonight."""
        heard = batch.x.flatten(1).mean(0)
        if self.today is None:
            self.today = torch.eye(len(heard)).to(heard) if self.sealed is None else self.sealed
        self.today = shrink(self.today, heard, damping=self.damping)
        self.count += 1

    def seal(self) -> None:
        """Today is over: what was heard is protected."""
        self.sealed = self.sealed if self.today is None else self.today
        self.today = None

    def project(self, change: Tensor) -> Tensor:
        """The part of a weight change `[out, in]` that earlier days' inputs do not notice; all of it on the first."""
        return change if self.sealed is None else change @ self.sealed

    def state_dict(self) -> dict[str, Tensor]:
        """Tensors that restore this memory."""
        matrices = {"sealed": self.sealed, "today": self.today}
        kept = {name: matrix for name, matrix in matrices.items() if matrix is not None}
        return kept | {"count": torch.tensor(self.count)}

    def load_state_dict(self, state: Mapping[str, Tensor]) -> None:
        """Restore what `state_dict` returned."""
        self.sealed, self.today = state.get("sealed"), state.get("today")
        self.count = int(state["count"]) if "count" in state else 0
