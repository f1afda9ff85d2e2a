"""Weights as they were, and how much each of them mattered: what elastic weight consolidation keeps.

Kirkpatrick et al. 2017, in the online form of Schwarz et al. 2018 ("Progress & Compress", section 2.2): one anchor and
one running sum of importances, however many days there were. Tests: `tests/phases/test_elastic.py`.
"""

from collections.abc import Mapping

import torch
from torch import Tensor


class Anchor:
    """The weights of the last dusk and the importance of each, both by the parameter's name. No example."""

    holds_raw = False

    def __init__(self) -> None:
        self.weights: dict[str, Tensor] = {}
        self.importance: dict[str, Tensor] = {}
        self.days = 0

    @property
    def nbytes(self) -> int:
        """Bytes kept: twice those of the weights."""
        return sum(value.nbytes for part in (self.weights, self.importance) for value in part.values())

    def take(self, weights: Mapping[str, Tensor], importance: Mapping[str, Tensor], *, decay: float) -> None:
        """Hold to these weights from now on; today's importance is added to `decay` times the past's.

        Weights that are left out are held no more.
        """
        own = {name: value.detach().clone() for name, value in importance.items()}
        self.importance = {
            name: decay * self.importance[name] + value if name in self.importance else value
            for name, value in own.items()
        }
        self.weights = {name: weights[name].detach().clone() for name in own}
        self.days += 1

    def state_dict(self) -> dict[str, Tensor]:
        """Tensors that restore this memory."""
        if not self.days:
            return {}
        weights = {f"weights.{name}": value for name, value in self.weights.items()}
        importance = {f"importance.{name}": value for name, value in self.importance.items()}
        return {"days": torch.tensor(self.days), **weights, **importance}

    def load_state_dict(self, state: Mapping[str, Tensor]) -> None:
        """Restore what `state_dict` gave."""
        self.days = int(state["days"]) if state else 0
        self.weights, self.importance = (
            {name.removeprefix(f"{part}."): value for name, value in state.items() if name.startswith(f"{part}.")}
            for part in ("weights", "importance")
        )
