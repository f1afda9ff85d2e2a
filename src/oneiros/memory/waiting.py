"""What an exact day keeps of today, and of today only. Test: `tests/contracts/test_memories.py`."""

from collections.abc import Iterator, Mapping

import torch
from torch import Tensor

from oneiros.core import Batch


class Waiting:
    """Lessons as they came, until what they wait for is there: a front that has to be learned first."""

    def __init__(self) -> None:
        self.lessons: list[Batch] = []

    @property
    def holds_raw(self) -> bool:
        """Whether anything waits: it is as raw as it came."""
        return bool(self.lessons)

    @property
    def nbytes(self) -> int:
        """Bytes kept."""
        return sum(batch.x.nbytes + batch.targets().nbytes for batch in self.lessons)

    def __len__(self) -> int:
        return sum(map(len, self.lessons))

    def store(self, batch: Batch, rng: torch.Generator) -> None:
        """Keep the batch."""
        self.lessons.append(Batch(x=batch.x.detach().clone(), y=batch.targets().clone()))

    def released(self) -> Iterator[Batch]:
        """What waited, batch by batch; it is forgotten."""
        lessons, self.lessons = self.lessons, []
        yield from lessons

    def state_dict(self) -> dict[str, Tensor]:
        """Tensors that restore this memory, the cuts between its batches included."""
        if not self.lessons:
            return {}
        x, y = torch.cat([each.x for each in self.lessons]), torch.cat([each.targets() for each in self.lessons])
        return {"x": x, "y": y, "sizes": torch.tensor([len(each) for each in self.lessons])}

    def load_state_dict(self, state: Mapping[str, Tensor]) -> None:
        """Restore what `state_dict` returned."""
        self.lessons = []
        if state:
            sizes = state["sizes"].tolist()
            parts = zip(state["x"].split(sizes), state["y"].split(sizes), strict=True)
            self.lessons = [Batch(x=x, y=y) for x, y in parts]


class SeenToday:
    """Fingerprints of today's inputs, so that an example which comes again in the next epoch counts once.

    A fingerprint is one number of 64 bits, a random projection of the input. Forget them at night: with a guess at
    hand, anybody could check whether it was seen.
    """

    def __init__(self) -> None:
        self.prints = torch.zeros(0, dtype=torch.float64)

    @property
    def holds_raw(self) -> bool:
        """False: one number of an input."""
        return False

    @property
    def nbytes(self) -> int:
        """Bytes kept."""
        return self.prints.nbytes

    def new(self, batch: Batch) -> Batch:
        """The rows of the batch that did not come today, which have come now."""
        x = batch.x.detach().flatten(1).double()
        rng = torch.Generator().manual_seed(0)
        direction = torch.rand(x.shape[1], generator=rng, dtype=torch.float64).to(x.device)
        # Row by row, since a matrix product may round a row otherwise in another company.
        prints = (x * direction).sum(1)
        fresh = ~torch.isin(prints, self.prints.to(x.device))
        first = torch.tensor([index == 0 for index in _rank(prints)], device=x.device)
        chosen = (fresh & first).nonzero().flatten()
        self.prints = torch.cat([self.prints.to(x.device), prints[chosen]])
        return Batch(x=batch.x[chosen], y=batch.targets()[chosen])

    def forget(self) -> None:
        """Empty it."""
        self.prints = torch.zeros(0, dtype=torch.float64)

    def store(self, batch: Batch, rng: torch.Generator) -> None:
        """Note what came."""
        self.new(batch)

    def state_dict(self) -> dict[str, Tensor]:
        """Tensors that restore this memory."""
        return {"prints": self.prints} if len(self.prints) else {}

    def load_state_dict(self, state: Mapping[str, Tensor]) -> None:
        """Restore what `state_dict` returned."""
        self.prints = state.get("prints", torch.zeros(0, dtype=torch.float64))


def _rank(prints: Tensor) -> list[int]:
    """How often each number came before in the list."""
    met: dict[float, int] = {}
    ranks = []
    for value in prints.tolist():
        ranks.append(met.get(value, 0))
        met[value] = ranks[-1] + 1
    return ranks
