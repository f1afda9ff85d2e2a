"""Figures inside the page: the drawing of the file, its words as text, and few bytes."""

import html
import re
from xml.etree import ElementTree

import matplotlib as mpl
import numpy as np
import pytest
from matplotlib.figure import Figure
from matplotlib.text import Text

from oneiros.report import judged, to_svg, write_page
from oneiros.report.figures import accuracy_over_tasks
from oneiros.report.svg import _written, inline_svg

from .synthetic import rows_like_the_paper

MANY = {f"condition {index} <&>": (20.0 + 2 * index, 2.0) for index in range(30)}


def paths(svg):
    """Points of every path outside the definitions, in the order drawn."""
    svg = re.sub(r"<defs>.*?</defs>", "", svg, flags=re.DOTALL)
    return [np.array(re.findall(r"-?[\d.]+", d), dtype=float) for d in re.findall(r'<path d="([^"]*)"', svg)]


def words(figure):
    """Every line of text that the figure shows."""
    texts = (text for text in figure.findobj(Text) if text.get_visible() and text.get_text().strip())
    return {line for text in texts for line in text.get_text().split("\n")}


@pytest.fixture(scope="module")
def figure():
    drawn = accuracy_over_tasks(rows_like_the_paper(3))
    drawn.axes[0].set_title("two <lines>\nof \"words\" & 'signs'")
    return drawn


@pytest.fixture(scope="module")
def inline(figure):
    return inline_svg(figure, prefix="a-b", label='A "label"', size="max-width:9px")


def test_lines_are_where_the_file_has_them(figure, inline):
    # Without letters the file and the page have the same paths.
    in_file = paths(to_svg(figure, letters="text"))
    assert len(in_file) > 20
    for exact, short in zip(in_file, paths(inline), strict=True):
        np.testing.assert_allclose(short, exact, atol=0.005 + 1e-9)
    assert inline.count("<use ") == to_svg(figure, letters="text").count("<use ")


def test_words_are_text(figure, inline):
    written = {html.unescape(text) for text in re.findall(r"<text[^>]*>(.*?)</text>", inline)}
    shown = words(figure)
    assert {"of \"words\" & 'signs'", "two <lines>", "tasks learned"} <= shown
    assert written <= shown
    assert shown - written <= {text.get_text() for text in figure.axes[0].get_xticklabels()}  # outside the limits


def test_identifiers_are_its_own_and_all_in_use(inline):
    known = re.findall(r'\bid="([^"]+)"', inline)
    used = set(re.findall(r'(?:href="|url\()#([^")]+)', inline))
    assert len(known) == len(set(known)) > 5
    assert set(known) == used
    assert all(name.startswith("a-b.") for name in known)


def test_it_says_what_it_is(inline):
    assert inline.startswith('<svg role="img" aria-label="A &quot;label&quot;" style="max-width:9px" viewBox="0 0 ')


def test_marks_take_no_more_than_they_say():
    """By hand: one line of 1,000 points, two ticks, nothing else; a point is a letter and twice six signs."""
    with mpl.rc_context({"path.simplify": False}):
        figure = Figure(figsize=(4, 3))
        axes = figure.add_axes((0, 0, 1, 1))
        axes.set_axis_off()
        axes.plot(np.arange(1000), np.random.default_rng(3).random(1000))
        svg = inline_svg(figure, prefix="p", label="", size="")
    assert len(svg) < 1000 * (1 + 6 + 1 + 6) + 1000


@pytest.fixture(scope="module")
def of_many(tmp_path_factory):
    out = tmp_path_factory.mktemp("many")
    page = write_page(out, judged(rows_like_the_paper(3, MANY))).read_text(encoding="utf-8")
    return out, page


def marks_and_points(svg):
    """How many things are drawn, and points of paths in all."""
    points = sum(len(re.findall("[A-Z]", d)) for d in re.findall(r' d="([^"]*)"', svg))
    return len(re.findall("<(?:text|use|path|rect)", svg)), points


@pytest.mark.slow
def test_a_page_of_many_conditions_stays_small(of_many):
    """A mark takes its address and style, a point its coordinates, a letter itself; so do 30 conditions together."""
    out, page = of_many
    stills = re.findall(r'<svg role="img".*?</svg>', page)
    files = sorted((out / "figures").glob("*.svg"))
    assert len(stills) == len(files) == 3  # values, curves, matrices; no night changed anything
    for still in stills:
        marks, points = marks_and_points(still)
        images = sum(map(len, re.findall(r"data:image[^\"]*", still)))
        assert len(still) - images < 120 * marks + 15 * points
    in_page = sum(len(still.encode()) for still in stills)
    assert in_page < sum(path.stat().st_size for path in files) / 2
    assert in_page < 30 * 12_000  # a bar with seeds, a line with its interval in six panels, a matrix of 15 numbers
    (data,) = re.findall(r'<script type="application/json".*?</script>', page)
    assert len(data) < 30 * 10_000


@pytest.mark.parametrize(
    ("style", "written"),
    [
        ("fill: #123456; fill-opacity: 0.5", '<g style="fill:#123456;fill-opacity:0.5"><use x="1"/><use x="2"/></g>'),
        # Overlapping markers of a faint group would not darken each other.
        ("opacity: 0.5", '<use x="1" style="opacity:0.5"/><use x="2" style="opacity:0.5"/>'),
    ],
)
def test_markers_say_their_style_once_where_they_can_inherit_it(style, written):
    group = ElementTree.fromstring(f'<g><use x="1.000" style="{style}"/><use x="2.000" style="{style}"/></g>')
    assert _written(group, {}) == written


@pytest.mark.slow
def test_no_picture_of_a_figure_is_in_the_page_twice(of_many):
    """A heat map is one small image, not a picture of the whole panel."""
    _, page = of_many
    images = re.findall(r"data:image/png;base64,[^\"]*", page)
    assert len(images) == 30
    assert max(map(len, images)) < 1_000
