"""The page: parses, fetches nothing, escapes everything, and says every verdict."""

import dataclasses
import json
import re
from html.parser import HTMLParser

import numpy as np
import pandas as pd
import pytest
from matplotlib.figure import Figure

from oneiros.report import (
    accuracy_over_tasks,
    confusions,
    judged,
    read_findings,
    to_html,
    to_markdown,
    to_svg,
    write_page,
    write_report,
)
from oneiros.report.figures import LABEL_GAP, _spread, write_below
from oneiros.report.provenance import settings_table
from oneiros.runs.drawing import Drawing
from oneiros.runs.store import Manifest, Row, RunFolder

from .folders import dreaming, replay, spoiled
from .synthetic import manifests, rows_like_the_paper


def draw_means(rows):
    figure = Figure(figsize=(2, 2))
    figure.add_subplot().plot(rows[rows["metric"] == "accuracy_seen"].groupby("day")["value"].mean())
    return figure


MEAN_AS_DRAWN = Drawing(name="figure-2", title="Figure 2: means", alt="A falling line", draw=draw_means)
FAILS = Drawing(name="fails", title="A figure that fails", alt="", draw=lambda rows: rows["loss"])

VOID = {"meta", "link", "br", "img", "hr", "input", "path", "use", "rect", "circle", "image"}
VERDICTS = ("reproduced", "not reproduced", "better", "undecided", "holds")


class Checked(HTMLParser):
    """Fails on a tag that is closed out of turn; keeps what tests ask for."""

    def __init__(self):
        super().__init__()
        self.open, self.seen, self.ids, self.fetched, self.headings = [], [], [], [], []

    def handle_starttag(self, tag, attributes):
        self.handle_startendtag(tag, attributes)
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag, attributes):
        self.seen.append(tag)
        self.ids += [value for name, value in attributes if name == "id"]
        self.fetched += [value for name, value in attributes if name in ("src", "href", "xlink:href", "srcset", "data")]
        if re.fullmatch(r"h[1-6]", tag):
            self.headings.append(int(tag[1]))

    def handle_endtag(self, tag):
        if tag not in VOID:
            assert self.open.pop() == tag


def parse(page):
    checked = Checked()
    checked.feed(page)
    checked.close()
    assert checked.open == []
    return checked


def without_library(page):
    """The page without the charts library, whose code mentions addresses that it never asks for."""
    before, _, rest = page.partition("<script>")
    return before + rest.partition("</script>")[2]


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    out = tmp_path_factory.mktemp("out")
    rows = rows_like_the_paper()
    demo = rows_like_the_paper(2, {"sequential": (25.0, 2.0), "src": (55.0, 5.0)}, experiment=("demo", "digits"))
    both = pd.concat([rows, demo], ignore_index=True)
    write_page(out, judged(both, manifests(both), problems=["run src-7: rows.parquet is damaged"]))
    return out


@pytest.fixture(scope="module")
def page(folder):
    return (folder / "index.html").read_text(encoding="utf-8")


def test_parses_with_unique_ids_and_headings_in_order(page):
    checked = parse(page)
    assert len(checked.ids) == len(set(checked.ids))
    assert checked.headings[0] == 1
    assert checked.headings.count(1) == 1
    assert all(later <= earlier + 1 for earlier, later in zip(checked.headings, checked.headings[1:], strict=False))


def test_fetches_nothing(page):
    assert all(link.startswith(("#", "data:")) for link in parse(page).fetched)
    assert re.findall(r"url\((?!#)|@import", without_library(page)) == []


def test_references_inside_the_page_exist(page):
    ids = set(parse(page).ids)
    references = re.findall(r'(?:href="|url\()#([^")]+)', page)
    assert len(references) > 100
    assert set(references) <= ids


def test_counts_figures(page, folder):
    names = sorted(path.stem for path in (folder / "figures").glob("*.svg"))
    # Each: values, days, curves, matrices; confusion pairs of four of five sleeping conditions, and of one.
    assert len(names) == 4 + 4 + 4 + 1
    assert page.count('<div class="card"') == len(names)
    assert parse(page).seen.count("figure") == 2 * 4
    assert sorted(path.stem for path in (folder / "figures").glob("*.png")) == names


@pytest.mark.parametrize("verdict", VERDICTS)
def test_says_every_verdict(page, verdict):
    assert f'<td class="verdict {verdict.replace(" ", "-")}"><span>{verdict}</span></td>' in page


def test_names_problems_settings_and_data(page):
    for text in ("run src-7: rows.parquet is damaged", "config.wake.rate", "sha256:abab", "0123abcd", "kubo2025/mnist"):
        assert text in page


def test_an_experiment_without_targets_is_measured_only(page):
    demo = page[page.index('<section id="demo-digits"') :]
    assert "<h3>Measured</h3>" in demo
    assert 'class="verdict' not in demo


