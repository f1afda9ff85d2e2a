"""Domains made from real data: pixels by hand, labels as they were."""

import pytest
import torch

from oneiros.data import DataError, Dataset, Examples
from oneiros.data.streams import EmptyTask, blended, in_colour, relabelled


def dataset(name: str, images: torch.Tensor) -> Dataset:
    labels = torch.arange(len(images)) % 2
    examples = Examples(images=images, labels=labels, classes=("a", "b"))
    return Dataset(name=name, train=examples, test=examples, checksums={name: "0" * 64})


def test_images_are_framed_in_black_and_repeated_in_three_channels():
    grey = dataset("grey", torch.full((2, 1, 3, 3), 9, dtype=torch.uint8))
    images = in_colour(grey, side=6).train.images
    assert images.shape == (2, 3, 6, 6)
    assert (images[:, :, 1:4, 1:4] == 9).all()
    assert images.sum() == 2 * 3 * 9 * 9


def test_blending_takes_the_difference_of_bytes_without_wrapping_around():
    digits = dataset("digits", torch.tensor([[[[200]]], [[[10]]]], dtype=torch.uint8))
    scenes = dataset("scenes", torch.full((5, 3, 1, 1), 50, dtype=torch.uint8))
    both = blended(digits, scenes, rng=torch.Generator().manual_seed(0))
    assert both.name == "digits-on-scenes"
    assert both.train.images.flatten(1).tolist() == [[150] * 3, [40] * 3]
    assert both.train.labels.tolist() == [0, 1]
    assert set(both.checksums) == {"digits", "scenes"}


def test_labels_of_a_second_head_begin_where_the_first_ends():
    examples = dataset("grey", torch.zeros(4, 1, 2, 2, dtype=torch.uint8)).train
    assert relabelled(examples, first=2, classes=("a", "b", "c", "d")).labels.tolist() == [2, 3, 2, 3]


def test_images_that_do_not_fit_are_refused():
    with pytest.raises(DataError, match=r"shape \[1, 9, 9\] cannot become 3 x 6 x 6"):
        in_colour(dataset("large", torch.zeros(1, 1, 9, 9, dtype=torch.uint8)), side=6)


def test_nothing_happens_as_often_as_said():
    quiet = EmptyTask(name="quiet", classes=(0,), shape=(1, 2, 2), hours=3)
    batches = list(quiet.batches(torch.Generator()))
    assert len(batches) == len(quiet) == 3
    assert all(batch.x.shape == (0, 1, 2, 2) and len(batch.targets()) == 0 for batch in batches)
    with pytest.raises(ValueError, match="expected at least 1"):
        EmptyTask(name="quiet", classes=(0,), shape=(1,), hours=0)
