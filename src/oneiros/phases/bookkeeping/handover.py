"""Nightfall for a scholar: it becomes the teacher of tomorrow's, and what is to start afresh starts afresh.

Test: `tests/phases/test_scholar_phases.py`.
"""

from dataclasses import dataclass

import torch
from torch import Tensor

from oneiros.core import Brain
from oneiros.memory.frozen_scholar import FrozenScholar
from oneiros.memory.past_lessons import PastLessons
from oneiros.nets.scholar import Scholar, Succession


@dataclass(frozen=True, kw_only=True)
class SnapshotTeacher:
    """Keep a frozen copy of the scholar (for PastLessons, of the solver) as the past's voice. Moves no parameter."""

    name = "consolidate"
    changes = ()
    returns = ()

    memory: str = "scholar"

    def __call__(self, brain: Brain, rng: torch.Generator) -> dict[str, Tensor]:
        """Copy."""
        memory = brain.remembers(self.memory, FrozenScholar, PastLessons)
        if isinstance(memory, FrozenScholar):
            memory.take(brain.network(Scholar))
        else:
            memory.take(brain.net)
        return {}


@dataclass(frozen=True, kw_only=True)
class FreshOptimisers:
    """Forget the optimisers' moments and step counts: each day begins with none. Moves no parameter."""

    name = "fresh-optimisers"
    changes = ()
    returns = ()

    optim: tuple[str, ...]

    def __call__(self, brain: Brain, rng: torch.Generator) -> dict[str, Tensor]:
        """Forget."""
        for name in self.optim:
            brain.optimiser(name).state.clear()
        return {}


@dataclass(frozen=True, kw_only=True)
class Reinitialise:
    """Give a part of the net new initial weights and empty buffers, so that it must learn all from its teacher.

    Attributes:
        part: name of a submodule, such as "generator".
    """

    name = "newborn"
    returns = ()

    part: str = "generator"

    @property
    def changes(self) -> tuple[str, ...]:
        """The part."""
        return (f"{self.part}.",)

    def __call__(self, brain: Brain, rng: torch.Generator) -> dict[str, Tensor]:
        """Initialise."""
        part = brain.net.get_submodule(self.part)
        seed = int(torch.randint(2**62, (), generator=rng, device=rng.device))
        # Layers draw their initial weights from the global generator, which is left as it was found.
        with torch.random.fork_rng(devices=[]):
            torch.default_generator.manual_seed(seed)
            for module in part.modules():
                reset = getattr(module, "reset_parameters", None)
                if callable(reset):
                    reset()
        for module in part.modules():
            if not callable(getattr(module, "reset_parameters", None)):
                for buffer in module.buffers(recurse=False):
                    buffer.zero_()
        return {}


@dataclass(frozen=True, kw_only=True)
class Succeed:
    """The solver's day is over and the next, empty one takes its place (Shin et al. 2017, Table 1)."""

    name = "succeed"
    changes = ()
    returns = ()

    def __call__(self, brain: Brain, rng: torch.Generator) -> dict[str, Tensor]:
        """Pass on."""
        brain.network(Succession, part="solver").succeed()
        return {}
