"""Workers: the same outcomes from any number of them, and failures that stay with their own job."""

import operator

import pytest

from oneiros.engines import Job, run_jobs, usable_cores

WORK = """
import os
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
    report(1.0, "done")
    return number * number
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
    return {o.key: o for o in run_jobs(work, jobs, workers=workers, on_progress=lambda k, f, t: heard(k, f))}


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
    payloads = {"one": ("square", 1), "two": ("square", 2), "dies": ("die", 0), "dies once": ("die once", flag)}
    found = outcomes(work, payloads, 2)
    assert found["one"].result == 1
    assert found["two"].result == 4
    assert found["dies"].error == "WorkerDied"
    assert "the same command tries it again" in found["dies"].message


def test_progress_arrives_from_workers(work):
    heard = []
    outcomes(work, {"a": ("square", 2), "b": ("square", 3)}, 2, lambda key, fraction: heard.append((key, fraction)))
    assert {("a", 1.0), ("b", 1.0)} <= set(heard)


def test_there_is_a_core_to_use():
    assert usable_cores() >= 1
