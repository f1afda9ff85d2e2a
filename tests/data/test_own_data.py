"""Data a user brings: parquet files, folders of pictures, CSV tables; and the two archives that are not IDX."""

import io
import json

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import scipy.io
import torch
from PIL import Image

import oneiros.data.parquet as parquet
from oneiros.data import DataError, MissingFilesError, load
from oneiros.data.images import decode_image

RED, GREEN, GREY = (255, 0, 0), (0, 128, 0), 77


def png(colour, *, width=2, height=2, mode=None):
    stream = io.BytesIO()
    Image.new(mode or ("L" if isinstance(colour, int) else "RGB"), (width, height), colour).save(stream, "PNG")
    return stream.getvalue()


def write_parquet(file, images, labels, classes=None):
    """A file in the Hugging Face layout; the class names go where `datasets` puts them."""
    file.parent.mkdir(exist_ok=True)
    rows = [{"bytes": image, "path": f"{i}.png"} for i, image in enumerate(images)]
    schema = pa.schema(
        [("image", pa.struct([("bytes", pa.binary()), ("path", pa.string())])), ("label", pa.int64())],
        metadata={"huggingface": json.dumps({"info": {"features": {"label": {"names": classes}}}})}
        if classes
        else None,
    )
    pq.write_table(pa.table({"image": rows, "label": labels}, schema=schema), file)


@pytest.fixture(autouse=True)
def cache(tmp_path_factory, monkeypatch):
    folder = tmp_path_factory.mktemp("cache")
    monkeypatch.setenv("XDG_CACHE_HOME", str(folder))
    return folder


@pytest.fixture
def folder(tmp_path):
    write_parquet(tmp_path / "train.parquet", [png(RED), png(GREY), png(GREEN)], [1, 0, 1], ["stone", "leaf"])
    write_parquet(tmp_path / "test.parquet", [png(GREY)], [0], ["stone", "leaf"])
    return tmp_path


def test_parquet_images_labels_and_class_names_come_back(folder):
    loaded = load(f"parquet:{folder}")
    assert list(loaded.train.images.shape) == [3, 3, 2, 2]
    assert loaded.train.images[:, :, 1, 0].tolist() == [list(RED), [GREY] * 3, list(GREEN)]
    assert loaded.train.labels.tolist() == [1, 0, 1]
    assert loaded.train.classes == ("stone", "leaf")
    # Test is all grey, but has the three channels of train.
    assert loaded.test.images[0, :, 0, 0].tolist() == [GREY] * 3
    assert set(loaded.checksums) == {"train.parquet", "test.parquet"}


def test_parquet_all_grey_has_one_channel_and_numbers_for_names(tmp_path):
    for part in ("train", "test"):
        write_parquet(tmp_path / f"{part}.parquet", [png(1), png(2), png(3)], [0, 2, 1])
    loaded = load(f"parquet:{tmp_path}")
    assert loaded.train.images[:, :, 0, 0].tolist() == [[1], [2], [3]]
    assert loaded.train.classes == ("0", "1", "2")


def test_decoding_happens_once_and_a_damaged_cache_is_decoded_again(folder, cache, monkeypatch):
    decoded = []

    def decode(column):
        decoded.append(len(column))
        return original(column)

    original = parquet._decode
    monkeypatch.setattr(parquet, "_decode", decode)
    first = load(f"parquet:{folder}")
    assert torch.equal(load(f"parquet:{folder}").train.images, first.train.images)
    assert decoded == [3, 1]

    remembered = sorted(cache.rglob("*.safetensors"))
    assert len(remembered) == 2
    content = remembered[0].read_bytes()
    remembered[0].write_bytes(content[:-1] + bytes([content[-1] ^ 1]))  # one pixel off by one
    remembered[1].write_bytes(b"torn")
    assert torch.equal(load(f"parquet:{folder}").train.images, first.train.images)
    assert sorted(decoded) == [1, 1, 3, 3]


def test_a_cache_that_cannot_be_written_is_no_error(folder, tmp_path, monkeypatch):
    blocked = tmp_path / "a file, not a folder"
    blocked.write_text("")
    monkeypatch.setenv("XDG_CACHE_HOME", str(blocked))
    assert len(load(f"parquet:{folder}").train) == 3