def test_tables_are_written_in_four_forms(folder):
    names = {path.name for path in (folder / "tables").iterdir()}
    for table in ("results", "claims", "seeds", "forgetting", "costs", "what-was-run"):
        assert {f"kubo2025-mnist-{table}.{kind}" for kind in ("md", "html", "tex", "parquet")} <= names
    table = pd.read_parquet(folder / "tables" / "kubo2025-mnist-results.parquet")
    assert to_markdown(table) + "\n" == (folder / "tables" / "kubo2025-mnist-results.md").read_text()
    raw = pd.read_parquet(folder / "tables" / "kubo2025-mnist-targets-verdicts.parquet")
    assert raw["mean"].dropna().round(3).tolist() == [25.0, 62.0, 64.0, 52.0, 68.5, 90.3]


def test_escapes_names_from_data(tmp_path):
    evil = "<script>alert('$x_1$')</script> & co"
    rows = rows_like_the_paper(2, {"sequential": (20.0, 1.0), evil: (50.0, 1.0)}, experiment=("<b>", 'a"b'))
    write_page(tmp_path, judged(rows, [{"paper": "<b>", "experiment": 'a"b', "note": "<i>"}], problems=["<u>"]))
    page = (tmp_path / "index.html").read_text(encoding="utf-8")
    seen = parse(page).seen
    assert not set(seen) & {"b", "i", "u"}
    assert seen.count("script") == 3  # data, library, page.js
    assert "&lt;script&gt;alert" in page


def test_a_single_day_and_seed_still_make_a_page(tmp_path):
    rows = rows_like_the_paper(1, {"parallel": (90.0, 0.0)})
    page = write_page(tmp_path, judged(rows)).read_text(encoding="utf-8")
    assert parse(page).seen.count("figure") == 1
    assert "These rows came without manifests." in page


def test_a_folder_of_results_is_reported_in_place(tmp_path):
    """One finished run with its manifest, one that never finished: the first is shown, the second named."""
    address = {"paper": "kubo2025", "experiment": "mnist", "condition": "parallel"}
    shared = {"scale": "paper", "config": {"wake": {"rate": 0.423}}, "device": "cpu"}
    for seed in (0, 1):
        with RunFolder.open(tmp_path, Manifest(**address, **shared, seed=seed)) as run:
            where = {"order": "01", "day": 0, "task": 0, "phase": "end", "metric": "accuracy_seen"}
            run.add([Row(**address, seed=seed, **where, value=0.9)])
            if seed == 0:
                run.seal()
    assert write_report(tmp_path) == tmp_path / "index.html"
    page = (tmp_path / "index.html").read_text(encoding="utf-8")
    assert "config.wake.rate" in page
    assert "seed-1" in page
    assert "is not finished; left out" in page


@pytest.fixture(scope="module")
def spoiled_folder(tmp_path_factory):
    out = tmp_path_factory.mktemp("spoiled")
    replay(out, seeds=2)
    spoiled(out)
    return out


def test_damage_half_runs_and_another_code_are_named_and_left_out(spoiled_folder):
    findings = read_findings(spoiled_folder)
    assert set(findings.rows["condition"]) == {"generative"}
    drawings = {"synthetic/replay": (MEAN_AS_DRAWN, FAILS)}
    page = write_page(spoiled_folder, findings, drawings).read_text(encoding="utf-8")
    top = page[: page.index("<main")]
    for text in (
        "edited/seed-0-",
        "rows.jsonl was changed after the run was sealed",
        "half/seed-0-",
        "is not finished; left out",
        "2 versions of the code",
        "0.0.1+older (1 run)",
        "A figure that fails cannot be drawn (KeyError(&#x27;loss&#x27;))",
    ):
        assert text in top, text
    assert str(spoiled_folder) not in page
    parse(page)


def test_a_papers_own_figure_is_drawn_and_written(spoiled_folder):
    earlier = dataclasses.replace(MEAN_AS_DRAWN, name="figure-9")
    write_page(spoiled_folder, read_findings(spoiled_folder), {"synthetic/replay": (earlier,)})
    stale = spoiled_folder / "figures" / "synthetic-replay-figure-9.svg"
    assert stale.exists()
    write_page(spoiled_folder, read_findings(spoiled_folder), {"synthetic/replay": (MEAN_AS_DRAWN,)})
    assert not stale.exists()
    page = (spoiled_folder / "index.html").read_text(encoding="utf-8")
    assert "<figcaption><strong>Figure 2: means</strong></figcaption>" in page
    assert {"synthetic-replay-figure-2.svg", "synthetic-replay-figure-2.png"} <= {
        path.name for path in (spoiled_folder / "figures").iterdir()
    }


