"""Every Python block of the guides runs as printed, and what is generated in them is current."""

import json
import re
import runpy
from pathlib import Path

import pytest

from oneiros.adapters import requirements

ROOT = Path(__file__).parents[1]
GUIDES = ("quickstart.md", "add-a-phase.md")


def blocks(guide: str) -> list[str]:
    return re.findall(r"```python\n(.*?)```", (ROOT / "docs" / guide).read_text(encoding="utf-8"), flags=re.DOTALL)


def test_the_guides_have_the_examples_that_are_run_here():
    assert [len(blocks(guide)) for guide in GUIDES] == [4, 1]


def quickstart(shrink) -> None:
    """All of its blocks in one session; `shrink` may change their text first."""
    code = "\n".join(shrink(block) for block in blocks("quickstart.md"))
    exec(compile(code, "quickstart.md", "exec"), {})


def on_digits(block: str) -> str:
    """The same lessons on data that need no download: 64 pixels, fewer examples, so smaller batches and more epochs."""
    small = {'load("mnist")': 'load("digits")', "784": "64", "range(2)": "range(4)", "split(64)": "split(16)"}
    for said, instead in small.items():
        block = block.replace(said, instead)
    return block


def test_the_quickstart_runs_and_its_second_loop_remembers(capsys):
    import torch

    torch.manual_seed(0)
    quickstart(on_digits)
    plain, sleeping, kept, *rest = capsys.readouterr().out.splitlines()
    assert float(plain) < 0.21
    assert float(sleeping) > 0.6
    assert kept.endswith("False")
    assert [line.split(" bytes")[0][:5] for line in rest[:2]] == ["day 0", "day 1"]
    assert float(rest[2]) > 0.9


def test_the_lives_of_many_runs_are_lived_side_by_side(capsys):
    (block,) = blocks("many-runs.md")
    exec(compile(block, "many-runs.md", "exec"), {})
    told = capsys.readouterr().out.splitlines()
    assert sorted(told) == [f"life {life} has lived task {task}" for life in range(3) for task in range(2)]


@pytest.mark.slow
def test_the_quickstart_as_printed_goes_from_a_fifth_to_nine_tenths(capsys):
    import torch

    from oneiros.data import DataError, load

    try:
        load("mnist", download=False)
    except DataError as missing:
        pytest.skip(f"MNIST is not here: {missing}")
    torch.manual_seed(0)
    quickstart(str)
    plain, sleeping, kept, *_ = capsys.readouterr().out.splitlines()
    assert float(plain) < 0.21
    assert float(sleeping) >= 0.9
    assert kept.endswith("False")


def test_add_a_phase_runs():
    exec(compile(blocks("add-a-phase.md")[0], "add-a-phase.md", "exec"), {})


def test_the_table_of_requirements_is_what_the_mechanisms_say():
    assert requirements() in (ROOT / "docs" / "concepts.md").read_text(encoding="utf-8")


def test_guides_say_what_contributing_says():
    text = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
    steps = [line for line in text.splitlines() if re.match(r"\d\. \*\*", line)]
    assert len(steps) == 10
    guides = "".join(
        (ROOT / "docs" / name).read_text(encoding="utf-8") for name in ("add-a-phase.md", "add-a-paper.md")
    )
    assert all(step in guides for step in steps)


def test_every_page_is_in_the_sites_index():
    pages = {path.name for path in (ROOT / "docs").glob("*.md")}
    assert len(pages) >= 11
    listed = set(re.findall(r"[\w-]+\.md", (ROOT / "mkdocs.yml").read_text(encoding="utf-8")))
    assert pages == listed


tool = runpy.run_path(str(ROOT / "tools" / "compatibility.py"))
CELLS = tool["cells_of"]((ROOT / "docs" / "compatibility.md").read_text(encoding="utf-8"))
every_cell = pytest.mark.parametrize("cell", CELLS, ids=[f"{c['mechanism']} {c['net']}" for c in CELLS])


def test_the_matrix_is_whole_and_its_table_is_generated_from_its_cells():
    assert [(c["mechanism"], c["net"]) for c in CELLS] == [(m, n) for m in tool["MECHANISMS"] for n in tool["NETS"]]
    assert tool["page"](CELLS) in (ROOT / "docs" / "compatibility.md").read_text(encoding="utf-8")


@every_cell
def test_a_cell_refuses_in_these_words_or_lives_a_day_and_a_night(cell):
    assert tool["refusal"](cell["mechanism"], cell["net"]) == cell.get("refuses", "")


@pytest.mark.slow
@every_cell
def test_a_cell_still_says_what_was_measured(cell):
    """Floating point differs between machines, and a life amplifies it: 10 points either way, the verdict the same."""
    again = json.loads(json.dumps(tool["measure"](cell["mechanism"], cell["net"], range(cell.get("seeds", 0)))))
    for value in ("with", "without"):
        assert again.get(value, 0.0) == pytest.approx(cell.get(value, 0.0), abs=0.1)
    assert tool["verdict"](again).split(":")[0] == tool["verdict"](cell).split(":")[0]
