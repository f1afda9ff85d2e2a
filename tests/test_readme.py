"""The README's four lines do what they say, and its tables are those of the committed rows."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

README = Path(__file__).parents[1] / "README.md"


def examples() -> list[str]:
    return re.findall(r"```python\n(.*?)```", README.read_text(), flags=re.DOTALL)


def test_the_four_lines_learn_and_answer_with_what_has_been_consolidated():
    """Two days of one class each: a network that goes on learning would know the second class only."""
    import torch

    (block,) = examples()
    torch.manual_seed(0)
    x = torch.rand(60, 6)
    y = torch.arange(2).repeat_interleave(30)
    x[:, 0] += 3.0 * y
    net = torch.nn.Sequential(torch.nn.Linear(6, 8), torch.nn.ReLU(), torch.nn.Linear(8, 2))
    first, loss, night, answer = (line for line in block.splitlines() if line and "import" not in line)
    names: dict = {"net": net}
    exec(f"from oneiros.sleeper import Sleeper\n{first}", names)
    for day in range(2):
        exec(f"{loss}\nloss.backward()\n{night}", names | {"x": x[y == day], "y": y[y == day]})
    names["x"] = x
    exec(answer, names)
    assert (names["labels"] == y).double().mean() > 0.9


def test_it_is_short_enough_to_be_read():
    assert len(README.read_text(encoding="utf-8").splitlines()) <= 150


@pytest.mark.slow  # `.ci/run` asks the same of the tool itself
def test_its_tables_are_generated_from_the_committed_rows():
    answer = subprocess.run(
        [sys.executable, "-m", "bench", "results", "readme", "--check"], check=False, cwd=README.parent
    )
    assert answer.returncode == 0, "run `python -m bench results readme`"
