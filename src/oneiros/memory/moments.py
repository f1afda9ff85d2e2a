"""What an exact night is solved from: how often each class came, its mean, and how its examples scatter.

Equations: `oneiros.equations.moments`. Test: `tests/memory/test_moments.py`.
"""

from collections.abc import Mapping
from typing import Literal

import torch
from jaxtyping import Float, Int
from torch import Tensor

from oneiros.core import Batch
from oneiros.equations.drift import Drift, moved_means, moved_scatter
from oneiros.equations.moments import class_means, merged_means, merging_rows
from oneiros.memory.symmetric_sum import SymmetricSum

WAITING = 1024  # rows that are added up at once: a product of few rows costs as much as the sum that it goes into
ALL = -1  # whose scatter is everybody's


class Moments:
    """Counts, means and one scatter matrix that all classes share. Any order of the stream gives the same sums.

    Nothing of an example is left but its share of the sums. That is no example as long as a class has several: the
    mean of a class that was seen once IS its example, and `holds_raw` says so.

    Args:
        dtype: of the scatter. Means and counts are float64.
    """

    def __init__(self, dtype: Literal["float64", "float32"] = "float64") -> None:
        if dtype not in ("float64", "float32"):
            raise ValueError(f"{type(self).__name__}({dtype!r}): expected float64 or float32")
        self.dtype = torch.float64 if dtype == "float64" else torch.float32
        self._empty()

    def _empty(self) -> None:
        self.shape: tuple[int, ...] = ()
        self._counts = torch.zeros(0, dtype=torch.float64)
        self._means = torch.zeros(0, 0, dtype=torch.float64)
        self._scatters: dict[int, SymmetricSum] = {}
        self._waiting: list[tuple[Tensor, Tensor]] = []
        self._forgotten = 0.0  # degrees of freedom that forgotten classes left in the scatter

    @property
    def counts(self) -> Float[Tensor, " classes"]:
        """Examples of each class."""
        return self.added()._counts

    @property
    def means(self) -> Float[Tensor, "classes d"]:
        """Mean of each class; 0 for one that was not seen."""
        return self.added()._means

    @property
    def holds_raw(self) -> bool:
        """Whether an example can be read off: a class was seen once, or the scatter is that of a single pair."""
        return bool((self.counts == 1).any()) or self.freedom == 1

    @property
    def nbytes(self) -> int:
        """Bytes kept, rows that wait to be added up included."""
        sums = self._counts.nbytes + self._means.nbytes + sum(each.nbytes for each in self._scatters.values())
        return sums + sum(x.nbytes + y.nbytes for x, y in self._waiting)

    def __len__(self) -> int:
        return int(self._counts.sum()) + sum(len(y) for _, y in self._waiting)

    @property
    def classes(self) -> tuple[int, ...]:
        """Classes that were seen."""
        return tuple(self.counts.nonzero().flatten().tolist())

    @property
    def freedom(self) -> float:
        """Degrees of freedom of the scatter: examples less one for each class."""
        return float((self.counts - 1).clamp(min=0).sum()) + self._forgotten

    def store(self, batch: Batch, rng: torch.Generator) -> None:
        """Add the batch, each row flattened."""
        batch = batch.unweighted()
        shape = tuple(batch.x.shape[1:])
        if self.shape and shape != self.shape:
            raise ValueError(f"features are {shape} each, those before were {self.shape}: moments are of one layer")
        self.shape = shape
        self._waiting.append((batch.x.detach().flatten(1).clone(), batch.targets().clone()))
        if sum(len(y) for _, y in self._waiting) >= WAITING:
            self.added()

    def added(self) -> "Moments":
        """Itself, with what waited added up."""
        if self._waiting:
            x, y = (torch.cat(each) for each in zip(*self._waiting, strict=True))
            self._waiting = []
            self._add(x, y)
        return self

    def within(self) -> Float[Tensor, "d d"]:
        """W, the scatter within classes, all classes together."""
        self.added()
        if not self._scatters:
            raise RuntimeError(f"recall from an empty {type(self).__name__}: store features by day before the night")
        first, *others = self._scatters.values()
        total = first.full()
        for each in others:
            total += each.full()
        return total

    def merge(self, other: "Moments") -> None:
        """Add what another memory of the same kind saw: two devices' sums add up."""
        if type(other) is not type(self) or (self.shape and other.shape and self.shape != other.shape):
            raise ValueError(
                f"{type(self).__name__} of features {self.shape} cannot be merged with "
                f"{type(other).__name__} of {other.shape}"
            )
        if not len(other):
            return
        self.shape = other.shape
        self._forgotten += other._forgotten
        counts, means = other.counts, other.means
        self.added()._make_room(len(counts), means)
        more = len(self._counts) - len(counts)
        for label, scatter in other._scatters.items():
            self._scatter(label, means).merge(scatter)
        self._join(torch.cat([counts, counts.new_zeros(more)]), torch.cat([means, means.new_zeros(more, len(means.T))]))

    def move(self, drift: Drift) -> None:
        """Take the sums along to where features have drifted (`equations.drift`); counts stay."""
        self.added()
        seen = torch.tensor(self.classes, device=self._means.device)
        self._means = self._means.clone()
        self._means[seen] = moved_means(self._means[seen], drift)
        for label, scatter in self._scatters.items():
            freedom = self.freedom if label == ALL else float(self._counts[label]) - 1
            moved = moved_scatter(scatter.full(), freedom, drift)
            self._scatters[label] = SymmetricSum.of(moved, dtype=self.dtype)

    def forget(self, label: int) -> bool:
        """Take a class out; whether nothing of it is left.

        Its count and mean go. Its share of the scatter that all classes share cannot be told from the others'.
        """
        self._forgotten += self._drop(label) - 1
        return False

    def recall(self, n: int, rng: torch.Generator) -> Batch:
        """`n` dreams, classes as often as they came, each from the Gaussian of its class."""
        if not len(self):
            raise RuntimeError(f"recall from an empty {type(self).__name__}: store features by day before the night")
        chances = self.counts.float().to(rng.device)
        return self.imagine(torch.multinomial(chances, n, replacement=True, generator=rng), rng)

    def imagine(self, labels: Int[Tensor, " n"], rng: torch.Generator) -> Batch:
        """A dream of each label: exact draws from N(m_c, S)."""
        means = self.means
        normal = torch.randn(len(labels), means.shape[1], generator=rng, device=rng.device).to(means)
        x = means[labels.to(means.device)] + normal @ _root(self.within() / max(self.freedom, 1.0))
        return Batch(x=x.float().unflatten(1, self.shape), y=labels.to(means.device))

    def state_dict(self) -> dict[str, Tensor]:
        """Tensors that restore this memory, with the rows that wait: a look changes nothing, rounding included."""
        if not len(self):
            return {}
        state = {"shape": torch.tensor(self.shape), "counts": self._counts, "means": self._means}
        if self._waiting:
            x, y = (torch.cat(each) for each in zip(*self._waiting, strict=True))
            state |= {"waiting.x": x, "waiting.y": y}
        state["forgotten"] = torch.tensor(self._forgotten, dtype=torch.float64)
        for label, scatter in self._scatters.items():
            state |= {f"scatter.{label}.{key}": value for key, value in scatter.state_dict().items()}
        return state

    def load_state_dict(self, state: Mapping[str, Tensor]) -> None:
        """Restore what `state_dict` returned."""
        self._empty()
        if not state:
            return
        self.shape = tuple(state["shape"].tolist())
        self._counts, self._means = state["counts"], state["means"]
        self._forgotten = float(state["forgotten"])
        for label in sorted({int(key.split(".")[1]) for key in state if key.startswith("scatter.")}):
            prefix = f"scatter.{label}."
            own = {key.removeprefix(prefix): value for key, value in state.items() if key.startswith(prefix)}
            self._scatter(label, self._means).load_state_dict(own)
        if "waiting.x" in state:
            self._waiting = [(state["waiting.x"], state["waiting.y"])]

    def _add(self, x: Float[Tensor, "n d"], y: Int[Tensor, " n"]) -> None:
        self._make_room(int(y.max()) + 1, x)
        counts, means = class_means(x, y, len(self._counts))
        # Around their means, so that a product in single precision loses nothing of small scatter around large means.
        centred = x - means.to(x.dtype)[y]
        for label in self._owners(y.unique().tolist()):
            self._scatter(label, x).add(centred if label == ALL else centred[y == label])
        self._join(counts, means)

    def _join(self, counts: Float[Tensor, " classes"], means: Float[Tensor, "classes d"]) -> None:
        """Means and counts of another part, whose own scatter is added already."""
        counts, means = counts.to(self._counts), means.to(self._means)
        rows = merging_rows(self._counts, self._means, counts, means)
        both = (self._counts * counts).nonzero().flatten().tolist()
        for label in self._owners(both):
            self._scatters[label].add(rows if label == ALL else rows[label : label + 1])
        self._means = merged_means(self._counts, self._means, counts, means)
        self._counts = self._counts + counts

    def _owners(self, labels: list[int]) -> list[int]:
        """Whose scatter the examples of these classes go to."""
        return [ALL] if labels else []

    def _scatter(self, label: int, like: Float[Tensor, "_ d"]) -> SymmetricSum:
        if label not in self._scatters:
            self._scatters[label] = SymmetricSum(like.shape[1], dtype=self.dtype, device=like.device)
        return self._scatters[label]

    def _make_room(self, classes: int, like: Float[Tensor, "_ d"]) -> None:
        known = len(self._counts)
        if classes > known:
            means = torch.zeros(classes, like.shape[1], dtype=torch.float64, device=like.device)
            counts = torch.zeros(classes, dtype=torch.float64, device=like.device)
            if known:
                means[:known], counts[:known] = self._means, self._counts
            self._means, self._counts = means, counts

    def _drop(self, label: int) -> float:
        """Take out count and mean; how many examples there were."""
        if label not in self.classes:
            raise KeyError(f"{type(self).__name__} has no class {label} to forget; it has {list(self.classes)}")
        count = float(self._counts[label])
        self._counts, self._means = self._counts.clone(), self._means.clone()
        self._counts[label], self._means[label] = 0.0, 0.0
        return count


class ClassMoments(Moments):
    """The same with a scatter matrix for each class: for Gaussians of their own, and forgetting without a trace."""

    @property
    def holds_raw(self) -> bool:
        """Whether an example can be read off: one of a class is its mean; of two, mean and scatter give both."""
        return bool(((self.counts == 1) | (self.counts == 2)).any())

    def scatter(self, label: int) -> Float[Tensor, "d d"]:
        """The scatter of one class that was seen."""
        return self.added()._scatters[label].full()

    def forget(self, label: int) -> bool:
        """Take a class out; whether nothing of it is left: its sums are its own, so they go with it."""
        self._drop(label)
        del self._scatters[label]
        return True

    def _owners(self, labels: list[int]) -> list[int]:
        return labels


def _root(covariance: Float[Tensor, "d d"]) -> Float[Tensor, "d d"]:
    """A matrix R with R'R the covariance, which may be singular."""
    values, vectors = torch.linalg.eigh(covariance)
    return (vectors * values.clamp(min=0).sqrt()).T