@pytest.mark.parametrize(
    ("images", "labels", "message"),
    [
        ([png(RED), b"not a png"], [0, 1], r"train.parquet: 1.png: 9 bytes that cannot be decoded as an image"),
        ([png(RED), png(RED)[:-30]], [0, 1], r"1.png: .* cannot be decoded"),
        ([png(RED), None], [0, 1], "1.png: 0 bytes that cannot be decoded"),
        ([png(RED), png(RED, width=3)], [0, 1], "1.png is 2 x 3 pixels .* but 0.png is 2 x 2"),
        ([png(9, mode="I;16")], [0], "an image of mode 'I;16'; expected 8 bits a channel"),
        ([png(RED)], [2], "train.parquet: label 2 of example 0 is out of range: expected 0 to 1"),
        ([png(RED)], [None], "1 labels are missing"),
        ([], [], "there are no rows"),
    ],
)
def test_parquet_rows_that_cannot_be_used_are_named(folder, images, labels, message):
    write_parquet(folder / "train.parquet", images, labels, ["stone", "leaf"])
    with pytest.raises(DataError, match=message):
        load(f"parquet:{folder}")


def test_parquet_without_the_columns_says_which_it_has(folder):
    pq.write_table(pa.table({"img": [1.5], "label": [0]}), folder / "train.parquet")
    with pytest.raises(DataError, match="the columns are img: double, label: int64; expected image: struct<bytes"):
        load(f"parquet:{folder}")


def test_a_file_that_is_no_parquet_and_one_that_is_not_there(folder):
    (folder / "test.parquet").write_bytes(b"PAR1")
    with pytest.raises(DataError, match="test.parquet: not a readable parquet file"):
        load(f"parquet:{folder}")
    (folder / "test.parquet").unlink()
    with pytest.raises(MissingFilesError, match="looked for .*test.parquet; not found"):
        load(f"parquet:{folder}")


def write_pictures(folder, pictures):
    for name, content in pictures.items():
        file = folder / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(content)


def test_a_folder_of_pictures_numbers_its_classes_alphabetically(tmp_path):
    pictures = {"train/b/2.PNG": png(2), "train/b/1.png": png(1), "train/a/9.png": png(9), "train/a/notes.txt": b"no"}
    write_pictures(tmp_path, pictures | {"test/a/1.png": png(5), "test/b/1.png": png(6)})
    loaded = load(f"folder:{tmp_path}")
    assert loaded.train.classes == ("a", "b")
    assert loaded.train.labels.tolist() == [0, 1, 1]
    assert loaded.train.images[:, 0, 0, 0].tolist() == [9, 1, 2]
    before = loaded.checksums
    write_pictures(tmp_path, {"train/b/1.png": png(3)})
    after = load(f"folder:{tmp_path}").checksums
    assert after["train"] != before["train"]
    assert after["test"] == before["test"]


def test_the_first_picture_of_another_size_is_named(tmp_path):
    write_pictures(tmp_path, {"train/a/1.png": png(1), "train/a/2.png": png(1, height=3), "test/a/1.png": png(1)})
    with pytest.raises(DataError, match=r"a/2.png is 3 x 2 pixels \(height x width\), but a/1.png is 2 x 2"):
        load(f"folder:{tmp_path}")


def test_folders_that_are_missing_empty_or_of_other_classes(tmp_path):
    with pytest.raises(MissingFilesError, match=r"looked for .*train/CLASS/\*.png .* does not exist"):
        load(f"folder:{tmp_path}")
    (tmp_path / "train" / "a").mkdir(parents=True)
    with pytest.raises(DataError, match="there is no picture; expected CLASS"):
        load(f"folder:{tmp_path}")
    write_pictures(tmp_path, {"train/a/1.png": png(1), "test/b/1.png": png(1)})
    with pytest.raises(DataError, match="train has the classes a but test has b"):
        load(f"folder:{tmp_path}")


def test_a_csv_gives_features_and_labels(tmp_path):
    (tmp_path / "train.csv").write_text("height,label,width\n1.5,0,2\n-3,1,4\n")
    (tmp_path / "test.csv").write_text("height,label,width\n0,1,0\n")
    loaded = load(f"csv:{tmp_path}")
    assert loaded.train.images.tolist() == [[1.5, 2.0], [-3.0, 4.0]]
    assert loaded.train.images.dtype == torch.float32
    assert loaded.train.labels.tolist() == [0, 1]
    assert loaded.test.classes == ("0", "1")


