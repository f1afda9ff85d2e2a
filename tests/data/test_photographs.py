"""Photographs of many shapes in folders, and where published weights come from."""

import hashlib
import io

import numpy as np
import pytest
import torch
from PIL import Image

from oneiros.data import DataError
from oneiros.data.photographs import class_names, load_photographs
from oneiros.data.pretrained import vgg16_features


@pytest.fixture
def root(tmp_path):
    """Two classes; each photograph is of one colour, so that its size after squeezing does not matter."""
    for half, count in (("train", 3), ("test", 1)):
        for label, name in enumerate(("apple", "bear")):
            folder = tmp_path / "pictures" / half / name
            folder.mkdir(parents=True)
            for number in range(count):
                colour = (100 * label, 10 * number, 200)
                Image.new("RGB", (30 + 7 * number, 20 + label), colour).save(folder / f"{number}.png")
    return tmp_path


def test_only_the_classes_asked_for_are_read_and_squeezed(root):
    names = class_names(root, "photographs:pictures")
    assert names == ("apple", "bear")
    train, test, checksums = load_photographs(root, "photographs:pictures", names, (1,), 8)
    assert train.images.shape == (3, 3, 8, 8)
    assert train.images[:, :, 0, 0].tolist() == [[100, 0, 200], [100, 10, 200], [100, 20, 200]]
    assert (train.images == train.images[:, :, :1, :1]).all()
    assert train.labels.tolist() == [1, 1, 1]
    assert (len(test), test.classes) == (1, names)
    content = (root / "pictures" / "test" / "bear" / "0.png").read_bytes()
    line = f"{hashlib.sha256(content).hexdigest()}  0.png"
    assert checksums["test"] == hashlib.sha256(line.encode()).hexdigest()


def test_errors_name_the_folder_or_the_file(root):
    with pytest.raises(DataError, match="expected photographs:DIR"):
        class_names(root, "pictures")
    with pytest.raises(DataError, match="has no train and test"):
        class_names(root, "photographs:elsewhere")
    broken = root / "pictures" / "train" / "apple" / "0.png"
    broken.write_bytes(b"no picture")
    with pytest.raises(DataError, match=r"0\.png cannot be decoded"):
        load_photographs(root, "photographs:pictures", ("apple", "bear"), (0,), 8)
    for file in (root / "pictures" / "test" / "bear").iterdir():
        file.unlink()
    with pytest.raises(DataError, match="bear holds no photographs"):
        load_photographs(root, "photographs:pictures", ("apple", "bear"), (1,), 8)


def test_grey_and_transparent_photographs_become_colour(root):
    folder = root / "pictures" / "train" / "apple"
    for name, mode in (("grey.png", "L"), ("see-through.png", "RGBA")):
        buffer = io.BytesIO()
        Image.fromarray(np.full((5, 6) if mode == "L" else (5, 6, 4), 90, dtype=np.uint8)).save(buffer, format="png")
        (folder / name).write_bytes(buffer.getvalue())
    train, _, _ = load_photographs(root, "photographs:pictures", ("apple", "bear"), (0,), 4)
    assert train.images.shape == (5, 3, 4, 4)


def test_published_weights_are_checked_and_read_as_tensors_only(monkeypatch):
    asked = {}

    def download(url, **settings):
        asked.update(settings, url=url)
        return {"features.0.weight": torch.ones(1), "classifier.0.weight": torch.ones(1)}

    monkeypatch.setattr("torchvision.models._api.load_state_dict_from_url", download)
    assert list(vgg16_features()) == ["features.0.weight"]
    assert asked["weights_only"] is True
    assert asked["check_hash"] is True
    assert "vgg16_features" in asked["url"]
