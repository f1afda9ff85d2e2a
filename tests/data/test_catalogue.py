"""`load` on whole data sets: the embedded one, hand-made IDX files, and the real ones where they are at hand."""

import gzip
import hashlib
import os
import struct
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch

from oneiros.data import DataError, MissingFilesError, catalogue, load, names
from oneiros.data.download import DOWNLOADS, fetch
from oneiros.data.parquet import read_parquet_set, read_split


def write_mnist(root, *, n_train=3, labels=(4, 0, 9)):
    """An MNIST of `n_train` images of 2 x 2 pixels with grey values 0, 1, 2, ...; the test split is its first image."""
    raw = root / "MNIST" / "raw"
    raw.mkdir(parents=True)
    pixels, labels = bytes(range(4 * n_train)), bytes(labels)
    content = {
        "train-images-idx3-ubyte": struct.pack(">4I", 0x803, n_train, 2, 2) + pixels,
        "train-labels-idx1-ubyte": struct.pack(">2I", 0x801, len(labels)) + labels,
        "t10k-images-idx3-ubyte": struct.pack(">4I", 0x803, 1, 2, 2) + pixels[:4],
        "t10k-labels-idx1-ubyte": struct.pack(">2I", 0x801, 1) + labels[:1],
    }
    for name, data in content.items():
        (raw / name).write_bytes(data)
    return raw


def zip_up(file):
    zipped = file.with_name(file.name + ".gz")
    zipped.write_bytes(gzip.compress(file.read_bytes()))
    file.unlink()
    return zipped


def real_data():
    named = os.environ.get("ONEIROS_DATA")
    root = Path(named) if named else Path(__file__).parents[3] / "shared" / "data"
    if not root.is_dir():
        pytest.skip(f"the real data sets: folder {root} not found; set ONEIROS_DATA")
    return root


@pytest.fixture(autouse=True)
def _own_cache(tmp_path_factory, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path_factory.mktemp("cache")))


