"""No paper without a smoke test: its file here has the paper's name."""

from pathlib import Path

from oneiros.runs.catalogue import installed

HERE = Path(__file__).parent


def test_every_paper_has_its_file_here():
    papers = {name.partition("/")[0] for name in installed()}
    assert len(papers) >= 4
    missing = sorted(paper for paper in papers if not list(HERE.glob(f"test_{paper}*.py")))
    assert not missing, f"write {', '.join(f'tests/smoke/test_{paper}.py' for paper in missing)}, as the others are"
