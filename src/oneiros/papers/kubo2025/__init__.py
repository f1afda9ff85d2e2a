"""Kubo, Delanois & Bazhenov 2025: sleep replay consolidation for networks trained by equilibrium propagation."""

from functools import partial

from oneiros.papers.kubo2025.config import DIGITS_SCALES, MNIST_SCALES
from oneiros.papers.kubo2025.controls import CONTROLS, controls
from oneiros.papers.kubo2025.datasets import SCALES
from oneiros.papers.kubo2025.experiment import CONDITIONS as CONDITIONS
from oneiros.papers.kubo2025.experiment import ClassIncremental
from oneiros.papers.kubo2025.figures import IMPORTANCE_FIGURES, REHEARSAL_FIGURES, TABLE2_FIGURES
from oneiros.papers.kubo2025.importance import CLASSES, Importance
from oneiros.papers.kubo2025.measure import measurements
from oneiros.papers.kubo2025.search import searches
from oneiros.papers.kubo2025.tables import EVERY_NIGHT, STRATEGIES, Cell, Strategy, Table, cells

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
    cells=cells(("mnist", "fashion"), RECURRENT),
    drawings=TABLE2_FIGURES,
)


def _table2(subject: str, what: str) -> Table:
    """Table 2 on one more data set."""
    return Table(
        name=f"table2-{subject}", summary=f"Table 2, {what}: three networks, five strategies", scales=SCALES,
        cells=cells((subject,), RECURRENT), looks_inside=False,
    )  # fmt: skip


TABLE2_KMNIST = _table2("kmnist", "KMNIST")
TABLE2_CIFAR10 = _table2("cifar10", "features of CIFAR-10 (--set cifar10.data=...)")
TABLE2_IMAGENET10 = _table2("imagenet10", "features of ten ImageNet classes (--set imagenet10.data=...)")

TABLE2_CIFAR10_RESNET20 = Table(
    name="table2-cifar10-resnet20",
    summary="Tables 2 and 3, CIFAR-10 on features as separable as the paper's (ResNet-20): four networks",
    scales=SCALES,
    cells=cells(("cifar10_resnet20",), RECURRENT)
    | cells(("cifar10_resnet20",), ("ff_bp",), ("sequential", "src"))
    | cells(("cifar10_resnet20",), ("ff_owm",), ("sequential",)),
    looks_inside=False,
)
TABLE3 = Table(
    name="table3",
    summary="Table 3, MNIST and Fashion-MNIST: FF-BP in sequence, with sleep, and by OWM, beside MRNN-EP",
    scales=SCALES,
    cells=cells(("mnist", "fashion"), ("mrnn_ep", "ff_bp"), ("sequential", "src"))
    | cells(("mnist", "fashion"), ("ff_owm",), ("sequential",))
    | {
        f"{subject}_ff_bp_{strategy}_published": Cell(subject, "ff_bp_published", STRATEGIES[strategy])
        for subject in ("mnist", "fashion")
        for strategy in ("sequential", "src")
    },
    looks_inside=False,
)
SHARES = (0, 1, 2, 5, 10, 15, 20, 30)  # percent of the old examples
REHEARSAL = Table(
    name="rehearsal",
    summary="Fig. 5, MNIST, MRNN-EP: how much must be rehearsed to do without sleep",
    scales=SCALES,
    cells={
        f"{prefix}rehearsal_{percent}": Cell(
            "mnist", "mrnn_ep", Strategy(nights=nights, rehearses=percent > 0, share=percent / 100)
        )
        for percent in SHARES
        for prefix, nights in (("", 0), ("src_", EVERY_NIGHT))
    },
    drawings=REHEARSAL_FIGURES,
    looks_inside=False,
)
IMPORTANCE = Importance(
    name="importance",
    summary="Fig. 8, MNIST, MRNN-EP, two tasks: which synapses matter, before and after the last night",
    scales=SCALES,
    table=Table(
        name="importance",
        summary="",
        scales=SCALES,
        cells={
            "before": Cell("mnist", "mrnn_ep", Strategy(nights=1)),
            "after": Cell("mnist", "mrnn_ep", Strategy(nights=EVERY_NIGHT)),
        },
        order=CLASSES,
    ),
    drawings=IMPORTANCE_FIGURES,
)
