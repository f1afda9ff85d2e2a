"""What is learned: streams of days, each with what it is tested on, the network of their owner and how he trains it."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor, nn
from torch.nn.functional import interpolate

from oneiros.core import Seeds
from oneiros.data import Dataset, Examples, load
from oneiros.data.digits import every_fifth
from oneiros.data.files import data_root
from oneiros.data.streams import blended, domains, in_colour, order_name, permuted, subsample, task_order

Day = tuple[Tensor, Tensor]
BATCH = 64


@dataclass(frozen=True, kw_only=True)
class Source:
    """Where data come from and how much of them is used.

    Attributes:
        features: folder with files of features, as `oneiros features` writes them.
        data: for the stream `yours`, a data set of the reader's own, see `oneiros.data.names()`; for those that were
            held out, the folder that has them as parquet.
        limit: most training examples of a stream, and most test examples; 0 for all. Classes keep their shares.
    """

    features: Path
    data: str = ""
    limit: tuple[int, int] = (0, 0)


@dataclass(frozen=True, kw_only=True, eq=False)
class Lessons:
    """Days to live through, and what is asked after them.

    Attributes:
        days: inputs `[n, ...]` and labels of each day's training examples.
        tests: the same to be tested on, of the same classes or domain.
        classes: how many there are.
        order: name of the order of the days.
        checksums: of the files that were read.
    """

    days: tuple[Day, ...]
    tests: tuple[Day, ...]
    classes: int
    order: str
    checksums: dict[str, str]

    @property
    def bounds(self) -> tuple[float, float]:
        """Smallest and largest number in any input."""
        parts = [x for x, _ in (*self.days, *self.tests)]
        return float(min(x.min() for x in parts)), float(max(x.max() for x in parts))


@dataclass(frozen=True, kw_only=True)
class Stream:
    """A stream.

    Attributes:
        title: what it is, in a few words.
        read: the data set; a name that `load` understands, or a function.
        per_day: new classes a day.
        epochs: times through each day's examples that the owner's network has.
        days: a function from the data set, seed and Source to days and tests, where they are not new classes.
        asked: whether it is lived only where it is asked for by name.
    """

    title: str
    read: Callable[[Source], Dataset]
    per_day: int = 2
    epochs: int = 10
    days: Callable[[Dataset, Seeds], tuple[tuple[Day, ...], tuple[Day, ...]]] | None = None
    asked: bool = False

    def lessons(self, source: Source, seed: int) -> Lessons:
        """Days and tests of this seed, which decides on the classes' order and on which examples are used."""
        seeds, whole = Seeds(seed), self.read(source)
        parts = [
            subsample(part, limit=limit, rng=seeds.rng(f"thin-{name}")) if limit else part
            for name, part, limit in zip(("train", "test"), (whole.train, whole.test), source.limit, strict=True)
        ]
        data = Dataset(name=whole.name, train=parts[0], test=parts[1], checksums=whole.checksums)
        classes, order = len(data.train.classes), "domains"
        if self.days:
            days, tests = self.days(data, seeds)
        else:
            ordered = task_order(classes, seeds.rng("order"))
            order = order_name(ordered, self.per_day)
            groups = [ordered[i : i + self.per_day] for i in range(0, classes, self.per_day)]
            days, tests = (tuple(_day(part.of_classes(group)) for group in groups) for part in parts)
        return Lessons(days=days, tests=tests, classes=classes, order=order, checksums=dict(whole.checksums))


