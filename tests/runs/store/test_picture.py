"""Galleries: what is put in comes out, at known pixels; a changed file is noticed."""

import numpy as np
import pytest
from PIL import Image

from oneiros.runs.store import DamagedError, Manifest, Picture, RunFolder, read_pictures, read_runs
from oneiros.runs.store.picture import GAP, read_picture, to_png


def picture(**changed) -> Picture:
    tiles = np.arange(2 * 3 * 4 * 5, dtype=np.uint8).reshape(2, 3, 4, 5, 1)
    said = dict(name="samples", day=1, step=7, tiles=tiles, caption="dreamt <b>", labels=("zero", "one"))
    return Picture(**(said | changed))


def folder(out):
    manifest = Manifest(paper="p", experiment="e", condition="c", seed=0, scale="smoke", config={}, device="cpu")
    return RunFolder.open(out, manifest)


def test_every_tile_is_where_it_should_be_and_the_file_says_what_it_shows(tmp_path):
    path = tmp_path / "one.png"
    path.write_bytes(to_png(picture()))
    pixels = np.asarray(Image.open(path))
    assert pixels.shape == (2 * 4 + GAP, 3 * 5 + 2 * GAP)
    for (row, column), tile in [((r, c), picture().tiles[r, c, ..., 0]) for r in range(2) for c in range(3)]:
        top, left = row * (4 + GAP), column * (5 + GAP)
        assert (pixels[top : top + 4, left : left + 5] == tile).all()
    assert (pixels[4 : 4 + GAP] == 255).all()
    info = read_picture(path)
    assert (info.name, info.day, info.step, info.caption) == ("samples", 1, 7, "dreamt <b>")
    assert (info.rows, info.columns, info.tile, info.labels) == (2, 3, (4, 5), ("zero", "one"))


def test_a_finished_run_gives_its_pictures_back_in_order_and_notices_a_changed_one(tmp_path):
    with folder(tmp_path) as kept:
        kept.rewind(0, 0.0)
        for step in (10, 2, 10):  # the last one as after a resume: the same picture once more
            kept.keep(picture(step=step))
        kept.seal()
    (run,) = read_runs(tmp_path)
    assert [info.step for info in read_pictures(run)] == [2, 10]
    next((run.path / "pictures").glob("*.png")).write_bytes(to_png(picture(caption="another")))
    with pytest.raises(DamagedError, match="changed after the run was sealed"):
        read_pictures(run)


def test_what_is_no_gallery_is_refused(tmp_path):
    with pytest.raises(ValueError, match=r"expected uint8 \[rows, columns"):
        picture(tiles=np.zeros((2, 3, 4, 5, 1)))
    with pytest.raises(ValueError, match="2 rows but 1 labels"):
        picture(labels=("zero",))
    foreign = tmp_path / "foreign.png"
    Image.new("L", (3, 3)).save(foreign)
    with pytest.raises(DamagedError, match="no picture of a run"):
        read_picture(foreign)
