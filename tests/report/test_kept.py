"""A report drawn before is taken over where nothing changed that it depends on, and nowhere else."""

import json

import pandas as pd
import pytest

from oneiros.report import figures, judged, kept, write_page

from .synthetic import rows_like_the_paper

PRINTED = 200  # dots an inch


def two(first: float = 0.5):
    """Findings of two experiments whose names begin alike; the first one's accuracies are `first`."""
    one = rows_like_the_paper(2, {"parallel": (100 * first, 1.0)})
    other = rows_like_the_paper(2, {"parallel": (60.0, 1.0)}).assign(experiment="mnist-more")
    return judged(pd.concat([one, other], ignore_index=True))


@pytest.fixture
def drawn(monkeypatch):
    """Names of the sections that were drawn, in order; what is drawn is small, and says what rows it is of."""
    names = []

    def draw(section):
        names.append(section.slug)
        said = f"{section.slug} {section.experiment.rows['value'].sum()}"
        for name in ("figures/{}-final.svg", "tables/{}-seeds.md"):
            (section.out / name.format(section.slug)).write_text(said)
        return f"<section>{said}</section>"

    monkeypatch.setattr(kept, "section_html", draw)
    return names


def files(out):
    return {path.relative_to(out).as_posix(): path.read_bytes() for path in out.rglob("*") if path.is_file()}


@pytest.fixture
def reported(tmp_path, drawn):
    """A folder with a report of two experiments."""
    write_page(tmp_path, two())
    assert drawn == ["kubo2025-mnist", "kubo2025-mnist-more"]
    drawn.clear()
    return tmp_path


def test_nothing_is_drawn_again_and_the_report_is_the_same(reported, drawn):
    before = files(reported)
    assert sum(name.startswith(("figures/", "tables/")) for name in before) == 4
    write_page(reported, two())
    assert drawn == []
    assert files(reported) == before


def test_what_changed_is_drawn_and_the_rest_stays(reported, drawn):
    before = files(reported)
    write_page(reported, two(first=0.4))
    assert drawn == ["kubo2025-mnist"]
    after = files(reported)
    moved = {name for name in before if before[name] != after[name]}
    assert {name for name in moved if "mnist-more" in name} == set()
    assert any(name.startswith("figures/kubo2025-mnist-") for name in moved)


@pytest.mark.parametrize("which", ["figures/kubo2025-mnist-final.svg", ".sections/kubo2025-mnist.json"])
@pytest.mark.parametrize("spoil", [lambda path: path.unlink(), lambda path: path.write_text("{}")])
def test_what_was_removed_or_edited_is_drawn_anew(reported, drawn, which, spoil):
    before = files(reported)
    spoil(reported / next(name for name in sorted(before) if name.startswith(which)))
    write_page(reported, two())
    assert drawn == ["kubo2025-mnist"]
    assert files(reported) == before


def test_other_code_draws_everything_anew(reported, drawn, monkeypatch):
    monkeypatch.setattr(kept, "code_version", lambda: "2.0+other")
    write_page(reported, two())
    assert len(drawn) == 2


@pytest.mark.parametrize("name", ["../secret", "figures/../../secret", "runs/kubo2025-mnist-x", "figures/other-x.svg"])
def test_a_list_that_names_other_files_takes_none_of_them(reported, drawn, name):
    place = reported / ".sections" / "kubo2025-mnist.json"
    said = json.loads(place.read_text())
    said["files"][name] = "0" * 64
    place.write_text(json.dumps(said))
    write_page(reported, two())
    assert drawn == ["kubo2025-mnist"]


def test_several_processes_draw_the_same_and_it_is_kept_like_the_rest(tmp_path, monkeypatch):
    monkeypatch.setattr(figures, "DPI", PRINTED)  # which the tests have made smaller, in this process only
    for workers in (1, 2):
        write_page(tmp_path / str(workers), two(), workers=workers)
    assert files(tmp_path / "1") == files(tmp_path / "2")
