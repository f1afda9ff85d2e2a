"""Today's examples that are asked about at night before anybody learns them. Test: `tests/memory/test_held_out.py`."""

from collections.abc import Mapping

import torch
from jaxtyping import Bool
from torch import Tensor

from oneiros.core import Batch, concatenate
from oneiros.nets.candidates import fingerprints

RANGE = 1 << 20


class HeldOut:
    """A share of the day's examples, by day only; and which examples were seen today, as one number each.

    An example is held out by its fingerprint, so every time it comes on this day it is held out again, however often
    the day's examples are gone through. Examples whose features nobody can compute yet may wait here, too.

    Args:
        share: of the day's different examples.
        most: examples in a day; beyond that none is held out.
    """

    def __init__(self, *, share: float, most: int) -> None:
        if not 0 < share < 1 or most < 1:
            raise ValueError(f"HeldOut(share={share}, most={most}): expected a share between 0 and 1, and most >= 1")
        self.share, self.most = share, most
        self.clear()

    def clear(self) -> None:
        """Forget the day."""
        self._seen: set[int] = set()
        self._held: set[int] = set()
        self._kept: list[Batch] = []
        self._waiting: list[Batch] = []
        self._looked: tuple[Batch, list[int]] | None = None

    @property
    def holds_raw(self) -> bool:
        """Whether there are examples: by day."""
        return bool(self._kept or self._waiting)

    @property
    def nbytes(self) -> int:
        """Bytes of the examples, and 8 for each that was seen today."""
        rows = sum(value.nbytes for each in (*self._kept, *self._waiting) for value in each.tensors().values())
        return rows + 8 * (len(self._seen) + len(self._held))

    def __len__(self) -> int:
        return sum(map(len, self._kept))

    def held(self, batch: Batch) -> Bool[Tensor, " n"]:
        """Which of these examples are held out today. Changes nothing."""
        chosen: list[bool] = []
        room = self.most - len(self._held)
        for number in self._numbers(batch):
            new = number not in self._seen and number % RANGE < self.share * RANGE and room > 0
            room -= new
            chosen.append(new or number in self._held)
        return torch.tensor(chosen, dtype=torch.bool, device=batch.x.device)

    def admit(self, batch: Batch) -> Batch:
        """Keep those that are held out; returns the others that were not seen today before."""
        numbers, held = self._numbers(batch), self.held(batch)
        fresh = torch.tensor([number not in self._seen for number in numbers], device=held.device)
        first = _first(numbers).to(held.device)
        self._held.update(number for number, is_held in zip(numbers, held.tolist(), strict=True) if is_held)
        self._seen.update(numbers)
        self._looked = None
        kept = _of(batch, held & fresh & first)
        if len(kept):
            self._kept.append(kept)
        return _of(batch, ~held & fresh & first)

    def wait(self, batch: Batch) -> int:
        """Keep examples until their features can be computed; how many there are now."""
        if len(batch):
            self._waiting.append(batch)
        return sum(map(len, self._waiting))

    def take_waiting(self) -> Batch | None:
        """Those that waited, who wait no more."""
        waiting, self._waiting = self._waiting, []
        return concatenate(waiting) if waiting else None

    def take(self) -> Batch | None:
        """Those that were held out; the day is forgotten."""
        kept = self._kept
        self.clear()
        return concatenate(kept) if kept else None

    def state_dict(self) -> dict[str, Tensor]:
        """Tensors that restore this memory."""
        state = {"seen": torch.tensor(sorted(self._seen)), "held": torch.tensor(sorted(self._held))}
        for name, batches in (("kept", self._kept), ("waiting", self._waiting)):
            if batches:
                whole = concatenate(batches)
                state |= {f"{name}.x": whole.x, f"{name}.y": whole.targets()}
        return {key: value.long() if key in ("seen", "held") else value for key, value in state.items()}

    def load_state_dict(self, state: Mapping[str, Tensor]) -> None:
        """Restore what `state_dict` returned."""
        self.clear()
        self._seen, self._held = set(state["seen"].tolist()), set(state["held"].tolist())
        for name, batches in (("kept", self._kept), ("waiting", self._waiting)):
            if f"{name}.x" in state:
                batches.append(Batch(x=state[f"{name}.x"], y=state[f"{name}.y"]))

    def _numbers(self, batch: Batch) -> list[int]:
        if self._looked is None or self._looked[0] is not batch:
            self._looked = (batch, fingerprints(batch.x).tolist())
        return self._looked[1]


def _of(batch: Batch, chosen: Bool[Tensor, " n"]) -> Batch:
    return Batch(x=batch.x[chosen].clone(), y=batch.targets()[chosen])


def _first(numbers: list[int]) -> Tensor:
    """Which are the first of their kind: a row may come twice in one batch."""
    met: set[int] = set()
    first = []
    for number in numbers:
        first.append(number not in met)
        met.add(number)
    return torch.tensor(first, dtype=torch.bool)
