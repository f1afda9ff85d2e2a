"""Answers to dreams, counted by hand; and an attacker who knows how every dream was mixed."""

import math

import pytest
import torch

from oneiros.core import Batch, Seeds
from oneiros.equations.gaussian import draw_weights
from oneiros.memory.dreams import FEWEST, Dreams


def day(rows: int = 40, label: int = 0, d: int = 60, seed: int = 0) -> Batch:
    x = torch.rand(rows, d, generator=torch.Generator().manual_seed(seed))
    return Batch(x=x, y=torch.full((rows,), label))


def night(memory: Dreams, batch: Batch, answer: int, seed: int = 0) -> None:
    drawn = memory.draw(batch, Seeds(seed).rng("night"))
    memory.answered(torch.full((len(drawn),), answer))


def test_what_is_kept_of_each_night_is_the_share_of_its_dreams_answered_as_then():
    """Night 1: 4 dreams answered 5. Night 2: 4 dreams answered 6. Today 3 of the first and 1 of the second are so."""
    memory = Dreams(each=4)
    night(memory, day(label=0), 5)
    night(memory, day(label=1, seed=1), 6)
    assert memory.kept(torch.tensor([5, 5, 6, 5, 6, 0, 0, 0])) == [0.75, 0.25]


def test_a_night_of_few_examples_has_no_dreams_and_counts_all_the_same():
    memory = Dreams(each=4)
    night(memory, day(FEWEST - 1), 5)
    assert memory.x is None
    night(memory, day(FEWEST, seed=1), 5)
    told = memory.kept(torch.full((4,), 5))
    assert math.isnan(told[0])
    assert told[1] == 1.0


def test_dreams_have_the_mean_and_covariance_of_their_class_within_its_bounds():
    """4,000 draws: standard error of a mean .29 / 63 = .005, of a variance .083 x 1.4 / 63 = .002."""
    batch = day(10_000, d=4)
    drawn = Dreams(each=4000, most=4000).draw(batch, Seeds(0).rng("night"))
    assert (drawn.mean(0) - batch.x.mean(0)).abs().max() < 0.02
    assert drawn.min() >= batch.x.min()
    assert drawn.max() <= batch.x.max()
    wide = Batch(x=torch.cat([batch.x, torch.tensor([[-9.0] * 4, [9.0] * 4])]), y=torch.zeros(10_002).long())
    loose = Dreams(each=4000, most=4000).draw(wide, Seeds(0).rng("night"))
    torch.testing.assert_close(loose.T.cov(), wide.x.T.cov(), rtol=0.1, atol=0.01)


def test_there_are_never_more_than_half_as_many_dreams_of_a_class_as_examples():
    """The same forty examples night after night: 16 dreams of one night, then 20 in all, each night the same number."""
    memory = Dreams()
    for number in range(6):
        night(memory, day(40), 1, seed=number)
        assert len(memory) == 20 // (number + 1) * (number + 1) if number else len(memory) == 16
    night(memory, day(10, seed=3), 1)
    assert len(memory) == 0  # half of ten, over seven nights


def test_all_together_are_no_more_than_asked_for():
    memory = Dreams(each=16, most=30)
    for label in range(5):
        night(memory, day(label=label, seed=label), 1)
    assert len(memory) == 30
    night(memory, day(label=5, seed=5), 1)
    assert len(memory) == 30
    assert not len(nothing := Dreams(most=0).draw(day(), Seeds(0).rng("night")))
    assert nothing.shape == (0, 60)


def test_who_knows_the_mixture_cannot_solve_for_an_example():
    """X from S = W X with W known. As many dreams as examples give X exactly; half of them leave half of it open."""
    x = torch.rand(40, 60, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    memory = Dreams(each=40)
    dreams = memory.draw(Batch(x=x, y=torch.zeros(40).long()), Seeds(0).rng("night"))
    assert len(dreams) == 20
    clear = (x - 0.5).square().sum()
    for rows, least, most in ((20, 0.4, 1.0), (40, 0.0, 1e-6)):
        g = torch.randn(rows, 40, generator=Seeds(0).rng("night")).double()
        w = draw_weights(g) if rows == 20 else torch.cat([draw_weights(g)[:39], torch.full((1, 40), 1 / 40.0).double()])
        s = dreams if rows == 20 else w @ x
        if rows == 20:
            inside = (dreams > x.min()) & (dreams < x.max())
            torch.testing.assert_close(dreams[inside], (w @ x)[inside])  # it is the attacker's mixture
        guess = torch.linalg.lstsq(w, s - 0.5).solution + 0.5
        assert least <= float((guess - x).square().sum() / clear) <= most


def test_a_class_is_dropped_and_the_rest_stays():
    memory = Dreams(each=3)
    night(memory, day(label=0), 5)
    night(memory, day(label=1, seed=1), 6)
    rest = memory.x[3:].clone()
    memory.drop(0)
    assert torch.equal(memory.x, rest)
    assert memory.room == {1: 20}
    told = memory.kept(torch.tensor([6, 6, 0]))
    assert math.isnan(told[0])
    assert told[1] == pytest.approx(2 / 3)


def test_wrong_numbers_get_an_answer():
    with pytest.raises(ValueError, match="expected each >= 1"):
        Dreams(each=0)
