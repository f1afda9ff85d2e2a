"""Break a sweep in every way that machines do, finish it, and compare with the sweep that nobody disturbed.

python -m bench chaos [--kills 200 --seed 1 --keep FOLDER]

50 random kills of workers, drivers and process groups that are in the middle of a run; a full disk, a read-only folder
(these need the right to mount a tmpfs), a clock that jumps.

Two sweeps at a time share the folder. Linux only. Exits with 1 when a row is lost, doubled or changed.
"""

import argparse
import contextlib
import os
import random
import signal
import subprocess
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

from oneiros.cli import main as oneiros
from oneiros.runs import sweep
from oneiros.runs.catalogue import experiment
from oneiros.runs.store import read_results, read_runs
from oneiros.runs.store.lease import alive, read_lease
from oneiros.runs.store.reading import run_folders
from oneiros.runs.store.status import read_status

EXPERIMENT = "kubo2025/digits"
CONDITIONS = ("sequential", "src_rehearsal")
COMMAND = ["run", EXPERIMENT, "--scale", "smoke", "--condition", *CONDITIONS]
COMMAND += ["--set", "epochs=40", "examples=400", "--seeds"]
ALIVE = 2  # sweeps at a time
LONGEST = 2.0  # runs as the undisturbed one, at most, between two kills


class Driver:
    """`oneiros run` in a process group of its own: forked, so that imports are paid for once."""

    def __init__(self, out: Path, *, seeds: int, jobs: int, log: Path, jumping: bool = False) -> None:
        self.pid = os.fork()
        if self.pid == 0:
            os.setsid()
            with log.open("ab", buffering=0) as file:
                os.dup2(file.fileno(), 1)
                os.dup2(file.fileno(), 2)
            if jumping:
                jump_clocks()
            code = 99
            with contextlib.suppress(BaseException):
                code = oneiros([*COMMAND, str(seeds), "--jobs", str(jobs), "--retry-failed", "--out", str(out)])
            os._exit(code)
        self.code: int | None = None

    def poll(self) -> int | None:
        """Its exit code, once it is over."""
        if self.code is None:
            pid, status = os.waitpid(self.pid, os.WNOHANG)
            self.code = os.waitstatus_to_exitcode(status) if pid else None
        return self.code

    def wait(self) -> int:
        """Its exit code, when it is over."""
        while self.poll() is None:
            time.sleep(0.05)
        assert self.code is not None
        return self.code

    def workers(self) -> list[int]:
        """Process ids of its workers."""
        return [pid for pid, parent, line in processes() if parent == self.pid and "spawn_main" in line]


def processes() -> Iterator[tuple[int, int, str]]:
    """Process id, parent and command line of everything that runs."""
    for path in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError, IndexError, ValueError):
            parent = int((path / "stat").read_text().rpartition(")")[2].split()[1])
            yield int(path.name), parent, (path / "cmdline").read_bytes().replace(b"\0", b" ").decode()


def jump_clocks() -> None:
    """Let the wall clock of this process leap by days, back and forth, whenever it is read."""
    true, leaps = time.time, random.Random(0)
    time.time = lambda: true() + leaps.uniform(-1, 1) * 864_000


def at_work(out: Path) -> set[int]:
    """Process ids of those that hold a lease in `out`."""
    leases = [read_lease(path) for path in run_folders(out) if alive(path)]
    return {lease.pid for lease in leases if lease is not None}


def strike(out: Path, drivers: list[Driver], moments: random.Random) -> str:
    """`kill -9` a worker, a driver or a whole group, one that is in the middle of a run; what was hit, or ""."""
    busy = at_work(out)
    what = moments.choice(["worker", "driver", "group"])
    for driver in moments.sample(drivers, len(drivers)):
        # With one job at a time the driver works itself; it then stands for a worker, too.
        workers = sorted(busy & {driver.pid, *driver.workers()})
        if driver.poll() is not None or not workers:
            continue
        with contextlib.suppress(ProcessLookupError):
            if what == "group":
                os.killpg(driver.pid, signal.SIGKILL)
            else:
                os.kill(moments.choice(workers) if what == "worker" else driver.pid, signal.SIGKILL)
            return what
    return ""


def left_by(out: Path) -> dict[str, bytes]:
    """Rows and weights of every run; an error where anything is amiss."""
    results = read_results(out)
    assert not results.problems, results.problems
    assert not results.rows.duplicated([c for c in results.rows if c != "value"]).any(), "a row is there twice"
    torn = [path for path in out.rglob("*") if path.name.endswith(".tmp") or path.name == "checkpoint.safetensors"]
    assert not torn, f"left behind: {torn}"
    return {
        str((run.path / name).relative_to(out)): (run.path / name).read_bytes()
        for run in results.runs
        for name in ("rows.jsonl", "weights.safetensors")
    }


def mean_seconds(out: Path) -> float:
    """How long a run took."""
    runs = read_runs(out)
    return sum(run.seconds for run in runs) / len(runs)


