"""The experiments that `oneiros run` knows by name."""

from functools import partial

from oneiros.papers.kubo2025.config import DIGITS_SCALES, MNIST_SCALES
from oneiros.papers.kubo2025.controls import CONTROLS, controls
from oneiros.papers.kubo2025.datasets import SCALES
from oneiros.papers.kubo2025.experiment import CONDITIONS as CONDITIONS
from oneiros.papers.kubo2025.experiment import ClassIncremental
from oneiros.papers.kubo2025.importance import CLASSES, Importance
from oneiros.papers.kubo2025.measure import measurements
from oneiros.papers.kubo2025.search import searches
from oneiros.papers.kubo2025.tables import EVERY_NIGHT, STRATEGIES, Cell, Strategy, Table, cells

MNIST = ClassIncremental(
    name="mnist",
    scales=MNIST_SCALES,
    searches=searches(MNIST_SCALES["paper"]),
)
DIGITS = ClassIncremental(
    name="digits",
    scales=DIGITS_SCALES,
    searches=searches(DIGITS_SCALES["paper"]),
)
WHAT_SLEEP_DOES = ClassIncremental(
    name="controls",
    scales=MNIST_SCALES,
    conditions=CONTROLS,
    strategies=controls,
    measurements=partial(measurements, looks_inside=True),
)
RECURRENT = ("mrnn_ep", "mrnn_bptt", "rnn_bptt")
TABLE2 = Table(
    name="table2",
    scales=SCALES,
    cells=cells(("mnist", "fashion"), RECURRENT),
)


def _table2(subject: str) -> Table:
    """Table 2 on one more data set."""
    return Table(name=f"table2-{subject}", scales=SCALES, cells=cells((subject,), RECURRENT), looks_inside=False)


TABLE2_KMNIST = _table2("kmnist")
TABLE2_CIFAR10 = _table2("cifar10")  # features: --set cifar10.data=...
TABLE2_IMAGENET10 = _table2("imagenet10")  # features: --set imagenet10.data=...
TABLE2_CIFAR10_RESNET20 = Table(
    name="table2-cifar10-resnet20",
    scales=SCALES,
    cells=cells(("cifar10_resnet20",), RECURRENT)
    | cells(("cifar10_resnet20",), ("ff_bp",), ("sequential", "src"))
    | cells(("cifar10_resnet20",), ("ff_owm",), ("sequential",)),
    looks_inside=False,
)
TABLE3 = Table(
    name="table3",
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
    scales=SCALES,
    cells={
        f"{prefix}rehearsal_{percent}": Cell(
            "mnist", "mrnn_ep", Strategy(nights=nights, rehearses=percent > 0, share=percent / 100)
        )
        for percent in SHARES
        for prefix, nights in (("", 0), ("src_", EVERY_NIGHT))
    },
    looks_inside=False,
)
IMPORTANCE = Importance(
    name="importance",
    scales=SCALES,
    table=Table(
        name="importance",
        scales=SCALES,
        cells={
            "before": Cell("mnist", "mrnn_ep", Strategy(nights=1)),
            "after": Cell("mnist", "mrnn_ep", Strategy(nights=EVERY_NIGHT)),
        },
        order=CLASSES,
    ),
)
