"""Galleries: every picture once, few enough for a page, and a missing one named."""

import numpy as np
import pytest

from oneiros.report.gallery import gallery
from oneiros.runs.store import Picture, read_runs

from .folders import replay, sealed

ROW = [(0, 0, "end", "accuracy_seen", 0.5)]
ADDRESS = {"paper": "p", "experiment": "e", "condition": "c", "seed": 0}


def picture(day, shade):
    tiles = np.full((1, 2, 4, 4, 1), shade, dtype=np.uint8)
    return Picture(name="samples", day=day, tiles=tiles, caption="Shades.", labels=("grey",))


def test_the_same_picture_is_in_the_page_once(tmp_path):
    sealed(tmp_path, ADDRESS, ROW, [picture(day, shade) for day, shade in ((0, 10), (1, 20), (2, 10))])
    made = gallery(read_runs(tmp_path), "here", most_bytes=10_000)
    assert made.problems == ()
    assert made.html.count('class="frame"') == 3
    assert made.html.count("data:image/png;base64,") == 2
    (first, second, third) = made.html.split('class="frame"')[1:]
    name = first.partition('id="')[2].partition('"')[0]
    assert name.startswith("here-")
    assert f'data-same="{name}"' in third
    assert "data-same" not in second


def test_a_page_with_little_room_keeps_the_first_seed_and_the_ends_of_its_life(tmp_path):
    replay(tmp_path, seeds=2)
    runs = read_runs(tmp_path)
    size = sum(path.stat().st_size for path in tmp_path.rglob("*.png"))
    made = gallery(runs, "here", most_bytes=size // 4)
    assert 'data-seed="0"' in made.html
    assert 'data-seed="1"' not in made.html
    assert 'data-moment="day 5, step 500"' in made.html
    kept = made.html.count('class="frame"')
    assert 1 < kept < 10
    assert f"{20 - kept} more are in the run folders" in made.html


def test_however_little_room_there_is_it_is_not_exceeded(tmp_path):
    replay(tmp_path, seeds=1)
    replay(tmp_path, seeds=1, condition="vae")
    runs = read_runs(tmp_path)
    one = max(path.stat().st_size for path in tmp_path.rglob("*.png")) * 4 // 3 + 1
    assert gallery(runs, "here", most_bytes=one).html.count('class="frame"') == 1
    assert gallery(runs, "here", most_bytes=100).html.count('class="frame"') == 0


@pytest.mark.parametrize("spoil", [lambda path: path.unlink(), lambda path: path.write_bytes(b"no picture")])
def test_a_missing_or_changed_picture_is_named(tmp_path, spoil):
    folder = sealed(tmp_path, ADDRESS, ROW, [picture(0, 10)])
    (drawn,) = (folder / "pictures").iterdir()
    spoil(drawn)
    (run,) = read_runs(tmp_path)
    assert run.state == "damaged"
    assert drawn.name in run.problem
    assert gallery([run], "here", most_bytes=10_000).html == ""


def test_runs_without_pictures_have_no_gallery(tmp_path):
    sealed(tmp_path, ADDRESS, ROW)
    assert gallery(read_runs(tmp_path), "here", most_bytes=10_000).html == ""
