"""Tiny seeded lives against committed values, and a life broken off between epochs against one that was not.

Norms of the change of all weights in six cycles of a small net; a commit that updates them says why.
"""

import pytest
import torch

from oneiros.core import Brain, Seeds
from oneiros.data import Examples
from oneiros.life import live, run_through
from oneiros.papers.deperrois2022.config import SMOKE, Config
from oneiros.papers.deperrois2022.experiment import cycles, newborn, schedule
from oneiros.results.checkpoint import load_brain, save_brain
from oneiros.scenarios import CentredTask, joint

CONFIG = Config(data="none", **SMOKE)
CHANGES = {
    "pad": (0.070536, 0.064798),
    "without_rem": (0.063548, 0.046812),
    "without_nrem": (0.057157, 0.064784),
    "rem_from_memories": (0.070531, 0.064893),
    "nrem_mixed": (0.070460, 0.064800),
    "pad_phantom_steps": (0.074757, 0.064814),
}


def lessons() -> CentredTask:
    images = torch.randint(0, 256, (50, 3, 32, 32), generator=Seeds(0).rng("images"), dtype=torch.uint8)
    examples = Examples(images=images, labels=torch.arange(50) % 2, classes=("a", "b"))
    return CentredTask(inner=joint(examples, examples, batch_size=16))


def grown(condition: str) -> Brain:
    brain = newborn(CONFIG, Seeds(0), "cpu")
    return run_through(brain, (lessons(),), schedule(CONFIG, cycles(CONFIG)[condition]), Seeds(0))


def changes(brain: Brain) -> tuple[float, float]:
    """How far encoder and generator have come from where they started."""
    start = dict(newborn(CONFIG, Seeds(0), "cpu").net.named_parameters())
    moved = {name: (p - start[name]).detach().double().norm() for name, p in brain.net.named_parameters()}
    parts = ("encoder.", "generator.")
    encoder, generator = (sum(v.square().item() for n, v in moved.items() if n.startswith(part)) for part in parts)
    return encoder**0.5, generator**0.5


@pytest.mark.parametrize("condition", CHANGES)
def test_weights_after_six_cycles_are_those_written_down(condition):
    assert changes(grown(condition)) == pytest.approx(CHANGES[condition], rel=1e-4)


@pytest.mark.parametrize("condition", ["pad", "pad_phantom_steps"])
def test_a_life_resumed_from_a_checkpoint_is_the_uninterrupted_one(tmp_path, condition):
    plan, whole = schedule(CONFIG, cycles(CONFIG)[condition]), grown(condition)
    brain = newborn(CONFIG, Seeds(0), "cpu")
    for event in live(brain, (lessons(),), plan, Seeds(0)):
        if event.kind == "batch_end" and event.resume and (event.epoch, event.batch) == (0, 1):
            save_brain(tmp_path / "c", brain, event.resume, {})
            break
    resumed = newborn(CONFIG, Seeds(9), "cpu")
    cursor, _ = load_brain(tmp_path / "c", resumed)
    run_through(resumed, (lessons(),), plan, Seeds(0), start=cursor)
    for a, b in zip(whole.net.parameters(), resumed.net.parameters(), strict=True):
        assert torch.equal(a, b)
