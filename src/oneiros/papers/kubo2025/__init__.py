"""Kubo, Delanois & Bazhenov 2025: sleep replay consolidation for networks trained by equilibrium propagation."""

from functools import partial

from oneiros.papers.kubo2025.config import DIGITS_SCALES, MNIST_SCALES
from oneiros.papers.kubo2025.controls import CONTROLS, controls
from oneiros.papers.kubo2025.experiment import CONDITIONS, ClassIncremental
from oneiros.papers.kubo2025.measure import measurements
from oneiros.papers.kubo2025.search import searches
from oneiros.papers.kubo2025.subjects import SCALES
from oneiros.papers.kubo2025.tables import STRATEGIES, Table, cells

MNIST = ClassIncremental(
    name="mnist",
    summary="MRNN-EP on split MNIST: Table 2, first row, with two controls of our own",
    scales=MNIST_SCALES,
    searches=searches(MNIST_SCALES["paper"]),
)
DIGITS = ClassIncremental(
    name="digits",
    summary="the same on 1,797 digits of 8 x 8 pixels that need no download (ours; the demo)",
    scales=DIGITS_SCALES,
    searches=searches(DIGITS_SCALES["paper"]),
)
WHAT_SLEEP_DOES = ClassIncremental(
    name="controls",
    summary="what sleep does: the night of kubo2025/mnist with parts of it left out or undone (ours)",
    scales=MNIST_SCALES,
    conditions=CONTROLS,
    strategies=controls,
    measurements=partial(measurements, looks_inside=True),
)
RECURRENT = ("mrnn_ep", "mrnn_bptt", "rnn_bptt")
TABLE2 = Table(
    name="table2",
    summary="Table 2, MNIST and Fashion-MNIST: three networks, five strategies; Figs. 3, 4, 6 and 7",
    scales=SCALES,
    cells=cells(("mnist", "fashion"), RECURRENT, STRATEGIES),
)
TABLE2_KMNIST = Table(
    name="table2-kmnist",
    summary="Table 2, KMNIST: three networks, five strategies",
    scales=SCALES,
    cells=cells(("kmnist",), RECURRENT, STRATEGIES),
)
TABLE2_FEATURES = Table(
    name="table2-features",
    summary="Table 2, features of images (--set features.data=parquet:DIR): three networks, five strategies",
    scales=SCALES,
    cells=cells(("features",), RECURRENT, STRATEGIES),
)

__all__ = ["CONDITIONS", "DIGITS", "MNIST", "TABLE2", "TABLE2_FEATURES", "TABLE2_KMNIST", "WHAT_SLEEP_DOES"]
