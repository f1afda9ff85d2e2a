"""What sleep does, taken apart: every control leaves out what its name says, and nothing else."""

import pytest
import torch

from oneiros.core import Batch, Seeds
from oneiros.life import live
from oneiros.memory import MeanInput, ShuffledInput
from oneiros.papers.kubo2025.controls import CONTROLS
from oneiros.papers.kubo2025.experiment import strategies
from oneiros.phases import SpikingSleep
from oneiros.runs.catalogue import experiment
from oneiros.runs.experiment import BuildRequest

CHOSEN = experiment("kubo2025/controls")
DIGITS = experiment("kubo2025/digits").scales["smoke"]
LAYERS = ("hidden.weight", "output.weight")


def build(condition: str, chosen=CHOSEN):
    return chosen.build(BuildRequest(config=DIGITS, condition=condition, seed=0, data=None, device="cpu"))


def first_night(condition: str, chosen=CHOSEN) -> dict[str, tuple[torch.Tensor, torch.Tensor]]:
    """Weights before and after the first night."""
    life = build(condition, chosen)
    named = dict(life.brain.net.named_parameters())
    for event in live(life.brain, life.tasks, life.schedule, life.seeds):
        if event.kind == "dusk":
            before = {name: named[name].detach().clone() for name in LAYERS}
        if event.kind == "task_end":
            return {name: (before[name], named[name].detach().clone()) for name in LAYERS}
    raise AssertionError("a life without an end of its first day")


@pytest.fixture(scope="module")
def src():
    return first_night("src")


def test_every_control_can_be_built_and_lives_its_own_life():
    assert CHOSEN.conditions == CONTROLS
    with pytest.raises(KeyError):
        build("no such control")
    nights = {name: build(name).schedule.nights for name in CONTROLS}
    assert [name for name, night in nights.items() if not night] == ["sequential"]
    assert len({str(night) for night in nights.values()}) == len(CONTROLS) - 1  # shuffled input: the night of src


def test_src_is_the_night_of_the_other_experiments(src):
    other = first_night("src", experiment("kubo2025/digits"))
    for name in LAYERS:
        assert torch.equal(src[name][0], other[name][0])
        assert torch.equal(src[name][1], other[name][1])


def test_without_increment_no_weight_rises_and_without_decrement_none_falls():
    for condition, sign in (("decrement_only", -1), ("increment_only", 1), ("increment_only_as_strong", 1)):
        moved = [after - before for before, after in first_night(condition).values()]
        # the compiled kernel takes a step off and gives it back: up to rounding, far below one step (4e-4)
        assert all((sign * change >= -1e-6).all() for change in moved)
        assert any((change != 0).any() for change in moved)


@pytest.mark.parametrize(("condition", "still"), [("hidden_only", "output.weight"), ("output_only", "hidden.weight")])
def test_only_the_layer_that_the_name_says_moves(condition, still):
    for name, (before, after) in first_night(condition).items():
        assert torch.equal(before, after) == (name == still)


def test_row_lengths_are_those_of_the_night_and_patterns_those_of_the_day(src):
    for name, (before, after) in first_night("row_lengths_only").items():
        assert torch.allclose(after.norm(dim=1), src[name][1].norm(dim=1), rtol=1e-5)
        cosine = torch.nn.functional.cosine_similarity(before, after, dim=1)
        assert torch.allclose(cosine, torch.ones_like(cosine), atol=1e-6)
        assert not torch.equal(after, src[name][1])


def test_rows_are_shifted_as_a_whole_by_what_the_night_moved_them_on_average(src):
    for name, (before, after) in first_night("row_means_only").items():
        shift = after - before
        assert torch.allclose(shift, shift[:, :1].expand_as(shift), atol=1e-6)
        assert torch.allclose(shift[:, 0], (src[name][1] - src[name][0]).mean(1), atol=1e-6)


def test_shuffled_input_keeps_the_rates_and_not_their_places():
    seen = Batch(x=torch.arange(12.0).reshape(2, 2, 3))
    plain, shuffled, rng = MeanInput(), ShuffledInput(), Seeds(0).rng("store")
    for memory in (plain, shuffled):
        memory.store(seen, rng)
    mean, order = plain.recall(1, rng).x, shuffled.recall(1, Seeds(0).rng("night")).x
    assert order.shape == mean.shape
    assert not torch.equal(order, mean)
    assert torch.equal(order.flatten().sort().values, mean.flatten().sort().values)


def test_the_literal_night_has_one_scale_a_layer_one_step_of_either_sign_and_no_growth():
    for name in ("mnist", "digits"):
        night = strategies(experiment(f"kubo2025/{name}").scales["paper"])["src_literal"].sleep
        assert isinstance(night, SpikingSleep)
        assert night.feedback == night.gains[:1]
        assert len(set(night.inc)) == len(set(night.dec)) == 1
        assert (night.growth, night.leak, night.stdp, night.patch) == (0.0, 1.0, "additive", 0)
