"""The demo's figure of one night shows the numbers that it is given."""

import numpy as np
import pytest
from rich.console import Console

from oneiros.cli.screen import publish
from oneiros.report.night import NIGHT, STEPS_SHOWN, NightShown, load_night, night_figure, save_night

from .folders import sealed


@pytest.fixture(scope="module")
def shown() -> NightShown:
    rng = np.random.default_rng(0)
    spikes = [rng.random((200, 4)) < 0.3, rng.random((200, 5)) < 0.1, rng.random((200, 3)) < 0.2]
    before = np.array([[0.0, 2.0], [1.0, 1.0], [4.0, 0.0]])
    return NightShown(
        spikes=spikes, before=before, after=before - 1, today=(2,), digits=np.zeros((3, 8, 8)),
        dreams=np.ones((3, 8, 8)), remembered={"no sleep": 20.0, "exact night": 98.4},
    )  # fmt: skip


@pytest.fixture(scope="module")
def axes(shown) -> dict:
    found = {each.get_title(loc="left"): each for each in night_figure(shown).axes}
    return {"spikes": shown.spikes, **found}


def test_every_spike_of_the_steps_shown_is_one_dot(axes):
    drawn = axes["Asleep: noise in, spikes through the network, no data"].collections
    assert [len(layer.get_offsets()) for layer in drawn] == [int(s[:STEPS_SHOWN].sum()) for s in axes["spikes"]]


def test_mean_weights_before_the_night_are_marked_for_each_class(axes):
    """Rows (0, 2), (1, 1) and (4, 0): means 1, 1 and 2."""
    marked = axes["Output weights, before and after"].lines
    assert [float(line.get_ydata()[0]) for line in marked] == [1.0, 1.0, 2.0]


def test_digits_lie_above_the_dreams_of_the_same_class(axes):
    sheet = np.asarray(axes["Generative replay: what is dreamed after the last day"].images[0].get_array())
    assert sheet.shape == (20, 30)
    assert sheet[:10].max() == 0
    assert sheet[11:19, 1:9].min() == 1


def test_bars_say_what_is_remembered(axes):
    panel = axes["Remembered"]
    assert [bar.get_width() for bar in panel.patches] == [20.0, 98.4]
    assert [text.get_text() for text in panel.texts] == ["20", "98"]


def test_what_is_kept_of_a_night_is_drawn_again_as_it_was(tmp_path, shown):
    save_night(shown, tmp_path / "night.npz")
    again = load_night(tmp_path / "night.npz")
    assert again.remembered == shown.remembered
    assert tuple(again.today) == tuple(shown.today)
    for ours, theirs in zip(
        (*again.spikes, again.before, again.dreams), (*shown.spikes, shown.before, shown.dreams), strict=True
    ):
        np.testing.assert_array_equal(ours, theirs)


def test_the_page_of_a_folder_with_a_night_shows_it_before_the_numbers(tmp_path, shown):
    address = {"paper": "kubo2025", "experiment": "digits", "condition": "src", "seed": 0}
    sealed(tmp_path, address, [(0, 0, "end", "accuracy_seen", 0.5), (0, 0, "end", "final_accuracy", 0.5)])
    save_night(shown, tmp_path / NIGHT)
    publish(tmp_path, Console(quiet=True))
    page = (tmp_path / "index.html").read_text(encoding="utf-8")
    assert page.index("One night") < page.index("<h3>")
    assert page.count("Asleep: noise in, spikes through the network, no data") == 1
    assert (tmp_path / "figures" / "kubo2025-digits-night.png").is_file()
    (tmp_path / NIGHT).unlink()
    publish(tmp_path, Console(quiet=True))
    assert "One night" not in (tmp_path / "index.html").read_text(encoding="utf-8")
