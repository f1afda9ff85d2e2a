import pytest
import torch

from oneiros.core import Seeds
from oneiros.data import Examples
from oneiros.data.streams import subsample, train_val_split
from oneiros.data.streams.parts import shares


def numbered(counts):
    """Examples with `counts[k]` of class k, shuffled together; example i holds the feature i."""
    labels = torch.cat([torch.full((count,), label) for label, count in enumerate(counts)])
    labels = labels[torch.randperm(len(labels), generator=torch.Generator().manual_seed(0))]
    features = torch.arange(len(labels), dtype=torch.float32)[:, None]
    return Examples(images=features, labels=labels, classes=tuple(map(str, range(len(counts)))))


def ids(examples):
    return [int(i) for i in examples.images.flatten()]


def test_carve_makes_two_disjoint_parts_that_hold_everything():
    everything = numbered([20, 10, 5])
    rest, validation = train_val_split(everything, fraction=0.2, rng=Seeds(0).rng("carve"))
    assert validation.labels.bincount().tolist() == [4, 2, 1]
    assert sorted(ids(rest) + ids(validation)) == list(range(35))
    assert ids(rest) == sorted(ids(rest))
    assert ids(validation) == sorted(ids(validation))
    assert torch.equal(validation.labels, everything.labels[ids(validation)])


def test_carve_draws_from_its_stream_only():
    everything = numbered([20, 20])
    before = torch.random.get_rng_state()
    first, again, other = (
        ids(train_val_split(everything, fraction=0.5, rng=Seeds(s).rng("carve"))[1]) for s in (0, 0, 1)
    )
    assert first == again
    assert first != other
    assert torch.equal(torch.random.get_rng_state(), before)


@pytest.mark.parametrize("fraction", [0.0, 1.0, -0.1])
def test_carve_refuses_fractions_that_leave_nothing(fraction):
    with pytest.raises(ValueError, match=f"fraction is {fraction}; expected a number between 0 and 1"):
        train_val_split(numbered([2]), fraction=fraction, rng=Seeds(0).rng("carve"))


def test_thin_keeps_the_shares_of_the_classes():
    few = subsample(numbered([60, 30, 10]), limit=20, rng=Seeds(0).rng("thin"))
    assert few.labels.bincount().tolist() == [12, 6, 2]
    assert ids(few) == sorted(set(ids(few)))


def test_thin_leaves_a_small_set_alone():
    everything = numbered([3, 4])
    assert subsample(everything, limit=7, rng=Seeds(0).rng("thin")) is everything
    with pytest.raises(ValueError, match="limit is 0; expected at least 1 example"):
        subsample(everything, limit=0, rng=Seeds(0).rng("thin"))


@pytest.mark.parametrize(
    ("counts", "total", "expected"),
    [
        ([10, 10, 10], 4, [2, 1, 1]),  # 1.33 each: the place left goes to the first
        ([53, 24, 23], 10, [5, 3, 2]),  # 5.3, 2.4, 2.3: it goes to .4
        ([0, 5], 3, [0, 3]),
    ],
)
def test_shares_by_largest_remainders(counts, total, expected):
    assert shares(counts, total) == expected


@pytest.mark.skipif(not torch.cuda.is_available(), reason="no GPU")
def test_parts_are_the_same_on_a_gpu():
    everything = numbered([20, 10])
    here = train_val_split(everything, fraction=0.2, rng=Seeds(0).rng("carve"))[1]
    there = train_val_split(everything.to("cuda"), fraction=0.2, rng=Seeds(0).rng("carve"))[1]
    assert ids(here) == ids(there)
    assert len(subsample(everything.to("cuda"), limit=6, rng=Seeds(0, device="cuda").rng("thin"))) == 6
