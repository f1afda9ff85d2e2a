"""How often each candidate was right about examples that nobody had learned. Test: `tests/memory/test_evidence.py`."""

import math
from collections.abc import Iterable, Mapping, Sequence

import torch
from torch import Tensor

BEHIND, FAILED = "was given up as far behind", "could not be computed"
EARLIEST = 3  # day on which a candidate can be given up
REASONS = ("", BEHIND, FAILED)


class Evidence:
    """Counts of right answers, one number a candidate, over all days; and who is chosen by them.

    A day counts as often as classes were met by then: to be right among two says little about who is right among ten,
    and on the first day features of the network were made for the very classes that are asked about. For the same
    reason nobody is given up before the third day.

    What is solved from sums answers for all days at once, so its counts add up. A network that goes on learning may
    have lost what it knew of earlier days. How much of a day still counts is told by dreams of that day, which it still
    answers as it did then, or not (`Dreams`). A day without dreams is judged by how well the network was prepared for
    each day since: right answers before its first lesson, relative to those after its last one.

    Args:
        names: of the candidates, the network that goes on learning first.
    """

    def __init__(self, names: Iterable[str]) -> None:
        self.names = tuple(names)
        if len(self.names) != len(set(self.names)) or not self.names:
            raise ValueError(f"Evidence of {self.names}; expected different names")
        self.asked = 0.0
        self.weight = 0.0  # of all that was asked, and its squares
        self.squares = 0.0
        self.days = 0
        self.right = dict.fromkeys(self.names, 0.0)
        self.given_up: dict[str, str] = {}
        self.chosen = self.names[0]
        self.before: tuple[int, int] | None = None
        self.nights: list[float] = []  # right answers of the network that night, counted as above
        self.discounts: list[float] = []  # by how well it was prepared for all days since

    @property
    def holds_raw(self) -> bool:
        """False: counts."""
        return False

    @property
    def nbytes(self) -> int:
        """8 a number, once there are any."""
        return 8 * (len(self.names) + 6 + 2 * len(self.nights)) if self.asked or self.before else 0

    def __len__(self) -> int:
        return int(self.asked)

    @property
    def running(self) -> tuple[str, ...]:
        """Candidates that were not given up."""
        return tuple(name for name in self.names if name not in self.given_up)

    @property
    def line(self) -> str:
        """The choice and why, in one line."""
        if not self.asked:
            return f"{self.chosen}: no example was held out yet"
        shares = {name: 100 * self.right[name] / self.weight for name in self.running}
        rest = ", ".join(f"{name} {share:.1f}" for name, share in shares.items() if name != self.chosen)
        gone = "".join(f"; {name} {why}" for name, why in self.given_up.items())
        return (
            f"{self.chosen}: right about {shares[self.chosen]:.1f} % of {self.asked:.0f} held-out examples of "
            f"{self.days} day(s), over all classes met by then, later days counting more"
            + (f" ({rest})" if rest else "")
            + gone
        )

    def prepared(self, right: int, asked: int) -> None:
        """How many of the day's first examples the network knew before it learned anything today."""
        self.before = (right, asked)

    def add(self, right: Mapping[str, int], asked: int, classes: int = 1, kept: Sequence[float] = ()) -> None:
        """A day's held-out examples: how many each candidate that is running was right about; then the choice.

        Args:
            right: by candidate.
            asked: examples.
            classes: met by now.
            kept: of each earlier night's dreams, the share that the network answers as it did then; NaN or nothing
                where there are none.
        """
        learning = self.names[0]
        share = right[learning] / asked
        before = self.before[0] / self.before[1] if self.before else 1.0
        discount = min(1.0, before / share) if share else 0.0
        self.discounts = [each * discount for each in self.discounts]
        told = [*kept, *[math.nan] * (len(self.nights) - len(kept))]
        still = [by if math.isnan(k) else k for k, by in zip(told, self.discounts, strict=True)]
        past = sum(night * k for night, k in zip(self.nights, still, strict=True))
        self.nights.append(float(classes * right[learning]))
        self.discounts.append(1.0)
        self.right[learning] = past + self.nights[-1]
        for name in self.running[1:]:
            self.right[name] += classes * right[name]
        self.asked += asked
        self.weight += classes * asked
        self.squares += classes**2 * asked
        self.days += 1
        self.before = None
        self._choose()

    def give_up(self, name: str, why: str) -> None:
        """Leave a candidate out from now on; `why` is one of `REASONS`."""
        if name == self.names[0]:
            raise ValueError(f"{name!r} is the network itself and always there")
        self.given_up[name] = why
        self.chosen = max(self.running, key=lambda each: self.right[each])

    def behind(self, errors: float) -> list[str]:
        """Candidates that are more than so many standard errors behind the best one; never the network itself."""
        if self.days < EARLIEST:
            return []
        best, independent = self.right[self.chosen] / self.weight, self.weight**2 / self.squares
        far = []
        for name in self.running[1:]:
            share = self.right[name] / self.weight
            error = math.sqrt((best * (1 - best) + share * (1 - share)) / independent)
            if best - share > errors * error:
                far.append(name)
        return far

    def state_dict(self) -> dict[str, Tensor]:
        """Tensors that restore this memory."""
        before = self.before or (-1, -1)
        gone = [REASONS.index(self.given_up.get(name, "")) for name in self.names]
        numbers = [
            self.asked,
            self.weight,
            self.squares,
            float(self.days),
            float(self.names.index(self.chosen)),
            *map(float, before),
        ]
        return {
            "numbers": torch.tensor(numbers, dtype=torch.float64),
            "right": torch.tensor([self.right[name] for name in self.names], dtype=torch.float64),
            "given-up": torch.tensor(gone),
            "nights": torch.tensor([self.nights, self.discounts], dtype=torch.float64),
        }

    def load_state_dict(self, state: Mapping[str, Tensor]) -> None:
        """Restore what `state_dict` returned."""
        self.asked, self.weight, self.squares, days, chosen, *before = state["numbers"].tolist()
        self.days, self.chosen = int(days), self.names[int(chosen)]
        self.before = None if before[1] < 0 else (int(before[0]), int(before[1]))
        self.right = dict(zip(self.names, state["right"].tolist(), strict=True))
        self.nights, self.discounts = state["nights"].tolist()
        gone = zip(self.names, state["given-up"].tolist(), strict=True)
        self.given_up = {name: REASONS[why] for name, why in gone if why}

    def _choose(self) -> None:
        self.chosen = max(self.running, key=lambda each: self.right[each])
