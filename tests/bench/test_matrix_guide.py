"""The guide's tables are those of the committed rows."""

import pandas as pd

from bench.matrix import GUIDE, PUBLISHED, with_block
from bench.matrix.learners import ENTRIES
from bench.matrix.streams import STREAMS


def test_the_guide_has_the_tables_of_the_committed_rows():
    rows = pd.read_parquet(PUBLISHED / "rows.parquet")
    text = GUIDE.read_text(encoding="utf-8")
    assert with_block(text, rows) == text
    assert set(rows["experiment"]) <= set(STREAMS)
    assert set(rows["condition"]) <= set(ENTRIES)
