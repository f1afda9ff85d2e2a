"""A cycle of perturbed and adversarial dreaming: the authors' script, run as it is, against our phases.

The script's data loader is ours: each time the script asks for the next batch, the time since the last is noted, and
our cycles run on the same images before it gets one. Data loading, statistics and pictures are on no side.
"""

import contextlib
import io
import runpy
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from unittest.mock import patch

import torch

from bench.peers.clones import importable
from bench.peers.told import Race
from bench.speed.pad import BATCH, build_brain, build_net, fast_cycle
from oneiros.core import Seeds
from oneiros.runs.arithmetic import Arithmetic, arithmetic, computing

WARM_UP = 2


def race(clone: Path, rounds: int) -> Race:
    """Both sides on batches of 64 noise images."""
    torch.set_num_threads(1)
    products = arithmetic("cpu").products
    ours = {
        name: _cycle(Arithmetic(precision=name, products=products)) for name in ("float32", "bf16")
    }  # fmt: skip
    loader = _Loader(rounds, ours)
    script = ["main_PAD.py", "--is_continue", "0", "--niter", "1", "--workers", "0", "--batchSize", str(BATCH)]
    with importable(clone), tempfile.TemporaryDirectory() as folder, contextlib.chdir(folder):
        import utils  # pyright: ignore[reportMissingImports] (the clone's)

        utils.get_dataset = lambda *names, **more: (None, torch.nn.Identity(), 3)
        loads = patch("torch.utils.data.DataLoader", lambda *given, **more: loader)
        said = contextlib.redirect_stdout(io.StringIO())
        with loads, said, patch.object(sys, "argv", script):
            runpy.run_path(str(clone / "main_PAD.py"))
    seconds = {"authors' script": loader.theirs, **{f"ours, {name}": taken for name, taken in loader.ours.items()}}
    note = f"Batches of {BATCH} images of 32 x 32, {WARM_UP} before the first that counts."
    return Race(
        title="PAD: one cycle of wake, NREM and REM", clone=clone, unit="CPU ms a cycle", scale=1e3, note=note,
        seconds={name: taken[WARM_UP:] for name, taken in seconds.items()},
    )  # fmt: skip


def _cycle(how: Arithmetic) -> Callable[[torch.Tensor, int], None]:
    brain, seeds = build_brain(build_net()), Seeds(0)

    def cycle(x: torch.Tensor, step: int) -> None:
        with computing(how, "cpu"):
            fast_cycle(brain, x, seeds, step)

    return cycle


class _Loader:
    """Stands for the script's data loader, and times what happens between one batch and the next."""

    def __init__(self, rounds: int, ours: dict[str, Callable[[torch.Tensor, int], None]]) -> None:
        self.batches, self._cycles = WARM_UP + rounds, ours
        self.theirs: list[float] = []
        self.ours: dict[str, list[float]] = {name: [] for name in ours}

    def __len__(self) -> int:
        return self.batches

    def __iter__(self) -> Iterator[tuple[torch.Tensor, torch.Tensor]]:
        rng = Seeds(0).rng("images")
        for step in range(self.batches):
            x = torch.rand(BATCH, 3, 32, 32, generator=rng) * 2 - 1
            for name, cycle in self._cycles.items():
                began = time.process_time()
                cycle(x, step)
                self.ours[name].append(time.process_time() - began)
            began = time.process_time()
            yield x, torch.zeros(BATCH)
            self.theirs.append(time.process_time() - began)
