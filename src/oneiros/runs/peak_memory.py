"""How much memory this process has held at most: the system's own account, where it keeps one (Linux)."""

import contextlib
from pathlib import Path

STATUS = Path("/proc/self/status")
FORGET = Path("/proc/self/clear_refs")


def forget_peak() -> None:
    """Begin to count anew, so that a run is not charged with what the process did before it."""
    with contextlib.suppress(OSError):
        FORGET.write_text("5")  # proc(5): resets the peak resident set size


def peak() -> int | None:
    """Bytes that the process held at most since `forget_peak`, libraries included; None where nobody counts."""
    with contextlib.suppress(OSError):
        for line in STATUS.read_text().splitlines():
            if line.startswith("VmHWM:"):
                return 1024 * int(line.split()[1])
    return None