def network(like: Tensor, classes: int, seed: int) -> nn.Module:
    """The owner's network: two convolutions and a hidden layer for images, one hidden layer for anything else."""
    with Seeds(seed).building("net"):
        if like.ndim < 4:
            return nn.Sequential(nn.Flatten(), nn.Linear(like[0].numel(), 256), nn.ReLU(), nn.Linear(256, classes))
        places = -(-like.shape[2] // 4) * -(-like.shape[3] // 4)
        return nn.Sequential(
            nn.Conv2d(like.shape[1], 16, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2, ceil_mode=True),
            nn.Conv2d(16, 32, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2, ceil_mode=True),
            nn.Flatten(), nn.Linear(32 * places, 128), nn.ReLU(), nn.Linear(128, classes),
        )  # fmt: skip


def _day(examples: Examples) -> Day:
    batch = examples.all()
    return batch.x, batch.targets()


def _permuted(data: Dataset, seeds: Seeds) -> tuple[tuple[Day, ...], tuple[Day, ...]]:
    tasks = permuted(data.train, data.test, tasks=5, rng=seeds.rng("permutations"), batch_size=BATCH)
    return tuple(_day(task.train) for task in tasks), tuple(_day(task.test) for task in tasks)


def _in_scenes(data: Dataset, seeds: Seeds) -> tuple[tuple[Day, ...], tuple[Day, ...]]:
    """Digits on black, then the same digits over photographs, as MNIST-M has them."""
    scenes = load("cifar10")
    both = [in_colour(data), blended(data, scenes, rng=seeds.rng("scenes"))]
    tasks = domains(both, batch_size=BATCH)
    return tuple(_day(task.train) for task in tasks), tuple(_day(task.test) for task in tasks)


def _named(name: str) -> Callable[[Source], Dataset]:
    return lambda source: load(name)


def _yours(source: Source) -> Dataset:
    if not source.data:
        raise SystemExit("the stream 'yours' needs --data NAME, such as folder:DIR or parquet:DIR")
    return load(source.data)


def _held_out(folder: str) -> Callable[[Source], Dataset]:
    """Read when it is asked for by name only: nothing here was tuned on it."""
    return lambda source: load(f"parquet:{Path(source.data) / folder}")


def _features(file: str) -> Callable[[Source], Dataset]:
    return lambda source: load(f"features:{source.features / file}.safetensors")


def _smaller(data: Dataset, side: int) -> Dataset:
    """Images brought to `side` x `side` grey values."""

    def part(examples: Examples) -> Examples:
        small = interpolate(examples.images.float(), (side, side), mode="bilinear", antialias=True)
        return Examples(images=small.round().byte(), labels=examples.labels, classes=examples.classes)

    return Dataset(name=data.name, train=part(data.train), test=part(data.test), checksums=data.checksums)


def _omniglot(source: Source) -> Dataset:
    return _smaller(load(f"parquet:{data_root() / 'omniglot_small'}"), 28)


def _vectors(source: Source) -> Dataset:
    """Vectors of 384 numbers in twenty clusters, as embeddings of sentences are."""
    from sklearn.datasets import make_blobs

    x, y = make_blobs(n_samples=4000, n_features=384, centers=20, cluster_std=4.0, random_state=0)[:2]
    return _of_arrays("vectors", torch.tensor(x, dtype=torch.float32), torch.tensor(y), 20)


def _table(source: Source) -> Dataset:
    """Thirty columns, twelve of which tell ten classes of two clusters each apart; brought to one scale."""
    from sklearn.datasets import make_classification

    x, y = make_classification(
        n_samples=6000, n_features=30, n_informative=12, n_classes=10, class_sep=2.0, random_state=0
    )
    return _of_arrays("table", torch.tensor(x, dtype=torch.float32), torch.tensor(y), 10)


def _of_arrays(name: str, x: Tensor, y: Tensor, classes: int) -> Dataset:
    """Every fifth example of a class is for testing; columns in standard deviations of the others."""
    test = every_fifth(y)
    x = (x - x[~test].mean(0)) / x[~test].std(0)
    names = tuple(map(str, range(classes)))
    train, tested = (Examples(images=x[rows], labels=y[rows].long(), classes=names) for rows in (~test, test))
    return Dataset(name=name, train=train, test=tested, checksums={})


STREAMS: dict[str, Stream] = {
    "digits": Stream(title="scikit-learn's digits, 5 days of 2 classes", read=_named("digits")),
    "mnist": Stream(title="MNIST, 5 days of 2 classes", read=_named("mnist")),
    "fashion": Stream(title="Fashion-MNIST, 5 days of 2 classes", read=_named("fashion-mnist")),
    "cifar10": Stream(title="CIFAR-10 from scratch, 5 days of 2 classes", read=_named("cifar10")),
    "cifar100-lite0": Stream(
        title="CIFAR-100, features of EfficientNet-Lite0, 10 days of 10 classes",
        read=_features("cifar100_lite0"), per_day=10,
    ),
    "cifar100-resnet20": Stream(
        title="CIFAR-100, features of a ResNet-20 schooled on CIFAR-10, 10 days of 10 classes",
        read=_features("cifar100_resnet20"), per_day=10,
    ),
    "tiny-resnet20": Stream(
        title="Tiny ImageNet (100 classes), features of the same ResNet-20, 10 days of 10 classes",
        read=_features("tiny_resnet20"), per_day=10,
    ),
    "omniglot": Stream(
        title="Omniglot, 242 characters, 25 days of up to 10 classes", read=_omniglot, per_day=10, epochs=20
    ),
    "permuted": Stream(title="permuted MNIST, 5 domains of 10 classes", read=_named("mnist"), days=_permuted),
    "scenes": Stream(
        title="digits, then digits in scenes: 2 domains of 10 classes", read=_named("mnist"), days=_in_scenes
    ),
    "table": Stream(title="a table of scikit-learn's, 5 days of 2 classes", read=_table),
    "vectors": Stream(title="vectors of 384 numbers, 10 days of 2 classes", read=_vectors),
    "caltech101": Stream(
        title="held out: Caltech-101 at 32 pixels from scratch, 11 days of up to 10 classes",
        read=_held_out("caltech101"), per_day=10, asked=True,
    ),
    "pacs": Stream(
        title="held out: PACS at 32 pixels from scratch, four styles mixed, 4 days of up to 2 classes",
        read=_held_out("pacs"), asked=True,
    ),
    "yours": Stream(title="a data set of one's own, 2 classes a day", read=_yours, asked=True),
}  # fmt: skip


def chosen(names: Sequence[str]) -> dict[str, Stream]:
    """The streams of these names; without names all but those that have to be asked for."""
    unknown = sorted(set(names) - set(STREAMS))
    if unknown:
        raise SystemExit(f"there is no stream {unknown[0]!r}; there are {', '.join(STREAMS)}")
    return {name: stream for name, stream in STREAMS.items() if name in names or not (names or stream.asked)}