def kills(root: Path, undisturbed: dict[str, bytes], seeds: int, wanted: int, moments: random.Random) -> Counter[str]:
    """Kill until it was done `wanted` times, in as many sweeps as that takes; every one of them is then finished."""
    struck = Counter[str]()
    number = 0
    while struck.total() < wanted:
        number += 1
        out, log, drivers = root / f"sweep-{number}", root / f"sweep-{number}.log", []
        while struck.total() < wanted:
            drivers = [driver for driver in drivers if driver.poll() is None]
            if (out / "runs").exists() and read_status(out).count("done") == len(undisturbed) // 2:
                break
            while len(drivers) < ALIVE:
                drivers.append(Driver(out, seeds=seeds, jobs=moments.choice([1, 2]), log=log))
            time.sleep(moments.uniform(0, LONGEST * mean_seconds(root / "undisturbed")))
            hit = strike(out, drivers, moments)
            if hit:
                struck[hit] += 1
                print(f"{struck.total()}: {hit} of sweep {number}", flush=True)
        codes = [driver.wait() for driver in drivers]
        final = Driver(out, seeds=seeds, jobs=2, log=log).wait()
        assert final == 0, f"the last command ended with {final}; those before it with {codes}; see {log}"
        assert left_by(out) == undisturbed, f"{out} differs from the undisturbed sweep"
        print(f"sweep {number}: all {len(undisturbed) // 2} runs as undisturbed", flush=True)
    return struck


@contextlib.contextmanager
def small_disk(at: Path, size: str) -> Iterator[None]:
    """A tmpfs at `at`."""
    at.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={size}", "tmpfs", str(at)], check=True)
    try:
        yield
    finally:
        subprocess.run(["umount", str(at)], check=True)


def remount(at: Path, options: str) -> None:
    """Change what the disk at `at` allows."""
    subprocess.run(["mount", "-o", f"remount,{options}", str(at)], check=True)


def full_disk(root: Path, undisturbed: dict[str, bytes], seeds: int) -> None:
    """A disk that is too small, then read-only, then large enough."""
    disk, log = root / "disk", root / "disk.log"
    out = disk / "out"
    with small_disk(disk, "192k"):
        code = Driver(out, seeds=seeds, jobs=1, log=log).wait()
        assert code in (1, 2), f"a full disk ended with {code}"
        assert "the disk is full; free some space" in log.read_text(), log.read_text()
        remount(disk, "ro,size=192k")
        log.write_text("")
        code = Driver(out, seeds=seeds, jobs=1, log=log).wait()
        assert code in (1, 2), f"a read-only folder ended with {code}"
        said = " ".join(log.read_text().split())
        assert "the folder cannot be written to; choose another --out" in said, said
        assert "Traceback" not in said, said
        remount(disk, "rw,size=200m")
        assert Driver(out, seeds=seeds, jobs=1, log=log).wait() == 0, log.read_text()
        assert left_by(out) == undisturbed, "after the full disk, something differs"


def jumping_clock(root: Path, undisturbed: dict[str, bytes], seeds: int, moments: random.Random) -> None:
    """Clocks that leap, files from the past and the future, and a kill in the middle of it."""
    out, log = root / "clock", root / "clock.log"
    for ending in ("killed", "left alone"):
        driver = Driver(out, seeds=seeds, jobs=1, log=log, jumping=True)
        while ending == "killed" and not list(out.rglob("checkpoint.safetensors")):
            time.sleep(0.02)
        if ending == "killed":
            os.killpg(driver.pid, signal.SIGKILL)
            driver.wait()
            for path in [path for path in out.rglob("*") if path.is_file()]:
                when = moments.choice([0.0, 4e9])
                os.utime(path, (when, when))
    assert driver.wait() == 0, log.read_text()
    assert left_by(out) == undisturbed, "with a jumping clock, something differs"


def main() -> int:
    """Everything."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--kills", type=int, default=50)
    parser.add_argument("--seeds", type=int, default=4, help="of each of the two conditions")
    parser.add_argument("--seed", type=int, default=0, help="of the moments")
    parser.add_argument("--keep", type=Path, help="a new folder to work in and leave as it is")
    chosen = parser.parse_args()
    experiment(EXPERIMENT)  # imported before anything is forked
    assert sweep
    with contextlib.ExitStack() as stack:
        root = chosen.keep or Path(stack.enter_context(tempfile.TemporaryDirectory()))
        root.mkdir(exist_ok=True, parents=True)
        began, moments = time.monotonic(), random.Random(chosen.seed)
        code = Driver(root / "undisturbed", seeds=chosen.seeds, jobs=1, log=root / "undisturbed.log").wait()
        assert code == 0, f"the undisturbed sweep ended with {code}"
        undisturbed = left_by(root / "undisturbed")
        assert len(undisturbed) == 2 * 2 * chosen.seeds
        print(f"undisturbed: {len(undisturbed) // 2} runs, {time.monotonic() - began:.0f} s", flush=True)
        jumping_clock(root, undisturbed, chosen.seeds, moments)
        print("a clock that jumps by days: all runs as undisturbed", flush=True)
        can_mount = os.geteuid() == 0
        if can_mount:
            full_disk(root, undisturbed, chosen.seeds)
        told = "clear errors, then all runs as undisturbed" if can_mount else "NOT TRIED, this needs root"
        print(f"a full disk, a read-only folder: {told}", flush=True)
        struck = kills(root, undisturbed, chosen.seeds, chosen.kills, moments)
        print(f"{struck.total()} kills ({dict(struck)}), {time.monotonic() - began:.0f} s: nothing lost, nothing twice")
    return 0
