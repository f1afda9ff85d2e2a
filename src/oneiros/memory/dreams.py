"""Dreams of earlier days, and what was answered to them then. Test: `tests/memory/test_dreams.py`."""

from collections.abc import Mapping

import torch
from torch import Tensor

from oneiros.core import Batch
from oneiros.equations.gaussian import gaussian_draw

FEWEST = 8  # examples of a class of which dreams are drawn


class Dreams:
    """Inputs drawn from a Gaussian for each class of a day, and what a network answered to them that night.

    How many of them it still answers so on a later night tells how much it has forgotten since, and no example has to
    be kept. (Robins 1995, "Catastrophic forgetting, rehearsal and pseudorehearsal", holds old answers to random inputs
    in memory to train on; here they are asked for only.)

    Who knows the seed knows how examples were mixed, so there are never more than half as many dreams of a class as
    examples that they were drawn from, over all nights: too few equations to solve for an example.

    Args:
        each: of a class and night at most.
        most: of all classes and nights together; 0 for none at all.
    """

    holds_raw = False

    def __init__(self, *, each: int = 16, most: int = 512) -> None:
        if each < 1 or most < 0:
            raise ValueError(f"Dreams(each={each}, most={most}): expected each >= 1 and most >= 0")
        self.each, self.most = each, most
        self.x: Tensor | None = None
        self.about = torch.zeros(0, 3, dtype=torch.long)  # class, night and answer
        self.room: dict[int, int] = {}  # dreams of a class, half as many as the fewest examples of a night
        self.nights = 0

    @property
    def nbytes(self) -> int:
        """Of dreams and what is known about them; 8 for each class beside."""
        return 0 if self.x is None else self.x.nbytes + self.about.nbytes + 8 * len(self.room)

    def __len__(self) -> int:
        return len(self.about)

    def draw(self, batch: Batch, rng: torch.Generator) -> Tensor:
        """Dreams of a day's examples, class by class, `[n, ...]`; keep their answers by `answered`.

        The end of the night: from now on the next night counts.
        """
        self.nights += 1
        labels, drawn, about = batch.targets(), [], []
        low, high = batch.x.amin(), batch.x.amax()
        for label in labels.unique().tolist() if self.most and batch.x.is_floating_point() else ():
            rows = batch.x[labels == label]
            if len(rows) < FEWEST:
                continue
            self.room[label] = min(len(rows) // 2, self.room.get(label, len(rows)))
            count = min(self.each, self.room[label])
            g = torch.randn(count, len(rows), generator=rng, device=rng.device).to(rows)
            drawn.append(gaussian_draw(rows.flatten(1), g).view(count, *rows.shape[1:]).clamp(low, high))
            about += [(label, self.nights - 1, -1)] * count
        if not drawn:
            return batch.x[:0]
        fresh = torch.cat(drawn)
        self.x = fresh if self.x is None else torch.cat([self.x, fresh])
        self.about = torch.cat([self.about, torch.tensor(about)])
        self._thin()
        return fresh[:0] if self.x is None else self.x[self._unanswered.to(self.x.device)]

    def answered(self, answers: Tensor) -> None:
        """What was answered to the dreams drawn last, `[n]`."""
        self.about[self._unanswered, 2] = answers.to("cpu", torch.long)

    def kept(self, answers: Tensor) -> list[float]:
        """For each night before, the share of its dreams that is answered as it was then; NaN where there are none.

        Args:
            answers: to all dreams, `x`, today.
        """
        same = (answers.to("cpu", torch.long) == self.about[:, 2]).double()
        nights = [same[self.about[:, 1] == night] for night in range(self.nights)]
        return [float(each.mean()) if len(each) else float("nan") for each in nights]

    def drop(self, label: int) -> None:
        """Take a class out."""
        self._keep(self.about[:, 0] != label)
        self.room.pop(label, None)

    def state_dict(self) -> dict[str, Tensor]:
        """Tensors that restore this memory."""
        state = {"about": self.about.clone(), "nights": torch.tensor(self.nights)}
        state["room"] = torch.tensor(sorted(self.room.items()), dtype=torch.long).view(-1, 2)
        return state if self.x is None else {**state, "x": self.x.clone()}

    def load_state_dict(self, state: Mapping[str, Tensor]) -> None:
        """Restore what `state_dict` returned."""
        self.about, self.nights = state["about"].cpu().clone(), int(state["nights"])
        self.room = {label: room for label, room in state["room"].tolist()}
        self.x = state["x"].clone() if "x" in state else None

    @property
    def _unanswered(self) -> Tensor:
        return self.about[:, 2] < 0

    def _thin(self) -> None:
        """As many of a class as there is room for, the same number of every night."""
        classes = self.about[:, 0].unique().tolist()
        keep = torch.zeros(len(self.about), dtype=torch.bool)
        for label in classes:
            of_class = self.about[:, 0] == label
            nights = self.about[of_class, 1].unique()
            most = min(self.room[label], self.most // len(classes)) // len(nights)
            for night in nights:
                keep[(of_class & (self.about[:, 1] == night)).nonzero()[:most, 0]] = True
        self._keep(keep)

    def _keep(self, keep: Tensor) -> None:
        if self.x is not None:
            self.x = self.x[keep.to(self.x.device)] if keep.any() else None
        self.about = self.about[keep]
