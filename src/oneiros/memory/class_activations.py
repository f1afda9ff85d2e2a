"""Activations at one location of a network, class by class: what category replay imagines from (Barry & Love 2022)."""

from collections.abc import Callable, Mapping
from typing import Literal

import torch
from jaxtyping import Float, Int
from torch import Tensor

from oneiros.core import Batch
from oneiros.equations.gaussian import block_mean, gaussian_draw, gaussian_draw_half, nearest_repeat


class ClassActivations:
    """Activations of every class, coarsened or whole; `imagine` draws from the Gaussian that each class's define.

    Args:
        coarsen: side of the blocks of each map that are averaged as they are stored and repeated as they are recalled;
            1 keeps maps whole (Barry & Love: 8, 4, 3, 2 at the first four locations, because they build covariance
            matrices; whole maps cost us nothing but their bytes).
        dtype: "float16" halves the bytes.
    """

    def __init__(self, coarsen: int = 1, dtype: Literal["float32", "float16"] = "float32") -> None:
        if coarsen < 1 or dtype not in ("float32", "float16"):
            raise ValueError(f"ClassActivations({coarsen}, {dtype!r}): expected coarsen >= 1 and float32 or float16")
        self.coarsen = coarsen
        self.dtype = torch.float16 if dtype == "float16" else torch.float32
        self.kept: dict[int, Tensor] = {}
        self.size: tuple[int, int] = (0, 0)
        self.arriving: dict[int, list[Tensor]] = {}

    @property
    def holds_raw(self) -> bool:
        """False: what activations give away depends on the layer; `oneiros.sleeper.audit.of_layer` judges it."""
        return False

    @property
    def nbytes(self) -> int:
        """Bytes kept."""
        return sum(x.nbytes for x in self._whole().values())

    def __len__(self) -> int:
        return sum(map(len, self._whole().values()))

    @property
    def classes(self) -> tuple[int, ...]:
        """Classes there are activations of."""
        return tuple(sorted(self._whole()))

    def count(self, label: int) -> int:
        """Activations kept of a class."""
        return len(self._whole()[label])

    def store(self, batch: Batch, rng: torch.Generator) -> None:
        """Keep the activations x of the batch under its labels."""
        x, labels = batch.x, batch.targets()
        if self.coarsen > 1:
            if x.ndim != 4:
                raise ValueError(f"activations {tuple(x.shape)} have no maps to coarsen; expected [n, c, h, w]")
            self.size = (x.shape[2], x.shape[3])
            x = block_mean(x, self.coarsen)
        for label in labels.unique().tolist():
            self.arriving.setdefault(label, []).append(x[labels == label].to(self.dtype, copy=True).contiguous())

    def replace(self, label: int, x: Float[Tensor, "n ..."]) -> None:
        """Keep these activations of the class and none that were kept of it before."""
        self._whole().pop(label, None)
        self.store(Batch(x=x, y=torch.full((len(x),), label, device=x.device)), torch.Generator())

    def forget(self) -> None:
        """Empty it."""
        self.kept, self.arriving = {}, {}

    def drop(self, label: int) -> None:
        """Keep nothing of a class."""
        self._whole().pop(label, None)

    def imagine(
        self, labels: Int[Tensor, " m"], rng: torch.Generator, shape: Callable[[Tensor, Tensor], Tensor]
    ) -> Float[Tensor, "m ..."]:
        """A new activation for each label: exact Gaussian draws `s` of its class `x`, passed through `shape(s, x)`."""
        made: Tensor | None = None
        for label in labels.unique().tolist():
            x, places = self.of_class(label).flatten(1), (labels == label).nonzero().flatten()
            g = torch.randn(len(places), len(x), generator=rng, device=rng.device, dtype=torch.float32).to(x.device)
            drawn = gaussian_draw_half(x, g).float() if x.dtype == torch.float16 else gaussian_draw(x, g)
            made = drawn.new_empty(len(labels), drawn.shape[1]) if made is None else made
            made[places.to(made.device)] = shape(drawn, x)
        if made is None:
            raise ValueError("imagine needs at least one label")
        return self._refined(made.unflatten(1, self._shape()))

    def of_class(self, label: int) -> Tensor:
        """All that is kept of one class, as it is kept (perhaps coarse and in float16)."""
        if label not in self._whole():
            raise RuntimeError(
                f"recall from ClassActivations without class {label}: run Encode after a day that showed it; "
                f"there are {list(self.classes)}"
            )
        return self._whole()[label]

    def at(self, labels: Int[Tensor, " m"], index: Int[Tensor, " m"]) -> Batch:
        """The kept activation number `index` of the class `label`, for each pair; as coarse as it is kept."""
        rows = [self.of_class(label)[i] for label, i in zip(labels.tolist(), index.tolist(), strict=True)]
        x = torch.stack(rows).float()
        return Batch(x=self._refined(x), y=labels.to(x.device))

    def state_dict(self) -> dict[str, Tensor]:
        """Tensors that restore this memory."""
        state = {f"class.{label}": x for label, x in self._whole().items()}
        return state | {"size": torch.tensor(self.size)} if state else {}

    def load_state_dict(self, state: Mapping[str, Tensor]) -> None:
        """Restore what `state_dict` returned."""
        self.forget()
        for key, value in state.items():
            if key == "size":
                self.size = (int(value[0]), int(value[1]))
            else:
                self.kept[int(key.removeprefix("class."))] = value

    def _whole(self) -> dict[int, Tensor]:
        """One tensor a class, what has arrived since included."""
        for label, parts in self.arriving.items():
            before = [self.kept[label]] if label in self.kept else []
            self.kept[label] = torch.cat([*before, *parts])
        self.arriving = {}
        return self.kept

    def _shape(self) -> tuple[int, ...]:
        return tuple(next(iter(self._whole().values())).shape[1:])

    def _refined(self, x: Float[Tensor, "m ..."]) -> Float[Tensor, "m ..."]:
        return x if self.coarsen == 1 else nearest_repeat(x, self.coarsen, self.size)
