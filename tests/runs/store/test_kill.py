"""`kill -9` at any moment, then the same command: byte for byte the rows of the life nobody disturbed.

The life is a toy, so that a failure here is the run folder's and no paper's.
"""

import os
import random
import shlex
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from oneiros.runs.store import read_runs

pytestmark = pytest.mark.skipif(not hasattr(os, "fork"), reason="this system neither forks nor kills")

MOMENTS = {"rows on the disk, their checkpoint not yet": "commit", "sealed, its rows not yet moved up": "settle"}


class Server:
    """The other end of `toy_life.serve`."""

    def __init__(self, process: subprocess.Popen) -> None:
        self.process = process

    def start(self, *arguments: str) -> int:
        """Begin a life; its process id."""
        assert self.process.stdin is not None
        self.process.stdin.write(shlex.join(arguments) + "\n")
        self.process.stdin.flush()
        return self.hear()

    def hear(self) -> int:
        assert self.process.stdout is not None
        return int(self.process.stdout.readline())

    def live(self, *arguments: str) -> int:
        """A life to its end; its exit code."""
        self.start(*arguments)
        return self.hear()


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    script = Path(__file__).with_name("toy_life.py")
    with subprocess.Popen(
        [sys.executable, str(script)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        yield Server(process)


@pytest.fixture(scope="module")
def undisturbed(server, tmp_path_factory) -> bytes:
    out = tmp_path_factory.mktemp("undisturbed")
    assert server.live(str(out)) == 0
    rows = rows_of(out)
    assert rows.count(b"\n") == 12 * 3
    return rows


def rows_of(out: Path) -> bytes:
    (run,) = read_runs(out)
    assert (run.state, run.problem) == ("finished", "")
    kept = {path.name for path in run.path.iterdir() if not path.name.startswith(".claim-")}
    assert kept <= {"manifest.json", "rows.jsonl", "done.json", ".lock"}
    return (run.path / "rows.jsonl").read_bytes()


@pytest.mark.slow
def test_five_kills_at_random_moments(tmp_path, server, undisturbed):
    moments = random.Random(0)
    for part in range(1, 6):
        pid = server.start(str(tmp_path))
        while sum(path.stat().st_size for path in tmp_path.rglob("rows.jsonl")) < len(undisturbed) * part / 12:
            time.sleep(0.001)
        time.sleep(moments.uniform(0, 0.01))  # now it may be learning, adding rows, or writing a checkpoint
        os.kill(pid, signal.SIGKILL)
        assert server.hear() == -signal.SIGKILL
    assert server.live(str(tmp_path)) == 0
    assert rows_of(tmp_path) == undisturbed


@pytest.mark.parametrize("moment", MOMENTS)
def test_a_kill_at_the_worst_moment(tmp_path, server, undisturbed, moment):
    assert server.live(str(tmp_path), MOMENTS[moment]) == -signal.SIGKILL
    assert len(list(tmp_path.rglob("checkpoint.safetensors"))) == 1
    assert server.live(str(tmp_path)) == 0
    assert rows_of(tmp_path) == undisturbed
