"""Pictures as they were met, for as long as somebody needs them."""

from collections.abc import Iterator, Mapping

import torch
from torch import Tensor

from oneiros.core import Batch


class Images:
    """Every image stored, in order, at the 256 grey values a photograph has, until `forget`.

    Two uses: a day's images, views included, until the night has turned them into activations (Barry & Love's
    replay needs the activations that they cause at the END of the day); and held-out images that a selector is
    rewarded by.
    """

    def __init__(self) -> None:
        self.x: list[Tensor] = []
        self.y: list[Tensor] = []

    @property
    def holds_raw(self) -> bool:
        """True: these are somebody's images."""
        return True

    @property
    def nbytes(self) -> int:
        """Bytes kept."""
        return sum(part.nbytes for part in (*self.x, *self.y))

    def __len__(self) -> int:
        return sum(map(len, self.y))

    def store(self, batch: Batch, rng: torch.Generator) -> None:
        """Keep the batch; inputs in [0, 1] are rounded to 1/255."""
        self.x.append((batch.x * 255).round().clamp(0, 255).to(torch.uint8))
        self.y.append(batch.targets().clone())

    def batches(self) -> Iterator[Batch]:
        """What was stored, batch by batch, in order."""
        for x, y in zip(self.x, self.y, strict=True):
            yield Batch(x=x.float() / 255, y=y)

    def forget(self) -> None:
        """Empty it."""
        self.x, self.y = [], []

    def recall(self, n: int, rng: torch.Generator) -> Batch:
        """`n` images drawn with replacement, uniformly."""
        if not self.y:
            raise RuntimeError("recall from an empty Images: store a batch (day phase Remember) first")
        chosen = torch.randint(len(self), (n,), generator=rng, device=rng.device)
        x, y = torch.cat(self.x), torch.cat(self.y)
        return Batch(x=x[chosen.to(x.device)].float() / 255, y=y[chosen.to(y.device)])

    def state_dict(self) -> dict[str, Tensor]:
        """Tensors that restore this memory, the cuts between its batches included."""
        if not self.y:
            return {}
        return {"x": torch.cat(self.x), "y": torch.cat(self.y), "sizes": torch.tensor([len(y) for y in self.y])}

    def load_state_dict(self, state: Mapping[str, Tensor]) -> None:
        """Restore what `state_dict` returned."""
        self.forget()
        if state:
            sizes = state["sizes"].tolist()
            self.x, self.y = list(state["x"].split(sizes)), list(state["y"].split(sizes))