def test_what_stands_in_is_said_wherever_the_experiment_is_named(tmp_path):
    address = {"paper": "p", "experiment": "e", "condition": "c", "seed": 0}
    manifest = Manifest(**address, scale="quick", config={}, device="cpu")
    with RunFolder.open(tmp_path, manifest) as folder:
        folder.describe_data({"images": "ab"}, "replica: a small <network>")
        where = {"order": "01", "day": 0, "task": 0, "phase": "end", "metric": "accuracy_seen"}
        folder.add([Row(**address, **where, value=0.5)])
        folder.seal()
    page = write_report(tmp_path).read_text(encoding="utf-8")
    assert '<h2 id="p-e-title">p/e (replica)</h2>' in page
    assert "<strong>Replica: a small &lt;network&gt;.</strong>" in page
    assert "finished runs of p/e (replica)." in page
    assert "after the last night (replica)</caption>" in page
    text = (tmp_path / "tables" / "p-e-measured.tex").read_text()
    assert "(replica)" in text
    figure = Figure()
    figure.supxlabel("tasks")
    write_below(figure, "replica: a small network")
    write_below(figure, "replica: a small network")
    assert figure.get_supxlabel() == "tasks\nreplica: a small network"


def test_an_experiment_without_accuracies_has_its_own_metrics_curves_and_costs(tmp_path):
    dreaming(tmp_path, seeds=1)
    page = write_report(tmp_path).read_text(encoding="utf-8")
    parse(page)
    table = pd.read_parquet(tmp_path / "tables" / "synthetic-dreaming-measured.parquet")
    assert table.columns.tolist() == ["condition", "distance ratio", "readout accuracy (%)", "seeds"]
    assert table["distance ratio"].tolist() == ["0.6", "0.7", "0.8"]
    costs = pd.read_parquet(tmp_path / "tables" / "synthetic-dreaming-costs.parquet")
    assert costs["generator parameters"].tolist() == ["1,000,000"] * 3
    titles = [curve["title"] for curve in data_of(page, "synthetic-dreaming")["curves"]]
    assert titles == ["readout accuracy (%)", "nrem/loss", "rem/loss"]


def test_the_page_is_the_same_for_the_same_rows(tmp_path):
    rows = rows_like_the_paper(2, {"parallel": (50.0, 1.0)})
    pages = [write_page(tmp_path / name, judged(rows)).read_bytes() for name in "ab"]
    assert pages[0] == pages[1]


def test_what_the_figures_are_drawn_from_is_what_the_table_says(page):
    data = data_of(page, "kubo2025-mnist")
    (final,) = data["finals"]
    src = next(line for line in final["lines"] if line["condition"] == "src")
    assert (src["mean"], src["n"], src["verdict"], src["target"], src["lower"]) == (62, 6, "undecided", 64.68, 58.68)
    assert [seed for seed, _ in src["values"]] == list(range(6))
    days = next(curve for curve in data["curves"] if curve["title"] == "accuracy seen (%)")
    assert days["series"]["src"][-1][1] == 62


def data_of(page, slug):
    return json.loads(re.search(rf'id="data-{slug}">(.*?)</script>', page)[1])


def test_no_rows_still_make_a_page(tmp_path):
    page = write_page(tmp_path, judged(rows_like_the_paper().iloc[:0], problems=["all runs are damaged"])).read_text()
    parse(page)
    assert "all runs are damaged" in page


def test_svg_is_the_same_every_time():
    rows = rows_like_the_paper(3)
    first, second = (to_svg(accuracy_over_tasks(rows)) for _ in range(2))
    assert first == second
    assert first.startswith("<svg")
    assert "<dc:date>" not in first


def test_no_confusion_figure_where_no_night_changed_anything():
    rows = rows_like_the_paper(2)
    assert confusions(rows, "sequential") is None
    assert confusions(rows, "parallel") is None
    assert confusions(rows, "src") is not None


def test_labels_keep_their_distance_and_order():
    placed = _spread(np.array([99.0, 98.5, 20.0, 98.9]))
    assert placed.max() <= 100
    assert np.diff(np.sort(placed)).min() >= LABEL_GAP - 1e-9
    assert placed.argsort().tolist() == [2, 1, 3, 0]


def test_markdown_by_hand():
    frame = pd.DataFrame({"condition": ["a|b", "<i>"], "verdict": ["reproduced", "not\nrun"]})
    assert to_markdown(frame).splitlines() == [
        "| condition | verdict |",
        "| --- | --- |",
        "| a\\|b | reproduced |",
        "| &lt;i> | not run |",
    ]


def test_html_table_is_accessible():
    table = to_html(pd.DataFrame({"condition": ["src"], "verdict": ["not reproduced"]}), "A & B")
    for part in ("<caption>A &amp; B</caption>", '<th scope="col">condition</th>', '<th scope="row">src</th>'):
        assert part in table
    assert '<td class="verdict not-reproduced"><span>not reproduced</span></td>' in table


def test_settings_that_differ_are_counted():
    runs = [{"seed": seed, "config": {"rate": 0.1 if seed < 5 else 0.2}, "data": {}} for seed in range(8)]
    table = settings_table(runs).set_index("setting")["value"]
    assert table["seed"] == "0 to 7 (8 runs)"
    assert table["config.rate"] == "0.1 (5 runs), 0.2 (3 runs)"
    assert table["data"] == "{}"
