"""Every Python block of the guides runs as printed, and what is generated in them is current."""

import importlib.util
import json
import os
import re
import runpy
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from bench import pages
from oneiros.core import Seeds

ROOT = Path(__file__).parents[1]
GUIDES = {
    "quickstart.md": 6,
    "concepts.md": 1,
    "add-a-phase.md": 3,
    "add-a-paper.md": 1,
    "many-runs.md": 1,
    "index.md": 1,
    "use-the-parts.md": 2,
    "your-network.md": 3,
    "tutorial.md": 7,
}


def blocks(guide: str, kind: str = "python") -> list[str]:
    return re.findall(rf"```{kind}\n(.*?)```", (ROOT / "docs" / guide).read_text(encoding="utf-8"), flags=re.DOTALL)


def test_the_guides_have_the_examples_that_are_run_here():
    found = {page.name: len(blocks(page.name)) for page in (ROOT / "docs").glob("*.md")}
    assert {name: count for name, count in found.items() if count} == GUIDES
    assert len(blocks("quickstart.md", "python avalanche")) == 1


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


def test_the_quickstart_runs_and_its_second_loop_remembers(capsys, tmp_path, monkeypatch):
    import torch

    monkeypatch.chdir(tmp_path)
    torch.manual_seed(0)
    quickstart(on_digits)
    plain, sleeping, kept, choice, chosen, *rest = capsys.readouterr().out.splitlines()
    assert float(plain) < 0.21
    assert float(sleeping) > 0.6
    assert "right about" in choice
    assert float(chosen) > 0.9
    assert kept.endswith("False")
    assert [line[:5] for line in rest[:3]] == ["day 0", "day 1", "day 2"]
    assert rest[2].endswith("nights so far: 3")
    assert float(rest[3]) > 0.9


@pytest.mark.parametrize(
    ("epochs", "least"), [("epochs=8", 0.85), pytest.param("epochs=15", 0.9, marks=pytest.mark.slow)]
)
def test_the_parts_of_a_scholar_keep_ten_classes_without_one_stored_example(capsys, epochs, least):
    """Never having slept it would end at a fifth: it would know the last two classes."""
    example = blocks("use-the-parts.md")[1]
    assert example.count("epochs=15") == 1  # as printed; half as long days do in a hurry
    exec(compile(example.replace("epochs=15", epochs), "use-the-parts.md", "exec"), {})
    right, holds_raw = capsys.readouterr().out.split()
    assert float(right) >= least
    assert holds_raw == "False"


def test_the_parts_of_a_sleeping_network_bring_something_back_in_the_last_night(capsys):
    exec(compile(blocks("use-the-parts.md")[0], "use-the-parts.md", "exec"), {})
    told = [line.split() for line in capsys.readouterr().out.splitlines()]
    assert [(kind, int(task)) for kind, task, _ in told] == [(k, t) for t in range(5) for k in ("dusk", "task_end")]
    before, after = (float(value) for _, _, value in told[-2:])
    assert after > before + 0.1


def test_the_blocks_about_ones_own_network_run_in_one_session(capsys):
    import torch

    torch.manual_seed(0)
    exec(compile("\n".join(blocks("your-network.md")), "your-network.md", "exec"), {})
    told = capsys.readouterr().out.splitlines()
    assert [line[:11] for line in told[:2]] == ["after day 0", "after day 1"]
    assert float(told[0].split()[-1]) <= 0.5  # of the classes that have come
    assert float(told[1].split()[-1]) > 0.9
    assert len(told) == 3


def test_the_first_page_shows_the_readmes_four_lines():
    (shown,) = blocks("index.md")
    assert shown in (ROOT / "README.md").read_text(encoding="utf-8")


def test_the_lives_of_many_runs_are_lived_side_by_side(capsys):
    (block,) = blocks("many-runs.md")
    exec(compile(block, "many-runs.md", "exec"), {})
    told = capsys.readouterr().out.splitlines()
    assert sorted(told) == [f"life {life} has lived task {task}" for life in range(3) for task in range(2)]


@pytest.mark.slow
def test_the_quickstart_as_printed_goes_from_a_fifth_to_nine_tenths(capsys, tmp_path, monkeypatch):
    import torch

    from oneiros.data import DataError, load

    try:
        load("mnist", download=False)
    except DataError as missing:
        pytest.skip(f"MNIST is not here: {missing}")
    monkeypatch.chdir(tmp_path)
    torch.manual_seed(0)
    quickstart(str)
    plain, sleeping, kept, *_ = capsys.readouterr().out.splitlines()
    assert float(plain) < 0.21
    assert float(sleeping) >= 0.9
    assert kept.endswith("False")


@pytest.mark.slow
def test_avalanches_block_remembers_the_earlier_experiences(tmp_path):
    """Without nights it would end at a fifth."""
    if importlib.util.find_spec("avalanche") is None:
        pytest.skip("avalanche-lib is not installed")
    if not (Path(os.environ.get("ONEIROS_DATA", "")) / "MNIST" / "raw").is_dir():
        pytest.skip("MNIST is not in $ONEIROS_DATA")
    # In a process of its own: Avalanche takes a while to import, and brings warnings of its own.
    unpack = f"import sys, pathlib; sys.path.insert(0, {str(ROOT)!r})\n"
    unpack += f"from bench.avalanche_split_mnist import unpack; unpack(pathlib.Path({str(tmp_path)!r}))\n"
    (code,) = blocks("quickstart.md", "python avalanche")
    code = unpack + code.replace("seed=0)", f"seed=0, dataset_root={str(tmp_path)!r})")
    told = subprocess.run([sys.executable, "-W", "ignore", "-c", code], capture_output=True, text=True, check=True)
    (right,) = re.findall(r"'Top1_Acc_Stream/[^']*': ([\d.]+)", told.stdout)
    assert float(right) > 0.8


