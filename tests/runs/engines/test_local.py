"""Workers: the same outcomes from any number of them, and failures that stay with their own job."""

import operator
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from oneiros.runs.engines import CANCELLED, DIED, Engine, InlineEngine, Job, LocalEngine, run_jobs, usable_cores
from oneiros.runs.engines.memory_budget import available

WORK = """
import os
import time
from pathlib import Path

def work(payload, report):
    report(0.5, "half way")
    what, number = payload
    if what == "fail":
        raise ValueError(f"job {number} does not like its number")
    if what == "die":
        os._exit(3)
    if what == "die once":
        flag = Path(number)
        if not flag.exists():
            flag.touch()
            os._exit(3)
        return "second time"
    if what == "unpicklable":
        return lambda: number
    if what == "wait":
        Path(number).write_text(str(os.getpid()))
        time.sleep(60)
    if what == "device":
        time.sleep(0.5)
        return os.environ["CUDA_VISIBLE_DEVICES"]
    if what == "heavy":
        kept = bytearray(200_000_000)
        time.sleep(0.3)
        return len(kept)
    if what == "slow":
        time.sleep(0.3)
    report(1.0, "done")
    return number * number
"""


PARENT = """
import sys
from jobs_of_this_test import work
from oneiros.runs.engines import Job, LocalEngine, run_jobs

if __name__ == "__main__":
    jobs = [Job(key=pid, payload=("wait", pid)) for pid in sys.argv[1:]]
    list(run_jobs(LocalEngine(work, workers=2), jobs, lambda *heard: None))
"""


@pytest.fixture
def work(tmp_path, monkeypatch):
    """A function that worker processes can import: it lives in a module on their path."""
    (tmp_path / "jobs_of_this_test.py").write_text(WORK)
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    import jobs_of_this_test  # pyright: ignore

    return jobs_of_this_test.work


def outcomes(work, payloads: dict, workers: int, heard=operator.is_):
    jobs = [Job(key=key, payload=payload) for key, payload in payloads.items()]
    engine = InlineEngine(work) if workers == 1 else LocalEngine(work, workers=workers)
    assert isinstance(engine, Engine)
    return {o.key: o for o in run_jobs(engine, jobs, lambda k, f, t: heard(k, f))}


def test_two_workers_give_what_one_gives_and_failures_stay_with_their_job(work):
    payloads = {f"square {n}": ("square", n) for n in range(5)} | {"bad": ("fail", 7)}
    heard: dict[str, list[float]] = {}
    alone = outcomes(work, payloads, 1, lambda key, fraction: heard.setdefault(key, []).append(fraction))
    together = outcomes(work, payloads, 2)
    assert {k: o.result for k, o in alone.items()} == {f"square {n}": n * n for n in range(5)} | {"bad": None}
    assert {k: (o.result, o.error, o.message) for k, o in alone.items()} == {
        k: (o.result, o.error, o.message) for k, o in together.items()
    }
    assert (alone["bad"].error, alone["bad"].message) == ("ValueError", "job 7 does not like its number")
    assert "does not like its number" in alone["bad"].trace
    assert heard["square 3"] == [0.5, 1.0]


def test_a_worker_that_dies_takes_no_other_job_with_it(work, tmp_path):
    flag = str(tmp_path / "flag")
    # Both workers die before the slow jobs have begun.
    payloads = {"dies": ("die", 0), "dies once": ("die once", flag)} | {f"{n}": ("slow", n) for n in range(5)}
    found = outcomes(work, payloads, 2)
    assert {key: o.result for key, o in found.items() if not o.error} == {
        "dies once": "second time", "0": 0, "1": 1, "2": 4, "3": 9, "4": 16,
    }  # fmt: skip
    assert found["dies"].error == DIED
    assert "died 2 times (out of memory, or killed; exit code 3)" in found["dies"].message


def test_a_result_that_cannot_be_sent_is_the_error_of_its_job(work):
    found = outcomes(work, {"bad": ("unpicklable", 0), "good": ("square", 2)}, 2)
    assert "lambda" in found["bad"].message
    assert found["good"].result == 4


