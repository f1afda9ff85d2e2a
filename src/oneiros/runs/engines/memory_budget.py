"""How many jobs this machine has memory for, by what they have been seen to need."""

import contextlib
from pathlib import Path

MEMINFO = Path("/proc/meminfo")
CGROUP = Path("/sys/fs/cgroup")
PAGE = 4096
MARGIN = 1.1


def available(meminfo: Path = MEMINFO, cgroup: Path = CGROUP) -> int | None:
    """Bytes that may still be used: of the machine, and of the group that this process is in; None if nobody says."""
    free: list[int] = []
    with contextlib.suppress(OSError, ValueError, StopIteration):
        lines = meminfo.read_text().splitlines()
        free.append(1024 * int(next(line for line in lines if line.startswith("MemAvailable:")).split()[1]))
    with contextlib.suppress(OSError, ValueError):
        free.append(int((cgroup / "memory.max").read_text()) - int((cgroup / "memory.current").read_text()))
    return max(0, min(free)) if free else None


def held(pid: int | None) -> int:
    """Bytes that process `pid` holds now; 0 where nobody says."""
    with contextlib.suppress(OSError, ValueError, IndexError):
        return PAGE * int(Path(f"/proc/{pid}/statm").read_text().split()[1])
    return 0


class MemoryBudget:
    """Admits another job while what the running ones may still grow by leaves enough for it."""

    def __init__(self) -> None:
        self.most = 0  # bytes that any job was seen to hold

    def saw(self, peak: int) -> None:
        """A job held so much."""
        self.most = max(self.most, peak)

    def for_another(self, running: list[int], free: int | None) -> bool:
        """Whether a job may start beside those that hold `running` bytes each, with `free` bytes left.

        One may always run. Until something is known of what they need, all may.

        >>> budget = MemoryBudget()
        >>> budget.saw(100)
        >>> budget.for_another([60], free=149), budget.for_another([60], free=151), budget.for_another([], free=0)
        (False, True, True)
        """
        for bytes_held in running:
            self.saw(bytes_held)
        if not running or free is None:
            return True
        growth = sum(self.most - bytes_held for bytes_held in running)
        return free >= MARGIN * self.most + growth