def test_a_life_of_concepts_remembers_every_day(capsys):
    exec(compile(blocks("concepts.md")[0], "concepts.md", "exec"), {})
    right = [float(line.split()[2]) for line in capsys.readouterr().out.splitlines()]
    assert len(right) == 5
    assert right[-1] > 0.6  # without nights a fifth


@pytest.mark.parametrize("guide", ["add-a-phase.md", "add-a-paper.md"])
def test_what_is_added_runs(guide, capsys, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    exec(compile("\n".join(blocks(guide)), guide, "exec"), {"__name__": "a_guide"})
    assert capsys.readouterr().out


def test_what_is_made_from_the_code_is_current():
    assert len(pages.PARTS) == 1
    assert not pages.outdated(), "run `python -m bench pages`"


def test_guides_say_what_contributing_says():
    text = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
    steps = [line for line in text.splitlines() if re.match(r"\d\. \*\*", line)]
    assert len(steps) == 13
    guides = "".join(
        (ROOT / "docs" / name).read_text(encoding="utf-8") for name in ("add-a-phase.md", "add-a-paper.md")
    )
    assert all(step in guides for step in steps)


def test_every_page_is_in_the_sites_index():
    there = {str(path.relative_to(ROOT / "docs")) for path in (ROOT / "docs").rglob("*.md")}
    assert len(there) >= 20
    listed = set(re.findall(r"[\w/-]+\.md", (ROOT / "mkdocs.yml").read_text(encoding="utf-8")))
    assert there == listed


def test_every_public_name_is_on_the_page_of_its_room():
    """The pages are generated from the names, so a name that is missing makes them stale (above)."""
    shown = "".join(pages.api().values())
    assert shown.count(":::") > 200
    assert all(f"::: oneiros.{name}\n" in shown for name in ("phases.Nrem", "sleeper.Sleeper", "memory.Moments"))


WORDS = ("DataLoader", "Hugging Face", "Lightning", "Mixed precision", "Class weights", "CPU-only", "photographs")


@pytest.mark.parametrize("word", WORDS)
def test_a_heading_has_the_words_that_people_search_for(word):
    texts = [page.read_text(encoding="utf-8") for page in (ROOT / "docs").glob("*.md")]
    headings = [line for text in texts for line in text.splitlines() if line.startswith("#")]
    assert [line for line in headings if word.lower() in line.lower()]


def photographs(root: Path) -> None:
    """Three months of two classes, the third month's first class having come before; a class is a colour."""
    rng = np.random.default_rng(0)
    for month, classes in (("2026-01", "ab"), ("2026-02", "cd"), ("2026-03", "ae")):
        for name in classes:
            folder = root / "photos" / month / name
            folder.mkdir(parents=True)
            colour = np.random.default_rng(ord(name)).integers(0, 128, (1, 1, 3))
            for number in range(10):
                grain = rng.integers(0, 128, (50, 40, 3))
                Image.fromarray((colour + grain).astype(np.uint8)).save(folder / f"{number}.jpg")
    (root / "photos" / ".hidden").write_text("not a month")


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_the_tutorial_keeps_no_photograph_and_remembers_every_month(tmp_path, monkeypatch, capsys):
    """As printed, but for the published weights and the photographs' size: colours survive a random network."""
    photographs(tmp_path)
    monkeypatch.chdir(tmp_path)
    code = "\n".join(blocks("tutorial.md"))
    small = {"DEFAULT.transforms()": "DEFAULT.transforms(crop_size=32, resize_size=32)", 'weights="DEFAULT"': ""}
    for said, instead in small.items():
        assert code.count(said) == 1
        code = code.replace(said, instead)
    with Seeds(0).building("tutorial"):
        exec(compile(code, "tutorial.md", "exec"), names := {})
    *months, _, _, moments, beside, total, forgotten, model = capsys.readouterr().out.splitlines()
    assert [line.split()[0] for line in months] == ["2026-01:", "2026-02:", "2026-03:"]
    with_nights, without = ([float(line.split()[place].strip(",")) for line in months] for place in (1, -1))
    assert min(with_nights) > 0.9
    assert without[-1] < with_nights[-1] - 0.2
    assert names["names"] == ["a", "b", "c", "d", "e"]
    assert moments.startswith("| moments |")
    assert beside.startswith("| weights beside the network |")
    assert sum(int(each.split(": ")[1]) for each in moments.split("|")[3].split(",")) == 6 * 8  # a fifth is set apart
    assert total.endswith("photographs among them: False")
    assert "label=0, memory=False" in forgotten
    assert model.split()[0] == "Sequential"


tool = runpy.run_path(str(ROOT / "bench" / "compatibility.py"))
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
