"""A stranger's experiment: one file in another folder, run by the installed wheel, killed, gone on with and judged."""

import json
import os
import shutil
import signal
import subprocess
import sys
import sysconfig
import time
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
FILE = Path(__file__).with_name("my_experiment.py")
TARGETS = """paper,experiment,where,condition,metric,unit,target,spread,n,tolerance,why
mylab2027,digits,Table 1,awake,final_accuracy,percent,50,,,50,anything between nothing and all
"""
CLAIMS = """paper,experiment,where,first,second,metric,margin,text
mylab2027,digits,ours,awake,halved,final_accuracy,0,Halving weights by night does harm
"""


@pytest.fixture
def command(tmp_path) -> str:
    """`oneiros` of a fresh environment with the wheel; what it depends on is lent by the one that runs the tests."""
    if shutil.which("uv") is None:
        pytest.skip("uv is not installed")
    wheels, where = tmp_path / "dist", tmp_path / "venv"
    subprocess.run(["uv", "build", "--quiet", "--wheel", "--out-dir", str(wheels), str(ROOT)], check=True)
    subprocess.run(["uv", "venv", "--quiet", "--python", sys.executable, str(where)], check=True)
    install = ["uv", "pip", "install", "--quiet", "--offline", "--no-deps", "--python", str(where / "bin" / "python")]
    subprocess.run([*install, *map(str, wheels.glob("*.whl"))], check=True)
    (packages,) = where.glob("lib/python*/site-packages")
    (packages / "lent.pth").write_text(sysconfig.get_path("purelib"))  # whose own .pth, of the checkout, is not read
    return str(where / "bin" / "oneiros")


@pytest.mark.slow
def test_it_is_run_resumed_after_kill_9_reported_and_checked(command, tmp_path):
    folder = tmp_path / "elsewhere"
    folder.mkdir()
    shutil.copy(FILE, folder)
    (folder / "targets.csv").write_text(TARGETS)
    (folder / "claims.csv").write_text(CLAIMS)
    alone = {name: value for name, value in os.environ.items() if name not in ("PYTHONPATH", "VIRTUAL_ENV")}

    def oneiros(*arguments: str) -> subprocess.CompletedProcess:
        return subprocess.run([command, *arguments], cwd=folder, env=alone, capture_output=True, text=True)

    run = ["run", "my_experiment.py:MINE", "--scale", "paper", "--seeds", "3", "--jobs", "1", "--out", "results"]
    process = subprocess.Popen(
        [command, *run], cwd=folder, env=alone, stdout=subprocess.DEVNULL, start_new_session=True
    )
    while not list(folder.glob("results/runs/**/*checkpoint*")):
        assert process.poll() is None, "it ended before it could be killed"
        time.sleep(0.02)
    os.killpg(process.pid, signal.SIGKILL)
    process.wait()
    status = json.loads(oneiros("status", "results", "--json").stdout)
    assert {each["state"] for each in status["runs"]} & {"interrupted", "waiting"}
    again = oneiros(*run)
    assert again.returncode == 0, again.stderr
    assert oneiros(*[*run[:-1], "whole"]).returncode == 0
    killed, whole = (
        {str(path.parent.parent): path.read_bytes() for path in sorted((folder / out).rglob("rows.jsonl"))}
        for out in ("results", "whole")
    )
    assert len(killed) == len(whole) > 0
    assert list(killed.values()) == list(whole.values())
    assert oneiros("report", "results").returncode == 0
    assert (folder / "results" / "index.html").is_file()
    judged = json.loads(oneiros("check", "results", "--json").stdout)
    assert [target["verdict"] for target in judged["targets"]] == ["reproduced"]
    assert [(claim["first"], claim["n"]) for claim in judged["claims"]] == [("awake", 3)]
