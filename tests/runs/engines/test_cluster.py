"""A Ray cluster of three nodes on this machine, one of which is killed with work on it."""

import os
import signal
from pathlib import Path

import pytest

from oneiros.runs.catalogue import experiment
from oneiros.runs.engines import Engine, InlineEngine
from oneiros.runs.experiment import Run
from oneiros.runs.settings import override
from oneiros.runs.store import read_runs
from oneiros.runs.store.lease import read_lease
from oneiros.runs.sweep import do, pending, sweep

os.environ.setdefault("RAY_ENABLE_UV_RUN_RUNTIME_ENV", "0")  # as `RayEngine` does, read when Ray is imported
ray = pytest.importorskip("ray", reason="needs the extra `ray`")
cluster_utils = pytest.importorskip("ray.cluster_utils", reason="needs the extra `ray`")
# Ray's own warnings are not ours to mend.
pytestmark = [pytest.mark.slow, pytest.mark.filterwarnings("ignore")]

CHOSEN = experiment("kubo2025/digits")
CONFIG = override(CHOSEN.scales["smoke"], ["epochs=60", "examples=400"])


def runs(out: Path) -> list[Run]:
    return [
        Run(experiment="kubo2025/digits", scale="smoke", config=CONFIG, condition=condition, seed=seed, out=out,
            data=None, device="cpu")
        for seed in range(3)
        for condition in ("sequential", "src_rehearsal")
    ]  # fmt: skip


def left_by(out: Path) -> dict[str, tuple[bytes, bytes]]:
    found = read_runs(out)
    assert {(run.state, run.problem) for run in found} == {("finished", "")}
    return {
        str(run.path.relative_to(out)): tuple(
            (run.path / name).read_bytes() for name in ("rows.jsonl", "weights.safetensors")
        )
        for run in found
    }


def parent(pid: int) -> int:
    return int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[1])


@pytest.fixture
def cluster(monkeypatch):
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    monkeypatch.setenv("RAY_worker_niceness", "0")
    made = cluster_utils.Cluster(initialize_head=True, head_node_args={"num_cpus": 1, "include_dashboard": False})
    yield made
    ray.shutdown()
    made.shutdown()


@pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="finds the node of a worker in /proc")
def test_every_run_finishes_though_a_node_is_killed_with_work_on_it(tmp_path, cluster):
    from oneiros.runs.engines.cluster import RayEngine

    nodes = {
        node.all_processes["raylet"][0].process.pid: node
        for node in (cluster.add_node(num_cpus=1), cluster.add_node(num_cpus=1))
    }
    assert len(nodes) == 2
    killed: list[int] = []

    def kill_a_node_at_work(key: str, fraction: float, text: str) -> None:
        """The node of the first run that is a third through, together with everything on it."""
        condition, _, seed = key.partition("/")
        (folder,) = (tmp_path / "ray").glob(f"runs/*/*/{condition}/{seed}-*")
        lease = read_lease(folder)
        if killed or lease is None or not 0.3 < fraction < 0.8:
            return
        raylet = parent(lease.pid)
        if raylet in nodes:
            os.kill(lease.pid, signal.SIGKILL)
            cluster.remove_node(nodes[raylet], allow_graceful=False)
            killed.append(lease.pid)

    to_do = pending(runs(tmp_path / "ray"))
    engine = RayEngine(do, address=cluster.address)
    assert isinstance(engine, Engine)
    outcomes = list(sweep(engine, to_do, kill_a_node_at_work))
    assert killed, "no node was caught at work"
    assert {outcome.error for outcome in outcomes} == {""}
    assert len(outcomes) == 6
    local = pending(runs(tmp_path / "local"))
    assert {outcome.error for outcome in sweep(InlineEngine(do), local, lambda *heard: None)} == {""}
    assert left_by(tmp_path / "ray") == left_by(tmp_path / "local")


def test_failures_cancelling_and_results_are_those_of_the_other_engines(cluster):
    from oneiros.runs.engines import CANCELLED, Job, run_jobs
    from oneiros.runs.engines.cluster import RayEngine

    def work(payload: int, progress) -> int:
        if payload < 0:
            raise ValueError(f"{payload} is negative")
        return payload * payload

    jobs = [Job(key=str(n), payload=n) for n in (2, -1, 3)]
    engine = RayEngine(work, address=cluster.address)
    found = {o.key: (o.result, o.error, o.message) for o in run_jobs(engine, jobs, lambda *heard: None)}
    assert found == {"2": (4, "", ""), "3": (9, "", ""), "-1": (None, "ValueError", "-1 is negative")}
    with RayEngine(work, address=cluster.address) as engine:
        engine.submit(Job(key="a", payload=1))
        engine.cancel("a")
        assert [o.error for o in engine.stream(lambda *heard: None)] == [CANCELLED]


@pytest.mark.parametrize(("address", "listens"), [("local", "127.0.0.1"), ("auto", None), ("10.0.0.1:6379", None)])
def test_a_cluster_that_begins_here_listens_to_this_machine_alone(monkeypatch, address, listens):
    """Ray unpickles what it is sent; where one joins somebody's cluster, that is for its owner to decide."""
    ray = pytest.importorskip("ray")
    from oneiros.runs.engines.cluster import RayEngine

    asked = {}

    class EnoughError(Exception):
        """Nothing is started."""

    def init(**options):
        asked.update(options)
        raise EnoughError

    monkeypatch.setattr(ray, "is_initialized", lambda: False)
    monkeypatch.setattr(ray, "init", init)
    with pytest.raises(EnoughError):
        RayEngine(lambda payload, progress: None, address=address)
    assert (asked["address"], asked.get("_node_ip_address")) == (address, listens)
    assert asked["include_dashboard"] is False
