"""The table in the paper's README is what the committed rows say."""

from pathlib import Path

import pandas as pd

ROOT = Path(__file__).parents[2]
README = ROOT / "src" / "oneiros" / "papers" / "deperrois2022" / "README.md"
COLUMNS = {
    "separability_ridge": 100,
    "ridge_at_occlusion_60": 100,
    "separability_sgd": 100,
    "clean_covered_over_inter": 1,
    "clean_covered_over_inter_squared_train": 1,
    "intra_over_inter": 1,
}


def table(rows: pd.DataFrame) -> str:
    """Mean over seeds, and in brackets each seed's number, by condition and metric."""
    ended = rows[rows["phase"] == "end"].sort_values("seed")
    lines = [["condition", *(f"`{name}`" for name in COLUMNS)], ["---"] * (1 + len(COLUMNS))]
    for condition in ("pad", "without_rem", "without_nrem", "untrained"):
        line = [f"`{condition}`"]
        for metric, scale in COLUMNS.items():
            mine = ended[(ended["condition"] == condition) & (ended["metric"] == metric)]
            digits = 1 if scale == 100 else 3
            numbers = [f"{scale * value:.{digits}f}" for value in (mine["value"].mean(), *mine["value"])]
            line.append(f"{numbers[0]} ({', '.join(numbers[1:])})")
        lines.append(line)
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def test_the_table_is_generated_from_the_committed_rows():
    rows = pd.read_parquet(ROOT / "results" / "deperrois2022-cifar10-quick" / "rows.parquet")
    assert table(rows) in README.read_text(encoding="utf-8"), f"put this into {README.name}:\n{table(rows)}"
