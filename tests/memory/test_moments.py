"""Moments are exact: any order and any cutting gives the sums of all examples at once, also far from the origin."""

import pytest
import torch

from oneiros.core import Batch
from oneiros.memory.moments import ClassMoments, Moments
from oneiros.memory.symmetric_sum import SymmetricSum

RNG = torch.Generator()
KINDS = pytest.mark.parametrize("kind", [Moments, ClassMoments])


def examples(seed: int = 0, n: int = 300, d: int = 7, at: float = 0.0) -> Batch:
    rng = torch.Generator().manual_seed(seed)
    y = torch.randint(0, 4, (n,), generator=rng)
    x = torch.randn(n, d, generator=rng, dtype=torch.float64) @ torch.randn(d, d, generator=rng, dtype=torch.float64)
    return Batch(x=x + y[:, None] + at, y=y)


def of(batch: Batch, index: torch.Tensor) -> Batch:
    return Batch(x=batch.x[index], y=batch.targets()[index])


def filled(kind, parts):
    memory = kind()
    for part in parts:
        memory.store(part, RNG)
        memory.added()
    return memory


def at_once(batch: Batch) -> tuple[torch.Tensor, torch.Tensor]:
    """Means and scatter within classes, written out."""
    y = batch.targets()
    means = torch.stack([batch.x[y == c].mean(0) for c in range(4)])
    centred = batch.x - means[y]
    return means, centred.T @ centred


@KINDS
@pytest.mark.parametrize("order", ["as it comes", "by class", "reversed"])
@pytest.mark.parametrize("size", [1, 37, 300])
def test_any_order_and_cutting_gives_the_sums_of_all_at_once(kind, order, size):
    batch = examples()
    sequence = {
        "as it comes": torch.arange(300),
        "by class": batch.targets().argsort(stable=True),
        "reversed": torch.arange(300).flip(0),
    }[order]
    memory = filled(kind, [of(batch, index) for index in sequence.split(size)])
    means, within = at_once(batch)
    torch.testing.assert_close(memory.means, means, rtol=1e-10, atol=1e-10)
    torch.testing.assert_close(memory.within(), within, rtol=1e-10, atol=1e-8)
    assert len(memory) == 300
    assert memory.freedom == 296


def test_single_precision_features_far_from_the_origin_lose_nothing_that_they_had():
    """A Gram matrix in single precision of features around 1,000 keeps no digit of a scatter of 1; these sums do."""
    batch = examples(at=1000.0)
    seen = Batch(x=batch.x.float(), y=batch.y)
    memory = filled(Moments, [of(seen, index) for index in torch.arange(300).split(50)])
    _, within = at_once(Batch(x=seen.x.double(), y=seen.y))
    torch.testing.assert_close(memory.within(), within, rtol=1e-5, atol=1e-4 * float(within.diagonal().mean()))


@KINDS
def test_two_devices_sums_add_up(kind):
    batch, index = examples(), torch.arange(300)
    both = filled(kind, [of(batch, index[:120])])
    both.merge(filled(kind, [of(batch, index[120:])]))
    whole = filled(kind, [batch])
    torch.testing.assert_close(both.means, whole.means)
    torch.testing.assert_close(both.within(), whole.within())
    assert both.counts.tolist() == whole.counts.tolist()


def test_merging_knows_classes_that_only_one_side_saw():
    batch = examples()
    low, high = ((batch.targets() < 2) == early for early in (True, False))
    for first, second in ((low, high), (high, low)):
        memory = filled(Moments, [of(batch, first.nonzero().flatten())])
        memory.merge(filled(Moments, [of(batch, second.nonzero().flatten())]))
        torch.testing.assert_close(memory.within(), at_once(batch)[1])


def test_memories_that_do_not_fit_are_not_merged():
    with pytest.raises(ValueError, match=r"features \(7,\) cannot be merged with Moments of \(3,\)"):
        filled(Moments, [examples()]).merge(filled(Moments, [examples(d=3)]))


