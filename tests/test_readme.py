"""The README's example runs as printed, and its tables are those of the committed rows."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

README = Path(__file__).parents[1] / "README.md"


def examples() -> list[str]:
    return re.findall(r"```python\n(.*?)```", README.read_text(), flags=re.DOTALL)


@pytest.mark.parametrize(
    ("epochs", "least"), [("epochs=8", 0.85), pytest.param("epochs=15", 0.9, marks=pytest.mark.slow)]
)
def test_the_second_example_keeps_ten_classes_without_one_stored_example(capsys, epochs, least):
    """Never having slept it would end at a fifth: it would know the last two classes."""
    example = examples()[1]
    assert example.count("epochs=15") == 1  # as printed; half as long days do in a hurry
    exec(compile(example.replace("epochs=15", epochs), "README.md", "exec"), {})
    right, holds_raw = capsys.readouterr().out.split()
    assert float(right) >= least
    assert holds_raw == "False"
    assert len(examples()) == 2


def test_the_example_runs_and_the_network_sleeps(capsys):
    exec(compile(examples()[0], "README.md", "exec"), {})
    told = [line.split() for line in capsys.readouterr().out.splitlines()]
    assert [(kind, int(task)) for kind, task, _ in told] == [(k, t) for t in range(5) for k in ("dusk", "task_end")]
    before, after = (float(value) for _, _, value in told[-2:])
    assert after > before + 0.1, "the last night of the example should bring something back"


@pytest.mark.slow  # `.ci/run` asks the same of the tool itself
def test_its_tables_are_generated_from_the_committed_rows():
    answer = subprocess.run(
        [sys.executable, "-m", "bench", "results", "readme", "--check"], check=False, cwd=README.parent
    )
    assert answer.returncode == 0, "run `python -m bench results readme`"
