import pytest
import torch

from oneiros.core import Seeds, Task
from oneiros.data import Dataset, Examples
from oneiros.data.streams import ExampleTask, class_incremental, domains, joint, order_name, permuted, task_order


def numbered(n, n_classes=4, classes=None):
    """Features 0..n - 1, one each, with labels 0, 1, 2, ... in turn."""
    labels = torch.arange(n) % n_classes
    classes = classes or tuple("abcdefgh"[:n_classes])
    return Examples(images=torch.arange(n, dtype=torch.float32)[:, None], labels=labels, classes=classes)


def pictures():
    images = torch.arange(2 * 3 * 2 * 2, dtype=torch.uint8).reshape(2, 3, 2, 2)
    return Examples(images=images, labels=torch.tensor([0, 1]), classes=("a", "b"))


def seen(task, seed):
    return [[int(i) for i in batch.x.flatten()] for batch in task.batches(Seeds(seed).rng("batches"))]


def test_an_epoch_holds_every_example_once_in_an_order_of_its_stream():
    task = joint(numbered(10), numbered(4), batch_size=4)
    assert isinstance(task, Task)
    batches = seen(task, 0)
    assert [len(batch) for batch in batches] == [4, 4, 2]
    assert len(task) == 3
    assert sorted(sum(batches, [])) == list(range(10))
    assert seen(task, 0) == batches
    assert seen(task, 1) != batches


def test_labels_stay_with_their_examples():
    for batch in joint(numbered(10), numbered(4), batch_size=3).batches(Seeds(0).rng("batches")):
        assert torch.equal(batch.targets(), batch.x.flatten().long() % 4)


def test_the_global_generator_is_left_alone():
    before = torch.random.get_rng_state()
    seen(joint(numbered(10), numbered(4), batch_size=4), 0)
    assert torch.equal(torch.random.get_rng_state(), before)


def test_a_task_needs_examples_and_a_batch_size():
    with pytest.raises(ValueError, match="batch_size is 0; expected at least 1"):
        joint(numbered(4), numbered(4), batch_size=0)
    with pytest.raises(ValueError, match="task 'none' has no train examples"):
        ExampleTask(name="none", classes=(), train=numbered(0), test=numbered(1), batch_size=1)


def test_class_incremental_follows_the_order():
    tasks = class_incremental(numbered(12), numbered(4), order=(3, 0, 2, 1), per_task=2, batch_size=4)
    assert [task.name for task in tasks] == ["3+0", "2+1"]
    assert [task.classes for task in tasks] == [(3, 0), (2, 1)]
    assert [task.train.labels.unique().tolist() for task in tasks] == [[0, 3], [1, 2]]
    assert tasks[1].test.images.flatten().tolist() == [1, 2]
    lessons = sum((task.train.images.flatten().tolist() for task in tasks), [])
    assert sorted(lessons) == list(range(12))


@pytest.mark.parametrize(
    ("order", "per_task", "message"),
    [
        ((0, 1, 0, 2), 2, "names class 0 more than once"),
        ((0, 4), 2, "order names class 4; expected classes from 0 to 3"),
        ((0, 1, 2), 2, "3 classes cannot be cut into tasks of 2"),
        ((), 1, "0 classes cannot be cut"),
        ((0, 1), 0, "cannot be cut into tasks of 0"),
    ],
)
def test_orders_that_make_no_tasks_are_refused(order, per_task, message):
    with pytest.raises(ValueError, match=message):
        class_incremental(numbered(8), numbered(4), order=order, per_task=per_task, batch_size=1)


def test_joint_is_everything_there_is():
    task = joint(numbered(12).of_classes((1, 3)), numbered(4), batch_size=2)
    assert (task.name, task.classes, len(task.train), len(task)) == ("joint", (1, 3), 6, 3)


def test_a_task_order_is_a_permutation_drawn_from_its_stream():
    orders = {task_order(10, Seeds(seed).rng("order")) for seed in range(5)}
    assert all(sorted(order) == list(range(10)) for order in orders)
    assert len(orders) == 5
    assert task_order(10, Seeds(0).rng("order")) in orders


def test_two_digit_classes_get_dots():
    assert order_name((5, 10, 2, 3), 2) == "5.10-2.3"
    assert order_name((9, 1, 0), 1) == "9-1-0"


def test_permuted_pictures_move_whole_pixels_the_same_way_everywhere():
    original = pictures()
    first, second, third = permuted(original, original, tasks=3, rng=Seeds(3).rng("pixels"), batch_size=2)
    assert torch.equal(first.train.images, original.images)
    # Picture 0 holds 0 1 2 3 in its first channel, so that channel spells out the order.
    order = second.train.images[0, 0].flatten().long()
    assert sorted(order.tolist()) == [0, 1, 2, 3]
    assert torch.equal(second.train.images.flatten(2), original.images.flatten(2)[..., order])
    assert torch.equal(second.test.images, second.train.images)
    assert torch.equal(second.train.labels, original.labels)
    assert not torch.equal(second.train.images, third.train.images)
    assert [task.name for task in (first, second, third)] == ["permutation 0", "permutation 1", "permutation 2"]
    with pytest.raises(ValueError, match="tasks is 0; expected at least 1"):
        permuted(original, original, tasks=0, rng=Seeds(3).rng("pixels"), batch_size=2)


def dataset(name, classes=("a", "b", "c", "d")):
    return Dataset(name=name, train=numbered(8, classes=classes), test=numbered(4, classes=classes), checksums={})


def test_domains_is_one_task_for_each_data_set():
    tasks = domains([dataset("day"), dataset("dusk")], batch_size=4)
    assert [(task.name, task.classes, len(task)) for task in tasks] == [
        ("day", (0, 1, 2, 3), 2),
        ("dusk", (0, 1, 2, 3), 2),
    ]


@pytest.mark.parametrize(
    ("datasets", "message"),
    [
        ([], "domains of no data sets"),
        ([dataset("day"), dataset("day")], "expected each name once"),
        (
            [dataset("day"), dataset("dusk", classes=("w", "x", "y", "z"))],
            r"'dusk' holds \(\[1\], torch.float32, \('w'.*expected the same image shape, type and classes",
        ),
    ],
)
def test_domains_that_do_not_belong_together_are_refused(datasets, message):
    with pytest.raises(ValueError, match=message):
        domains(datasets, batch_size=4)


@pytest.mark.skipif(not torch.cuda.is_available(), reason="no GPU")
def test_on_a_gpu_the_order_may_come_from_the_cpu():
    here = joint(numbered(10), numbered(4), batch_size=4)
    there = joint(numbered(10).to("cuda"), numbered(4), batch_size=4)
    assert seen(there, 0) == seen(here, 0)
    assert next(there.batches(Seeds(0, device="cuda").rng("batches"))).x.device.type == "cuda"
