"""Kubo, Delanois & Bazhenov 2025: sleep replay consolidation for networks trained by equilibrium propagation."""

from oneiros.papers.kubo2025.config import DIGITS_SCALES, MNIST_SCALES
from oneiros.papers.kubo2025.experiment import CONDITIONS, ClassIncremental
from oneiros.papers.kubo2025.search import searches

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

__all__ = ["CONDITIONS", "DIGITS", "MNIST"]
