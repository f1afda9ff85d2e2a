"""A few raw examples of every class seen: what awake rehearsal replays (Kubo et al. 2025, 2.0.4)."""

from collections.abc import Mapping

import torch
from torch import Tensor

from oneiros.core import Batch


class Exemplars:
    """Uniform random sample of `per_class` examples of each class, drawn from the stream as it passes.

    Examples arrive in today's reservoir (algorithm R, one per class) and become recallable when `seal`
    is called, at the night after the task: a network does not rehearse what it is being taught.

    Args:
        per_class: examples kept of each class. For a fraction of the training set: fraction x class size.
        compact: whether examples that are whole 255ths, as grey values are, are kept as bytes; recalled bit for bit.
    """

    def __init__(self, per_class: int, *, compact: bool = False) -> None:
        if per_class < 1:
            raise ValueError(f"Exemplars(per_class={per_class}): expected at least 1")
        self.per_class = per_class
        self.compact = compact
        self.kept: dict[int, Tensor] = {}
        self.today: dict[int, list[Tensor]] = {}
        self.met: dict[int, int] = {}

    @property
    def holds_raw(self) -> bool:
        """True: these are somebody's examples."""
        return True

    @property
    def nbytes(self) -> int:
        """Bytes kept, today's reservoir included."""
        sealed = sum(x.nbytes for x in self.kept.values())
        return sealed + sum(x.nbytes for reservoir in self.today.values() for x in reservoir)

    def __len__(self) -> int:
        return sum(len(x) for x in self.kept.values())

    @property
    def classes(self) -> tuple[int, ...]:
        """Classes that can be recalled."""
        return tuple(sorted(self.kept))

    def store(self, batch: Batch, rng: torch.Generator) -> None:
        """Offer each example of `batch` to the reservoir of its class."""
        for x, label in zip(batch.x, batch.targets().tolist(), strict=True):
            if label in self.kept:
                continue  # sealed classes were sampled on their own day
            reservoir = self.today.setdefault(label, [])
            self.met[label] = self.met.get(label, 0) + 1
            if len(reservoir) < self.per_class:
                reservoir.append(self._packed(x))
                continue
            slot = int(torch.randint(self.met[label], (), generator=rng, device=rng.device))
            if slot < self.per_class:
                reservoir[slot] = self._packed(x)

    def seal(self) -> None:
        """Make today's sample recallable."""
        self.kept.update({label: _stacked(reservoir) for label, reservoir in self.today.items()})
        self.today.clear()
        self.met.clear()

    def take_today(self) -> dict[int, Tensor]:
        """Today's sample by class, which is forgotten here instead of being sealed."""
        taken = {label: _unpacked(_stacked(reservoir)) for label, reservoir in self.today.items()}
        self.today.clear()
        self.met.clear()
        return taken

    def drop(self, label: int) -> None:
        """Keep nothing of a class."""
        for kept in (self.kept, self.today, self.met):
            kept.pop(label, None)

    def _packed(self, x: Tensor) -> Tensor:
        if self.compact and x.dtype == torch.float32 and bool((x >= 0).all() and (x <= 1).all()):
            whole = (x * 255).round().to(torch.uint8)
            if torch.equal(whole.float() / 255, x):
                return whole
        return x.clone()

    def recall(self, n: int, rng: torch.Generator) -> Batch:
        """`n` exemplars drawn with replacement, uniformly over all that are sealed."""
        if not self.kept:
            raise RuntimeError(
                "recall from Exemplars with nothing sealed: run the night phase SealExemplars after a day"
            )
        x = torch.cat([_unpacked(self.kept[label]) for label in self.classes])
        y = torch.cat([torch.full((len(self.kept[label]),), label, device=x.device) for label in self.classes])
        chosen = torch.randint(len(x), (n,), generator=rng, device=rng.device).to(x.device)
        return Batch(x=x[chosen], y=y[chosen])

    def state_dict(self) -> dict[str, Tensor]:
        """Tensors that restore this memory."""
        state = {f"kept.{label}": x for label, x in self.kept.items()}
        state |= {f"today.{label}": _stacked(reservoir) for label, reservoir in self.today.items()}
        return state | {f"met.{label}": torch.tensor(count) for label, count in self.met.items()}

    def load_state_dict(self, state: Mapping[str, Tensor]) -> None:
        """Restore what `state_dict` returned."""
        self.kept, self.today, self.met = {}, {}, {}
        for key, value in state.items():
            where, label = key.split(".")
            if where == "kept":
                self.kept[int(label)] = value
            elif where == "today":
                self.today[int(label)] = list(value)
            else:
                self.met[int(label)] = int(value)


def _unpacked(x: Tensor) -> Tensor:
    return x.float() / 255 if x.dtype == torch.uint8 else x


def _stacked(rows: list[Tensor]) -> Tensor:
    """As bytes where all rows are."""
    if len({row.dtype for row in rows}) > 1:
        rows = [_unpacked(row) for row in rows]
    return torch.stack(rows)