def test_a_class_with_sums_of_its_own_is_forgotten_without_a_trace():
    batch = examples()
    rest = of(batch, (batch.targets() != 2).nonzero().flatten())
    memory, never = filled(ClassMoments, [batch]), filled(ClassMoments, [rest])
    assert memory.forget(2)
    torch.testing.assert_close(memory.within(), never.within())
    assert memory.classes == never.classes == (0, 1, 3)
    assert memory.freedom == never.freedom


def test_a_class_with_shared_sums_leaves_its_share_and_says_so():
    memory = filled(Moments, [examples()])
    before, freedom = memory.within(), memory.freedom
    assert not memory.forget(2)
    assert memory.classes == (0, 1, 3)
    assert torch.equal(memory.within(), before)
    assert memory.freedom == freedom, "the estimate of the covariance stays unbiased"
    with pytest.raises(KeyError, match=r"no class 2 to forget; it has \[0, 1, 3\]"):
        memory.forget(2)


@KINDS
def test_an_example_that_can_be_read_off_is_called_raw(kind):
    """The attack: with one example of a class its mean is the example; with two, mean and scatter give both."""
    alone = Batch(x=torch.tensor([[3.0, 1.0]]), y=torch.tensor([0]))
    memory = filled(kind, [alone])
    assert memory.holds_raw
    assert torch.equal(memory.means[0].float(), alone.x[0])
    pair = Batch(x=torch.tensor([[3.0, 1.0], [1.0, 5.0]]), y=torch.tensor([0, 0]))
    memory = filled(kind, [pair])
    assert memory.holds_raw
    values, vectors = torch.linalg.eigh(memory.within())
    half = vectors[:, -1] * (values[-1] / 2).sqrt()
    guessed = torch.stack([memory.means[0] + half, memory.means[0] - half]).float()
    assert min((guessed - pair.x).abs().max(), (guessed.flip(0) - pair.x).abs().max()) < 1e-5
    assert not filled(kind, [examples()]).holds_raw


def test_forty_five_pairs_share_one_scatter_without_giving_any_away():
    labels = torch.arange(90) // 2
    batch = Batch(x=torch.randn(90, 5, generator=torch.Generator().manual_seed(0)), y=labels)
    assert not filled(Moments, [batch]).holds_raw
    assert filled(ClassMoments, [batch]).holds_raw


def test_bytes_are_those_of_the_tensors_and_of_what_waits():
    memory = Moments()
    memory.store(examples(), RNG)
    assert memory.nbytes == 300 * 7 * 8 + 300 * 8
    memory.added()
    assert memory.nbytes == 4 * 8 + 4 * 7 * 8 + 7 * 7 * 8


def test_a_large_symmetric_sum_keeps_little_more_than_half_of_the_square():
    rows = torch.randn(4, 1100, generator=torch.Generator().manual_seed(0))
    kept = SymmetricSum(1100)
    kept.add(rows)
    torch.testing.assert_close(kept.full().float(), rows.T @ rows)
    assert kept.nbytes == 8 * (512 * 1100 + 512 * 588 + 76 * 76)


def test_dreams_have_the_means_and_the_covariance_that_were_summed():
    memory = filled(Moments, [examples()])
    dreams = memory.imagine(torch.full((40_000,), 3), torch.Generator().manual_seed(1))
    covariance = memory.within() / memory.freedom
    spread = covariance.diagonal().mean().sqrt()
    assert (dreams.x.double().mean(0) - memory.means[3]).abs().max() < 0.03 * spread
    assert (dreams.x.double().T.cov() - covariance).abs().max() < 0.05 * spread**2


def test_another_layers_features_are_refused():
    memory = filled(Moments, [examples()])
    with pytest.raises(ValueError, match=r"features are \(3,\) each, those before were \(7,\)"):
        memory.store(examples(d=3), RNG)