def test_digits_are_scikit_learns_split_one_to_four_within_each_class():
    digits = load("digits")
    assert (len(digits.train), len(digits.test)) == (1442, 355)
    counts = digits.train.labels.bincount() + digits.test.labels.bincount()
    assert counts.tolist() == [178, 182, 177, 183, 181, 182, 181, 179, 174, 180]  # scikit-learn's documentation
    assert digits.test.labels.bincount().tolist() == [count // 5 for count in counts.tolist()]
    # The first digit of the list is a 0 whose first row is 0 0 5 13 9 1 0 0.
    assert digits.train.images[0, 0, 0].tolist() == [0, 0, 80, 207, 143, 16, 0, 0]
    assert int(digits.train.images.max()) == 255
    assert load("digits").checksums == digits.checksums


def test_idx_files_are_read_by_hand_made_bytes(tmp_path):
    raw = write_mnist(tmp_path)
    mnist = load("mnist", root=tmp_path, download=False)
    assert mnist.train.images.tolist() == [[[[0, 1], [2, 3]]], [[[4, 5], [6, 7]]], [[[8, 9], [10, 11]]]]
    assert mnist.train.labels.tolist() == [4, 0, 9]
    assert mnist.test.images.tolist() == [[[[0, 1], [2, 3]]]]
    assert (
        mnist.checksums["train-labels-idx1-ubyte"]
        == hashlib.sha256((raw / "train-labels-idx1-ubyte").read_bytes()).hexdigest()
    )
    assert len(mnist.checksums) == 4


def test_zipped_and_plain_files_may_be_mixed(tmp_path):
    plain = write_mnist(tmp_path)
    before = load("mnist", root=tmp_path, download=False)
    zipped = zip_up(plain / "train-images-idx3-ubyte")
    after = load("mnist", root=tmp_path, download=False)
    assert torch.equal(after.train.images, before.train.images)
    assert after.checksums[zipped.name] == hashlib.sha256(zipped.read_bytes()).hexdigest()


def test_the_environment_variable_names_the_root(tmp_path, monkeypatch):
    write_mnist(tmp_path)
    monkeypatch.setenv("ONEIROS_DATA", str(tmp_path))
    assert len(load("mnist", download=False).train) == 3


def damage(raw, how):
    images, labels = raw / "train-images-idx3-ubyte", raw / "train-labels-idx1-ubyte"
    match how:
        case "truncated":
            zipped = zip_up(images)
            zipped.write_bytes(zipped.read_bytes()[:-12])
        case "not gzip":
            zip_up(images).write_bytes(b"<html>")
        case "magic":
            images.write_bytes(labels.read_bytes() + bytes(8))
        case "size":
            images.write_bytes(images.read_bytes()[:-1])
        case "short":
            labels.write_bytes(b"\0\0\x08")
        case "empty":
            labels.write_bytes(b"")


@pytest.mark.parametrize(
    ("how", "message"),
    [
        ("truncated", r"train-images-idx3-ubyte.gz: not a whole gzip archive .* truncated or damaged, fetch it again"),
        ("not gzip", "train-images-idx3-ubyte.gz: not a whole gzip archive"),
        ("magic", "train-images-idx3-ubyte: the magic number is 0x00000801, expected 0x00000803"),
        ("size", "train-images-idx3-ubyte: the header declares 3 x 2 x 2 = 12 bytes, but 11 follow"),
        ("short", "train-labels-idx1-ubyte: 3 bytes are too few for an IDX header of 8"),
        ("empty", r"train-labels-idx1-ubyte: the file is empty \(0 bytes\)"),
    ],
)
def test_a_damaged_file_is_named_with_what_is_wrong(tmp_path, how, message):
    damage(write_mnist(tmp_path), how)
    with pytest.raises(DataError, match=message):
        load("mnist", root=tmp_path, download=False)


@pytest.mark.parametrize(
    ("labels", "message"),
    [
        ((4, 0), "train-images-idx3-ubyte and train-labels-idx1-ubyte: there are 3 images but 2 labels"),
        ((4, 10, 0), "label 10 of example 1 is out of range: expected 0 to 9, for 10 classes"),
    ],
)
def test_labels_must_match_the_images_and_the_classes(tmp_path, labels, message):
    write_mnist(tmp_path, labels=labels)
    with pytest.raises(DataError, match=message):
        load("mnist", root=tmp_path, download=False)


def test_a_missing_file_is_named_with_the_two_ways_to_give_it(tmp_path):
    raw = write_mnist(tmp_path)
    (raw / "t10k-labels-idx1-ubyte").unlink()
    with pytest.raises(MissingFilesError, match="t10k-labels-idx1-ubyte; not found; downloading is switched") as caught:
        load("mnist", root=tmp_path, download=False)
    assert "train-images" not in str(caught.value)
    assert "--data DIR, or in the environment variable ONEIROS_DATA" in str(caught.value)


def test_a_missing_folder_is_named(tmp_path):
    with pytest.raises(MissingFilesError, match=r"the folder .*nowhere/MNIST/raw does not exist"):
        load("mnist", root=tmp_path / "nowhere", download=False)


def test_missing_files_are_downloaded_once(tmp_path, monkeypatch):
    fetched = []

    def fetch(name, root):
        fetched.append(name)
        write_mnist(root)

    monkeypatch.setattr(catalogue, "fetch", fetch)
    assert len(load("mnist", root=tmp_path).train) == 3
    assert len(load("mnist", root=tmp_path).train) == 3
    assert fetched == ["mnist"]


def test_a_failed_download_is_told_with_its_reason(tmp_path, monkeypatch):
    def fetch(name, root):
        raise OSError("no route to host")

    monkeypatch.setattr(catalogue, "fetch", fetch)
    with pytest.raises(MissingFilesError, match=r"the download failed \(no route to host\). Say which folder"):
        load("mnist", root=tmp_path)
    with pytest.raises(MissingFilesError, match="there is no download for this data set"):
        load("tiny-imagenet-100", root=tmp_path)


@pytest.mark.slow  # importing torchvision takes seconds
@pytest.mark.parametrize("name", DOWNLOADS)
def test_a_download_asks_torchvision_for_both_splits_below_the_root(name, tmp_path, monkeypatch):
    from torchvision import datasets

    asked = []

    def archive(url, root, *, md5, remove_finished):
        asked.append(("cifar10", root, url.rpartition("/")[2]))
        (root / "cifar-10-batches-bin").mkdir()

    for kind in ("MNIST", "FashionMNIST", "KMNIST", "SVHN"):
        monkeypatch.setattr(
            datasets, kind, lambda root, *, download, split="both", kind=kind: asked.append((kind, root, split))
        )
    monkeypatch.setattr(datasets.utils, "download_and_extract_archive", archive)
    root = tmp_path / "new"
    fetch(name, root)
    assert (
        asked
        == {
            "mnist": [("MNIST", root, "both")],
            "fashion-mnist": [("FashionMNIST", root, "both")],
            "kmnist": [("KMNIST", root, "both")],
            "svhn": [("SVHN", root, "train"), ("SVHN", root, "test")],
            "cifar10": [("cifar10", root, "cifar-10-binary.tar.gz")],
        }[name]
    )


@pytest.mark.parametrize(
    ("asked", "hint"),
    [
        ("minst", "Did you mean 'mnist'?"),
        ("cifar", "Did you mean 'cifar10'?"),
        ("parquet", "Did you mean 'parquet:DIR'?"),
        ("folder:", "Did you mean 'folder:DIR'?"),
        ("zzzz", "there is no data set 'zzzz'. Known: digits, mnist"),
    ],
)
def test_an_unknown_name_gets_the_nearest_one(asked, hint):
    with pytest.raises(DataError) as caught:
        load(asked)
    assert hint in str(caught.value)


def test_names_are_as_documented():
    assert names() == (
        *("digits", "mnist", "fashion-mnist", "kmnist", "cifar10", "svhn", "tiny-imagenet-100"),
        *("parquet:DIR", "folder:DIR", "csv:DIR", "features:FILE"),
    )


@pytest.mark.slow
def test_importing_data_leaves_the_slow_libraries_alone():
    seen = "import sys, oneiros.data; assert not {'torchvision', 'sklearn', 'scipy.io'} & set(sys.modules)"
    subprocess.run([sys.executable, "-c", seen], check=True, timeout=60)


@pytest.mark.parametrize(("name", "mean", "sd"), [("mnist", 0.1307, 0.3081), ("fashion-mnist", 0.2860, 0.3530)])
def test_real_grey_images_have_the_published_mean_and_deviation(name, mean, sd):
    real = load(name, root=real_data(), download=False)
    assert (len(real.train), len(real.test)) == (60_000, 10_000)
    pixels = real.train.images.numpy()
    assert pixels.mean() / 255 == pytest.approx(mean, abs=5e-5)
    assert pixels.std(dtype=np.float64) / 255 == pytest.approx(sd, abs=5e-5)
    if name == "fashion-mnist":
        assert real.train.labels.bincount().tolist() == [6000] * 10


def channel_means(images):
    return images.double().mean((0, 2, 3)).div(255).tolist()


def test_real_cifar10_test_images_resemble_the_train_images():
    test = read_split(real_data() / "cifar10" / "test.parquet")
    assert list(test.images.shape) == [10_000, 3, 32, 32]
    assert test.labels.bincount().tolist() == [1000] * 10
    assert test.classes[:2] == ("airplane", "automobile")
    # The published figures are those of the train images; the test images are a sample of the same world.
    assert channel_means(test.images) == pytest.approx([0.4914, 0.4822, 0.4465], abs=0.005)


@pytest.mark.slow
def test_real_cifar10_train_images_have_the_published_mean_and_deviation():
    train = load("cifar10", root=real_data(), download=False).train
    assert channel_means(train.images) == pytest.approx([0.4914, 0.4822, 0.4465], abs=5e-5)
    deviations = train.images.double().div(255).std((0, 2, 3)).tolist()
    assert deviations == pytest.approx([0.2470, 0.2435, 0.2616], abs=5e-5)


@pytest.mark.slow
def test_real_tiny_imagenet_has_200_and_50_images_a_class():
    tiny = read_parquet_set("tiny-imagenet-100", real_data() / "tiny_imagenet_100")
    assert list(tiny.train.images.shape) == [20_000, 3, 64, 64]
    assert tiny.train.labels.bincount().tolist() == [200] * 100
    assert tiny.test.labels.bincount().tolist() == [50] * 100
    assert tiny.train.classes[0] == "n01443537 goldfish, Carassius auratus"
