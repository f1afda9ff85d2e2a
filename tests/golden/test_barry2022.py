"""Tiny seeded lives against committed numbers (rtol 1e-4): a change of any number in them is a change of results.

Update them only in a commit that says why.
"""

import pytest

from oneiros.runs.catalogue import experiment
from oneiros.runs.experiment import Run, execute
from oneiros.runs.store import read_rows

# Validation loss after each day (dusk) and its night (end), digits, smoke scale, seed 0.
COMMITTED = {
    "none": [3.4107432, 3.4107432, 3.3998199, 3.3998199],
    "generative": [3.4107432, 3.4068344, 3.3959153, 3.3910439],
    "selected": [3.4107432, 3.4076114, 3.3977122, 3.3951411],
}


@pytest.mark.parametrize("condition", COMMITTED)
def test_a_tiny_life_is_as_it_was(tmp_path, monkeypatch, condition):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    chosen = experiment("barry2022/selection")
    run = Run(
        experiment="barry2022/selection", scale="smoke", config=chosen.scales["smoke"], condition=condition,
        seed=0, out=tmp_path / "out", data=None, device="cpu",
    )  # fmt: skip
    execute(run, chosen, lambda fraction, text: None)
    rows = read_rows(tmp_path / "out")
    losses = rows[rows["metric"] == "validation_loss"].sort_values(["day", "phase"])
    assert losses["value"].tolist() == pytest.approx(COMMITTED[condition], rel=1e-4)
