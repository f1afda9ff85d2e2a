"""Whole batches around zero."""

import pytest
import torch

from oneiros.core import Seeds, Task
from oneiros.data import Examples
from oneiros.data.streams import CentredTask, joint


def task(n: int, batch_size: int) -> CentredTask:
    images = torch.arange(n, dtype=torch.uint8)[:, None, None, None].expand(n, 3, 2, 2).contiguous()
    examples = Examples(images=images, labels=torch.arange(n) % 2, classes=("a", "b"))
    return CentredTask(inner=joint(examples, examples, batch_size=batch_size))


def test_images_lie_between_minus_one_and_one_and_batches_are_whole():
    lessons = task(11, 4)
    assert isinstance(lessons, Task)
    batches = list(lessons.batches(Seeds(0).rng("order")))
    assert len(batches) == len(lessons) == 2
    seen = torch.cat([batch.x for batch in batches])
    assert seen.shape == (8, 3, 2, 2)
    numbers = ((seen[:, 0, 0, 0] + 1) / 2 * 255).round().long()
    assert len(numbers.unique()) == 8
    assert torch.equal(torch.cat([batch.targets() for batch in batches]), numbers % 2)


def test_white_is_one_and_black_minus_one():
    examples = Examples(
        images=torch.tensor([0, 255], dtype=torch.uint8).view(2, 1, 1, 1),
        labels=torch.tensor([0, 1]),
        classes=("b", "w"),
    )
    (batch,) = CentredTask(inner=joint(examples, examples, batch_size=2)).batches(Seeds(0).rng("order"))
    assert torch.equal(batch.x.flatten(), 2.0 * batch.targets() - 1)


def test_too_few_examples_for_one_batch_are_refused():
    with pytest.raises(ValueError, match="3 examples, which do not fill one batch of 4"):
        task(3, 4)