@pytest.mark.parametrize(
    ("test_csv", "message"),
    [
        ("height,label\n1,2\n", "test.csv: label 2 of example 0 is out of range: expected 0 to 1, for 2 classes"),
        ("height,label\n1,0\n1,-1\n", "test.csv: label -1 of example 1 is out of range"),
        (
            "height,label\n1,0\nnan,1\n",
            "test.csv: 1 of 2 examples hold NaN or infinite features, the first is example 1",
        ),
        ("height,label\n1,0\n,1\n", "test.csv: 1 of 2 examples hold NaN"),
        ("height,label\ntall,0\n", "the column 'height' is string; expected numbers"),
        ("height,label\n1,yes\n", "the column 'label' must hold a whole number in every row"),
        ("height,width\n1,2\n", "expected a column 'label'"),
        ("weight,label\n1,0\n", "train.csv has the columns 'height', test.csv 'weight'"),
        ("height,label\n1,0,5\n", "not a readable CSV file"),
        ("", "the file is empty"),
    ],
)
def test_csv_tables_that_cannot_be_used_are_named(tmp_path, test_csv, message):
    (tmp_path / "train.csv").write_text("height,label\n1.5,0\n-3,1\n")
    (tmp_path / "test.csv").write_text(test_csv)
    with pytest.raises(DataError, match=message):
        load(f"csv:{tmp_path}")


def write_cifar10(root):
    """Every file holds one record: its own number as label, then planes of 1, 2 and 3."""
    binary = root / "cifar-10-batches-bin"
    binary.mkdir()
    planes = bytes([1]) * 1024 + bytes([2]) * 1024 + bytes([3]) * 1024
    for label, name in enumerate(["test_batch", *(f"data_batch_{i}" for i in range(1, 6))]):
        (binary / f"{name}.bin").write_bytes(bytes([label]) + planes)
    return binary


def test_cifar10s_binary_archive_is_read_record_by_record(tmp_path):
    binary = write_cifar10(tmp_path)
    cifar = load("cifar10", root=tmp_path, download=False)
    assert cifar.train.labels.tolist() == [1, 2, 3, 4, 5]
    assert cifar.test.labels.tolist() == [0]
    assert cifar.train.images[:, :, 31, 0].tolist() == [[1, 2, 3]] * 5
    (binary / "data_batch_3.bin").write_bytes(bytes(3072))
    with pytest.raises(DataError, match="data_batch_3.bin: 3072 bytes are not a whole number of records of 3073"):
        load("cifar10", root=tmp_path, download=False)


def test_cifar10s_pickles_are_left_unread(tmp_path):
    (tmp_path / "cifar-10-batches-py").mkdir()
    with pytest.raises(MissingFilesError, match="its files are pickles and not read") as caught:
        load("cifar10", root=tmp_path, download=False)
    assert "cifar10/train.parquet" in str(caught.value).replace("\\", "/")


def test_svhn_calls_ten_zero(tmp_path):
    pixels = np.zeros((32, 32, 3, 2), np.uint8)
    pixels[4, 5, 2, 1] = 99
    for part in ("train", "test"):
        scipy.io.savemat(tmp_path / f"{part}_32x32.mat", {"X": pixels, "y": np.array([[10], [3]], np.uint8)})
    svhn = load("svhn", root=tmp_path, download=False)
    assert svhn.train.labels.tolist() == [0, 3]
    assert svhn.train.images.nonzero().tolist() == [[1, 2, 4, 5]]
    (tmp_path / "test_32x32.mat").write_bytes(b"MATLAB 5.0 and no more")
    with pytest.raises(DataError, match="test_32x32.mat: not a MATLAB file with X and y"):
        load("svhn", root=tmp_path, download=False)


def test_a_jpeg_in_grey_has_no_colours():
    stream = io.BytesIO()
    Image.new("L", (8, 4), 200).save(stream, "JPEG")
    assert decode_image(stream.getvalue()).shape == (4, 8)
