"""`oneiros bench`: speed as ratios, both sides interleaved in one run, so that a noisy machine slows both.

Each benchmark answers with measurements; the ratio is the number to quote, milliseconds are for orientation.
"""

from collections.abc import Callable, Iterator

from oneiros.benches.dgr import bench_dgr
from oneiros.benches.gaussian import bench_gaussian
from oneiros.benches.kubo import bench_ep, bench_sleep
from oneiros.benches.pad import bench_pad
from oneiros.benches.replay import bench_replay
from oneiros.benches.stack import bench_stack
from oneiros.benches.timing import Measurement as Measurement
from oneiros.benches.tuning import bench_tuning

BENCHES: dict[str, Callable[[], Iterator[Measurement]]] = {
    "ep": bench_ep,
    "sleep": bench_sleep,
    "stack": bench_stack,
    "pad": bench_pad,
    "dgr": bench_dgr,
    "gaussian": bench_gaussian,
    "replay": bench_replay,
    "tune": bench_tuning,
}
