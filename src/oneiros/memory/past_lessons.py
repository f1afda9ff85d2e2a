"""All past examples with the previous solver's answers: the upper bound ER (Shin et al. 2017, section 4).

Tests: `tests/memory/test_past_lessons.py`.
"""

import copy
from collections.abc import Mapping

import torch
from torch import Tensor, nn

from oneiros.core import Batch


class PastLessons:
    """Every example of earlier days, kept raw; recalled with the scores of the solver as it was at the last dusk.

    Not the true labels: "we replayed actual past data paired with the predicted targets from the old solver network".
    Pixels that are k / 255 are kept as one byte each.

    Args:
        like: a solver of the architecture that will be kept; copied.
        a_day: examples in a day's training set: what is stored beyond them is their second showing, and is not kept.
    """

    def __init__(self, like: nn.Module, *, a_day: int) -> None:
        self.a_day = a_day
        self._solver = _frozen(like)
        self._past: list[Tensor] = []
        self._today: list[Tensor] = []

    @property
    def holds_raw(self) -> bool:
        """True: these are somebody's examples."""
        return True

    @property
    def nbytes(self) -> int:
        """Bytes of the examples, and of the solver's weights once there is one."""
        solver = sum(value.nbytes for value in self._solver.state_dict().values()) if self._past else 0
        return solver + sum(x.nbytes for x in (*self._past, *self._today))

    def __len__(self) -> int:
        return sum(map(len, self._past))

    def store(self, batch: Batch, rng: torch.Generator) -> None:
        """Keep the examples of a day's first showing."""
        room = self.a_day - sum(map(len, self._today))
        if room > 0:
            self._today.append(_compact(batch.x[:room]))

    def take(self, solver: nn.Module) -> None:
        """Nightfall: today becomes the past, seen with the eyes of `solver`."""
        self._solver = _frozen(solver)
        if self._today:
            self._past.append(torch.cat(self._today))
            self._today.clear()

    @torch.no_grad()
    def recall(self, n: int, rng: torch.Generator) -> Batch:
        """`n` past examples, drawn uniformly with replacement over all days, with the old solver's answers."""
        if not self._past:
            raise RuntimeError("recall from PastLessons with no past: run the night phase SnapshotTeacher after a day")
        chosen = torch.randint(len(self), (n,), generator=rng, device=rng.device).to(self._past[0].device)
        days, ends = [], 0
        for past in self._past:
            mine = chosen[(chosen >= ends) & (chosen < ends + len(past))] - ends
            days.append(_spread(past[mine]))
            ends += len(past)
        x = torch.cat(days)
        scores = self._solver(x)
        return Batch(x=x, y=scores.argmax(1), soft=scores)

    def state_dict(self) -> dict[str, Tensor]:
        """Examples of each day, and the old solver's tensors."""
        state = {f"past.{day}": x for day, x in enumerate(self._past)}
        state |= {f"today.{part}": x for part, x in enumerate(self._today)}
        solver = self._solver.state_dict() if self._past else {}
        return state | {f"solver.{name}": value for name, value in solver.items()}

    def load_state_dict(self, state: Mapping[str, Tensor]) -> None:
        """Restore what `state_dict` gave."""
        self._past = [state[f"past.{day}"] for day in range(sum(name.startswith("past.") for name in state))]
        self._today = [state[f"today.{part}"] for part in range(sum(name.startswith("today.") for name in state))]
        if self._past:
            solver = {name.removeprefix("solver."): v for name, v in state.items() if name.startswith("solver.")}
            self._solver.load_state_dict(solver)


def _frozen(solver: nn.Module) -> nn.Module:
    return copy.deepcopy(solver).eval().requires_grad_(False)


def _compact(x: Tensor) -> Tensor:
    """As bytes where that loses nothing, else a copy."""
    grey = (x * 255).round()
    exact = x.dtype == torch.float32 and bool((grey / 255 == x).all()) and float(x.min()) >= 0 and float(x.max()) <= 1
    return grey.to(torch.uint8) if exact else x.clone()


def _spread(x: Tensor) -> Tensor:
    return x.float() / 255 if x.dtype == torch.uint8 else x
