"""The numbers in docs/what-sleep-does.md are those of the rows in results/."""

import re
from pathlib import Path

import pandas as pd
import pytest

from oneiros.papers.kubo2025.controls import CONTROLS

ROOT = Path(__file__).parents[1]


def test_the_page_tells_the_rows():
    rows = pd.read_parquet(ROOT / "results" / "kubo2025-controls" / "rows.parquet")
    last = rows[(rows["day"] == 4) & (rows["phase"] == "end") & (rows["metric"] == "accuracy_seen")]
    reached = last.pivot(index="seed", columns="condition", values="value") * 100
    assert len(reached) == 12
    page = (ROOT / "docs" / "what-sleep-does.md").read_text()
    told = dict(re.findall(r"^\| `(\w+)` \| [^|]* \| ([\d.]+) \[", page, re.MULTILINE))
    assert set(told) == set(CONTROLS)
    for name, mean in told.items():
        assert float(mean) == pytest.approx(reached[name].mean(), abs=0.005 + 1e-9)
    differences = dict(re.findall(r"^\| `(\w+)` \| [^|]* \| [^|]* \| ([+-][\d.]+) \[", page, re.MULTILINE))
    assert set(differences) == set(CONTROLS) - {"src"}
    for name, mean in differences.items():
        assert float(mean) == pytest.approx((reached[name] - reached["src"]).mean(), abs=0.005 + 1e-9)
