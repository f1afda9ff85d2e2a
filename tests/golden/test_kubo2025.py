"""Tiny seeded lives against committed values, so that a change of numbers is a decision, not an accident.

Norms of the weights after five small tasks of embedded digits. They were written down from the code whose results
are in `results/`; a commit that updates them says why, and `CHANGELOG.md` says so under "Numbers changed".
"""

import pytest

from oneiros.life import run_through
from oneiros.runs.catalogue import experiment
from oneiros.runs.experiment import BuildRequest

CHOSEN = experiment("kubo2025/digits")
NORMS = {
    "sequential": {
        "hidden.weight": 3.324375, "hidden.bias": 0.407846, "output.weight": 1.831252, "output.bias": 0.363264,
    },
    "src": {
        "hidden.weight": 3.442630, "hidden.bias": 0.405195, "output.weight": 1.838827, "output.bias": 0.363454,
    },
    "src_rehearsal": {
        "hidden.weight": 3.438731, "hidden.bias": 0.405377, "output.weight": 1.839921, "output.bias": 0.363602,
    },
}  # fmt: skip


@pytest.mark.parametrize("condition", NORMS)
def test_weights_after_five_small_tasks_are_those_written_down(condition):
    build = BuildRequest(config=CHOSEN.scales["smoke"], condition=condition, seed=0, data=None, device="cpu")
    life = CHOSEN.build(build)
    brain = run_through(life.brain, life.tasks, life.schedule, life.seeds)
    norms = {name: p.detach().double().norm().item() for name, p in brain.net.named_parameters()}
    assert norms == pytest.approx(NORMS[condition], rel=1e-4)
