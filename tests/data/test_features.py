"""Features files: what is written is what is read, whole, and what is not whole is refused."""

import json

import pytest
import torch
from safetensors import safe_open
from safetensors.torch import save_file

from oneiros.data import DataError, Examples, MissingFilesError, load
from oneiros.data.features import features_bytes, features_provenance


def half(n: int, seed: int) -> Examples:
    rng = torch.Generator().manual_seed(seed)
    return Examples(images=torch.rand(n, 5, generator=rng), labels=torch.arange(n) % 3, classes=("cat", "dog", "owl"))


@pytest.fixture
def file(tmp_path):
    path = tmp_path / "small.safetensors"
    path.write_bytes(features_bytes(half(9, 0), half(6, 1), {"backbone": "none", "layer": "x"}))
    return path


def test_what_is_read_is_what_was_written(file):
    data = load(f"features:{file}")
    for found, written in ((data.train, half(9, 0)), (data.test, half(6, 1))):
        assert torch.equal(found.images, written.images)
        assert torch.equal(found.labels, written.labels)
        assert found.classes == ("cat", "dog", "owl")
    assert features_provenance(file) == data.provenance == {"backbone": "none", "layer": "x"}
    assert data.train.batch(torch.tensor([0])).x.dtype == torch.float32


def test_the_checksum_covers_every_number_and_every_word(file):
    """One changed feature, one changed label, one changed word of the provenance."""
    with safe_open(file, framework="pt") as archive:
        words = archive.metadata()
        tensors = {name: archive.get_tensor(name) for name in archive.keys()}  # noqa: SIM118
    assert load(f"features:{file}").checksums == {file.name: words["sha256"]}
    for name in tensors:
        changed = {key: value.clone() for key, value in tensors.items()}
        changed[name].view(-1)[0] += 1
        save_file(changed, file, metadata=words)
        with pytest.raises(DataError, match="not what its checksum says"):
            load(f"features:{file}")
    save_file(tensors, file, metadata={**words, "provenance": json.dumps({"backbone": "better"})})
    with pytest.raises(DataError, match="not what its checksum says"):
        load(f"features:{file}")


def test_other_files_are_refused(tmp_path, file):
    with pytest.raises(MissingFilesError, match="`oneiros features` makes such files"):
        load(f"features:{tmp_path / 'nothing'}")
    cut = tmp_path / "cut.safetensors"
    cut.write_bytes(file.read_bytes()[:-10])
    with pytest.raises(DataError, match="not a readable safetensors file"):
        load(f"features:{cut}")
    other = tmp_path / "other.safetensors"
    save_file({"x": torch.zeros(1)}, other)
    with pytest.raises(DataError, match="its format is None"):
        load(f"features:{other}")
