"""A sum of outer products, kept once: the blocks on and above the diagonal."""

from collections.abc import Mapping

import torch
from jaxtyping import Float
from torch import Tensor

BLOCK = 512


class SymmetricSum:
    """Sum of r r' over rows r of d numbers. Products are made in the precision of the rows, sums in that of `dtype`.

    Args:
        d: length of a row.
        dtype: of the sum; float64 keeps what a long life adds up, float32 halves the bytes.
        device: where it lives.
    """

    def __init__(self, d: int, *, dtype: torch.dtype = torch.float64, device: torch.device | str = "cpu") -> None:
        self.d = d
        self.rows = [
            torch.zeros(min(BLOCK, d - at), d - at, dtype=dtype, device=device) for at in range(0, d, BLOCK)
        ]  # fmt: skip

    @classmethod
    def of(cls, whole: Float[Tensor, "d d"], *, dtype: torch.dtype) -> "SymmetricSum":
        """The sum that is this symmetric matrix."""
        found = cls(len(whole), dtype=dtype, device=whole.device)
        for at, block in zip(range(0, found.d, BLOCK), found.rows, strict=True):
            block.copy_(whole[at : at + len(block), at:])
        return found

    @property
    def nbytes(self) -> int:
        """Bytes kept: a little more than half of a square."""
        return sum(each.nbytes for each in self.rows)

    def add(self, rows: Float[Tensor, "n d"]) -> None:
        """Add r r' for every row."""
        for at, block in zip(range(0, self.d, BLOCK), self.rows, strict=True):
            block.add_(rows[:, at : at + BLOCK].T @ rows[:, at:])

    def merge(self, other: "SymmetricSum", *, sign: int = 1) -> None:
        """Add another sum, or take it away (`sign` -1)."""
        for mine, theirs in zip(self.rows, other.rows, strict=True):
            mine.add_(theirs.to(mine.device), alpha=sign)

    def full(self) -> Float[Tensor, "d d"]:
        """The whole matrix in double precision."""
        whole = torch.zeros(self.d, self.d, dtype=torch.float64, device=self.rows[0].device)
        for at, block in zip(range(0, self.d, BLOCK), self.rows, strict=True):
            whole[at : at + len(block), at:] = block
            whole[at:, at : at + len(block)] = block.T
        return whole

    def state_dict(self) -> dict[str, Tensor]:
        """Tensors that restore it."""
        return {f"rows.{place}": block for place, block in enumerate(self.rows)}

    def load_state_dict(self, state: Mapping[str, Tensor]) -> None:
        """Restore what `state_dict` gave."""
        self.rows = [state[f"rows.{place}"] for place in range(len(self.rows))]
