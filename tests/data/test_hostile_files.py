"""Files that lie or are damaged: one clear error, or the data; no raw error, no memory that no honest file takes."""

import gzip
import io
import json
import struct
import zlib

import pytest
import torch
from PIL import Image
from safetensors import safe_open
from safetensors.torch import save_file

from bench.hostile import FORMATS, run
from oneiros.data import DataError, Examples, load
from oneiros.data.features import features_bytes, features_provenance
from oneiros.data.photographs import load_photographs
from oneiros.runs.peak_memory import forget_peak, peak


def test_hundreds_of_injuries_are_refused_or_do_no_harm():
    """The same that `python -m bench hostile` does ten thousand times."""
    told, broken = run(cases=390, seed=1)
    assert broken == []
    assert told.total() == 390
    assert {name.partition(":")[0] for name in told} == set(FORMATS)
    assert told["features: refused"] + told["checkpoint: refused"] >= 58  # an injury may undo the one before


def grown(read) -> int:
    """Bytes by which the process grew at most while something was refused."""
    forget_peak()
    before = peak()
    with pytest.raises(DataError) as refused:
        read()
    if before is None:
        pytest.skip("this system does not say how much memory a process holds")
    assert "\n" not in str(refused.value)
    return (peak() or 0) - before


@pytest.mark.parametrize("label", [99_999_999_999, 10_001])
def test_a_label_that_is_no_number_of_a_class_is_named_and_takes_no_memory(tmp_path, label):
    (tmp_path / "train.csv").write_text(f"a,label\n1,0\n2,{label}\n")
    (tmp_path / "test.csv").write_text("a,label\n1,0\n")
    with pytest.raises(DataError, match=f"train.csv: label {label} of example 1 is no number of a class"):
        load(f"csv:{tmp_path}")
    assert grown(lambda: load(f"csv:{tmp_path}")) < 32 << 20


def test_a_heading_that_is_doubled_or_no_text_is_named(tmp_path):
    (tmp_path / "test.csv").write_text("a,label\n1,0\n")
    (tmp_path / "train.csv").write_text("a,a,label\n1,2,0\n")
    with pytest.raises(DataError, match="the heading has 'a' more than once"):
        load(f"csv:{tmp_path}")
    (tmp_path / "train.csv").write_bytes(b"\xff\xfe,label\n1,0\n")
    with pytest.raises(DataError, match="not a readable CSV file"):
        load(f"csv:{tmp_path}")


def png_that_says(width: int, height: int) -> bytes:
    """A picture of a few bytes with any size in its header."""
    stream = io.BytesIO()
    Image.new("L", (2, 2)).save(stream, "PNG")
    data = bytearray(stream.getvalue())
    data[16:24] = struct.pack(">2I", width, height)
    data[29:33] = struct.pack(">I", zlib.crc32(data[12:29]))
    return bytes(data)


@pytest.mark.filterwarnings("ignore")
def test_a_picture_that_says_it_is_huge_is_refused_before_memory_is_taken(tmp_path):
    for half in ("train", "test"):
        (tmp_path / half / "a").mkdir(parents=True)
        (tmp_path / half / "a" / "0.png").write_bytes(png_that_says(8000, 8000))
    assert grown(lambda: load(f"folder:{tmp_path}")) < 32 << 20
    names = f"photographs:{tmp_path}", ("a",), (0,), 8
    assert grown(lambda: load_photographs(tmp_path.parent, *names)) < 32 << 20
    with pytest.raises(DataError, match="8000 x 8000 pixels, more than a file of its size can"):
        load(f"folder:{tmp_path}")


def test_a_folder_named_like_a_picture_is_told(tmp_path):
    for half in ("train", "test"):
        (tmp_path / half / "a" / "0.png").mkdir(parents=True)
    with pytest.raises(DataError, match=r"0.png: it cannot be read"):
        load(f"folder:{tmp_path}")
    with pytest.raises(DataError, match=r"0.png: it cannot be read"):
        load_photographs(tmp_path.parent, f"photographs:{tmp_path}", ("a",), (0,), 8)


@pytest.mark.parametrize(("said", "follow"), [((40, 28, 28), 200 << 20), ((2**32 - 1,) * 3, 40 * 784)])
def test_an_archive_is_unzipped_no_further_than_its_header_says(tmp_path, said, follow):
    raw = tmp_path / "MNIST" / "raw"
    raw.mkdir(parents=True)
    for part in ("train", "t10k"):
        images = gzip.compress(struct.pack(">4I", 2051, *said) + bytes(follow), 1)
        (raw / f"{part}-images-idx3-ubyte.gz").write_bytes(images)
        (raw / f"{part}-labels-idx1-ubyte").write_bytes(struct.pack(">2I", 2049, 40) + bytes(40))
    assert grown(lambda: load("mnist", root=tmp_path)) < 32 << 20


@pytest.fixture
def features(tmp_path):
    """A features file, its tensors and its words."""
    halves = [Examples(images=torch.rand(6, 4), labels=torch.arange(6) % 2, classes=("x", "y")) for _ in "ab"]
    file = tmp_path / "f.safetensors"
    file.write_bytes(features_bytes(*halves, {"backbone": "none"}))
    with safe_open(file, framework="pt") as archive:
        words = archive.metadata()
        return file, {name: archive.get_tensor(name) for name in archive.keys()}, words  # noqa: SIM118


@pytest.mark.parametrize("how", ["another shape", "another type"])
def test_the_checksum_of_features_covers_shapes_and_types(features, how):
    """The same bytes under another shape or type are other features."""
    file, tensors, words = features
    for half in ("train", "test"):
        images = tensors[f"{half}.images"]
        tensors[f"{half}.images"] = images.reshape(6, 2, 2) if "shape" in how else images.view(torch.float16)
    save_file(tensors, file, metadata=words)
    with pytest.raises(DataError, match="its content is not what its checksum says"):
        load(f"features:{file}")


@pytest.mark.parametrize("part", ["provenance", "classes"])
@pytest.mark.parametrize("text", ["", "{", "1", '"text"', "[" * 100_000, '[["x"], "y"]', "null"])
def test_malformed_words_of_a_features_file_are_told(features, monkeypatch, part, text):
    file, tensors, words = features
    words[part] = text
    monkeypatch.setattr("oneiros.data.features._digest", lambda tensors, words: "the right one")
    save_file(tensors, file, metadata={**words, "sha256": "the right one"})
    with pytest.raises(DataError, match=r"make the file again with `oneiros features`$"):
        load(f"features:{file}")
    if part == "provenance":
        with pytest.raises(DataError, match=r"make the file again with `oneiros features`$"):
            features_provenance(file)


def test_features_of_an_earlier_version_are_refused_by_name(features):
    file, tensors, words = features
    save_file(tensors, file, metadata={**words, "format": "oneiros-features/1"})
    with pytest.raises(DataError, match="its format is 'oneiros-features/1'; expected 'oneiros-features/2'"):
        load(f"features:{file}")
    assert json.loads(words["provenance"]) == {"backbone": "none"}
