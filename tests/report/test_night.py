"""The demo's figure of one night shows the numbers that it is given."""

import numpy as np
import pytest

from oneiros.report.night import STEPS_SHOWN, NightShown, night_figure


@pytest.fixture(scope="module")
def axes() -> dict:
    rng = np.random.default_rng(0)
    spikes = [rng.random((200, 4)) < 0.3, rng.random((200, 5)) < 0.1, rng.random((200, 3)) < 0.2]
    before = np.array([[0.0, 2.0], [1.0, 1.0], [4.0, 0.0]])
    shown = NightShown(
        spikes=spikes, before=before, after=before - 1, today=(2,), digits=np.zeros((3, 8, 8)),
        dreams=np.ones((3, 8, 8)), remembered={"no sleep": 20.0, "exact night": 98.4},
    )  # fmt: skip
    found = {each.get_title(loc="left"): each for each in night_figure(shown).axes}
    return {"spikes": spikes, **found}


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
