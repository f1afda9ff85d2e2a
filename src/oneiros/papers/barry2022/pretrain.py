"""The replica's experience: a VGG learns the classes that are not novel, once, and its convolutions are kept.

`pretrained_features` is what the other experiments call: it loads what is kept or makes it. Kept weights are named by
what they follow from: configuration, data and seed.
"""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from importlib import resources

from safetensors.torch import load
from torch import Tensor

from oneiros.core import Seeds
from oneiros.data import Dataset
from oneiros.data import load as load_data
from oneiros.life import run_through
from oneiros.nets.vgg import VGG
from oneiros.papers.barry2022.config import SCALES, Config
from oneiros.papers.barry2022.lessons import curriculum, lessons_of
from oneiros.runs.drawing import Drawing
from oneiros.runs.experiment import BuildRequest, Life
from oneiros.runs.schooling import Schooling, made_once, weights_name


def schooling(config: Config, data: Dataset, seed: int, device: str) -> Life:
    """The life of the network that learns the base classes; measures its accuracy on validation images of them."""
    plan = curriculum(data.train.classes, config)
    taught = lessons_of(data.train, data.test, plan.base, config, data.checksums)
    with Seeds(seed).building("pretraining"):
        net = VGG(replace(config.anatomy, dropout=config.pretraining.dropout), len(plan.base)).to(device)
    how = Schooling(
        epochs=config.pretraining.epochs, batch_size=config.pretraining.batch_size, lr=config.pretraining.lr,
        degrees=config.degrees, shift=config.shift, zoom=config.zoom,
    )  # fmt: skip
    seeds = Seeds(seed, device)
    return how.life(net, taught.train, taught.validation, seeds, order="base classes", checksums=data.checksums)


def features_name(config: Config, checksums: Mapping[str, str]) -> str:
    """File name of the convolutions that this configuration makes of these data."""
    parts = ("data", "anatomy", "pretraining", "base", "per_model", "similar", "validation", "degrees", "shift", "zoom")
    return weights_name("vgg", {name: value for name, value in asdict(config).items() if name in parts}, checksums)


def pretrained_features(config: Config, data: Dataset, device: str) -> dict[str, Tensor]:
    """Convolutions of the pretrained VGG: those that come with the package, those kept before, or new ones."""
    name = features_name(config, data.checksums)
    shipped = resources.files("oneiros") / "papers" / "barry2022" / "weights" / name
    if shipped.is_file():
        return load(shipped.read_bytes())
    return load(made_once("barry2022", name, lambda: schooled(config, data, device)).read_bytes())


def schooled(config: Config, data: Dataset, device: str) -> dict[str, Tensor]:
    """Live through the schooling; the convolutions, and nothing else."""
    life = schooling(config, data, config.pretraining.seed, device)
    net = run_through(life.brain, life.tasks, life.schedule, life.seeds).net
    assert isinstance(net, VGG)
    return {f"features.{key}": value for key, value in net.features.state_dict().items()}


@dataclass(frozen=True, kw_only=True)
class Pretrain:
    """`oneiros run barry2022/pretrain`: only the schooling, to see how good the replica's network is."""

    scales: Mapping[str, Config]
    name: str = "pretrain"
    paper: str = "barry2022"
    conditions: tuple[str, ...] = ("schooling",)

    def drawings(self) -> tuple[Drawing, ...]:
        """None: the paper has no figure of it."""
        return ()

    def build(self, what: BuildRequest) -> Life:
        """One schooling."""
        data = load_data(what.config.data, root=what.data, device=what.device)
        return schooling(what.config, data, what.seed, what.device)


PRETRAIN = Pretrain(scales=SCALES)
