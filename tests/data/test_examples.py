import pytest
import torch

from oneiros.data import DataError, Dataset, Examples


def four(**changes):
    fields = {
        "images": torch.tensor([0, 51, 255, 102], dtype=torch.uint8).reshape(4, 1, 1, 1),
        "labels": torch.tensor([0, 1, 2, 1]),
        "classes": ("a", "b", "c"),
    }
    return Examples(**(fields | changes))


def test_a_batch_holds_the_asked_rows_scaled_to_one():
    batch = four().batch(torch.tensor([2, 1]))
    assert batch.x.dtype == torch.float32
    assert batch.x.flatten().tolist() == pytest.approx([1.0, 0.2])
    assert batch.targets().tolist() == [2, 1]


def test_all_is_every_row_in_order():
    batch = four().all()
    assert batch.x.flatten().tolist() == pytest.approx([0.0, 0.2, 1.0, 0.4])
    assert batch.targets().tolist() == [0, 1, 2, 1]


def test_features_stay_as_they_are():
    features = torch.tensor([[-3.0, 7.5]], dtype=torch.float64)
    batch = Examples(images=features, labels=torch.tensor([0]), classes=("a",)).all()
    assert torch.equal(batch.x, features)
    assert batch.x.dtype == torch.float64


def test_of_classes_keeps_order_and_numbers():
    chosen = four().of_classes((2, 1))
    assert chosen.labels.tolist() == [1, 2, 1]
    assert chosen.images.flatten().tolist() == [51, 255, 102]
    assert chosen.classes == ("a", "b", "c")


def test_an_unknown_class_is_named():
    with pytest.raises(DataError, match="there is no class 3; expected numbers from 0 to 2"):
        four().of_classes((0, 3))


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"labels": torch.tensor([0, 1])}, "there are 4 images but 2 labels"),
        ({"labels": torch.tensor([0, 1, 3, 1])}, "label 3 of example 2 is out of range: expected 0 to 2"),
        ({"labels": torch.tensor([0, -1, 0, 1])}, "label -1 of example 1 is out of range"),
        ({"labels": torch.zeros(4)}, r"labels are torch.float32 \[4\]; expected int64"),
        ({"images": torch.zeros(4, 2, dtype=torch.int32)}, r"images are torch.int32 \[4, 2\]; expected uint8"),
        (
            {"images": torch.tensor([[0.0], [1.0], [torch.nan], [torch.inf]])},
            "2 of 4 examples hold NaN or infinite features, the first is example 2",
        ),
    ],
)
def test_what_does_not_fit_is_refused(changes, message):
    with pytest.raises(DataError, match=message):
        four(**changes)


def test_train_and_test_must_agree_in_classes_and_shape():
    with pytest.raises(DataError, match="toy: train has the classes a, b, c but test has x, y, z"):
        Dataset(name="toy", train=four(), test=four(classes=("x", "y", "z")), checksums={})
    wide = four(images=torch.zeros(4, 1, 1, 2, dtype=torch.uint8))
    with pytest.raises(DataError, match=r"a train image is torch.uint8 \[1, 1, 1\] but a test image is"):
        Dataset(name="toy", train=four(), test=wide, checksums={})


@pytest.mark.skipif(not torch.cuda.is_available(), reason="no GPU")
def test_on_a_gpu_an_index_may_come_from_the_cpu():
    examples = four().to("cuda")
    batch = examples.batch(torch.tensor([3]))
    assert batch.x.device.type == "cuda"
    assert batch.targets().tolist() == [1]
    assert examples.of_classes((2,)).images.flatten().tolist() == [255]