def gone(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return True
    return Path(f"/proc/{pid}/stat").exists() and ") Z " in Path(f"/proc/{pid}/stat").read_text()


def eventually(condition) -> bool:
    """Whether it comes true within 20 seconds."""
    began = time.monotonic()
    while not condition() and time.monotonic() - began < 20:
        time.sleep(0.05)
    return condition()


def test_who_looks_no_further_leaves_no_worker_behind(work, tmp_path):
    pid = tmp_path / "pid"
    jobs = [Job(key="long", payload=("wait", str(pid))), Job(key="short", payload=("slow", 1))]
    found = run_jobs(LocalEngine(work, workers=2), jobs, lambda *heard: None)
    assert next(found).key == "short"
    assert eventually(lambda: pid.exists() and pid.read_text())
    found.close()
    assert gone(int(pid.read_text()))


@pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="this system has no SIGKILL")
def test_workers_do_not_outlive_a_killed_parent_whose_locks_they_hold(work, tmp_path):
    pids = [tmp_path / "first", tmp_path / "second"]
    script = tmp_path / "parent.py"
    script.write_text(PARENT)
    with subprocess.Popen([sys.executable, str(script), *map(str, pids)]) as parent:
        assert eventually(lambda: all(pid.exists() and pid.read_text() for pid in pids))
        parent.kill()
    assert eventually(lambda: all(gone(int(pid.read_text())) for pid in pids))


@pytest.mark.parametrize("workers", [1, 2])
def test_cancelled_jobs_say_so_and_the_others_go_on(work, tmp_path, workers):
    pid = tmp_path / "pid"
    engine = InlineEngine(work) if workers == 1 else LocalEngine(work, workers=workers)
    with engine:
        jobs = {"waits": ("square", 3), "runs": ("wait", str(pid)), "last": ("slow", 2)}
        for key in ("last", "waits") if workers == 1 else ("runs", "last", "waits"):
            engine.submit(Job(key=key, payload=jobs[key]))
        engine.cancel("waits")
        engine.cancel("nobody")
        found = {}
        for outcome in engine.stream(lambda *heard: None):
            found[outcome.key] = outcome.error or outcome.result
            if outcome.key == "last" and workers == 2:
                assert eventually(lambda: pid.exists() and pid.read_text())
                engine.cancel("runs")
                engine.submit(Job(key="later", payload=("square", 5)))
    wanted = {"waits": CANCELLED, "last": 4}
    assert found == (wanted if workers == 1 else wanted | {"runs": CANCELLED, "later": 25})
    assert workers == 1 or gone(int(pid.read_text()))


def test_each_worker_sees_its_own_device(work):
    engine = LocalEngine(work, workers=2, devices=("GPU-a", "GPU-b"))
    jobs = [Job(key=str(n), payload=("device", 0)) for n in range(2)]
    assert {o.result for o in run_jobs(engine, jobs, lambda *heard: None)} == {"GPU-a", "GPU-b"}


def test_no_more_jobs_run_at_once_than_there_is_memory_for(work, monkeypatch):
    """Each holds 200 MB: the first two start before anybody knows, the others one at a time."""
    monkeypatch.setattr("oneiros.runs.engines.local.available", lambda: 50_000_000)
    beside = []
    with LocalEngine(work, workers=2) as engine:
        for n in range(5):
            engine.submit(Job(key=str(n), payload=("heavy", n)))
        for outcome in engine.stream(lambda *heard: None):
            assert outcome.peak > 200_000_000
            beside.append(len(engine._busy))
    assert len(beside) == 5
    assert beside[2:] == [0, 0, 0]


def test_memory_left_is_that_of_the_machine_and_of_its_group(tmp_path):
    (tmp_path / "meminfo").write_text("MemTotal: 9 kB\nMemAvailable:    5 kB\n")
    assert available(tmp_path / "meminfo", tmp_path) == 5 * 1024
    (tmp_path / "memory.max").write_text("4000\n")
    (tmp_path / "memory.current").write_text("1500\n")
    assert available(tmp_path / "meminfo", tmp_path) == 2500
    (tmp_path / "memory.max").write_text("max\n")
    assert available(tmp_path / "meminfo", tmp_path) == 5 * 1024
    assert available(tmp_path / "none", tmp_path) is None


def test_progress_arrives_from_workers(work):
    heard = []
    outcomes(work, {"a": ("square", 2), "b": ("square", 3)}, 2, lambda key, fraction: heard.append((key, fraction)))
    assert {("a", 1.0), ("b", 1.0)} <= set(heard)


def test_there_is_a_core_to_use():
    assert usable_cores() >= 1
