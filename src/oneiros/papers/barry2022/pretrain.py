"""The replica's experience: a VGG learns the classes that are not novel, once, and its convolutions are kept.

`pretrained_features` is what the other experiments call: it loads what is kept or makes it. Kept weights are named by
what they follow from: configuration, data and seed.
"""

import json
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, replace
from importlib import resources
from pathlib import Path

import torch
from filelock import FileLock
from safetensors.torch import load, save
from torch import Tensor

from oneiros.core import Brain, Seeds
from oneiros.data import Dataset
from oneiros.data import load as load_data
from oneiros.data.files import user_cache
from oneiros.life import Event, Schedule, run_through
from oneiros.nets.vgg import VGG
from oneiros.papers.barry2022.config import SCALES, Config
from oneiros.papers.barry2022.lessons import curriculum, lessons_of
from oneiros.papers.recipe import Build, Life, Measured
from oneiros.phases.augment import Augment
from oneiros.phases.visual_wake import VisualWake
from oneiros.probes.accuracy import accuracy, predictions
from oneiros.report.drawing import Drawing
from oneiros.results import config_hash
from oneiros.results.folder import write_atomically
from oneiros.scenarios import joint


def schooling(config: Config, data: Dataset, seed: int, device: str) -> Life:
    """The life of the network that learns the base classes; measures its accuracy on validation images of them."""
    plan = curriculum(data.train.classes, config)
    taught = lessons_of(data.train, data.test, plan.base, config, data.checksums)
    with Seeds(seed).building("pretraining"):
        net = VGG(replace(config.anatomy, dropout=config.pretraining.dropout), len(plan.base)).to(device)
    task = joint(taught.train, taught.validation, batch_size=config.pretraining.batch_size)
    brain = Brain(net=net, optim={"wake": torch.optim.Adam(net.parameters(), lr=config.pretraining.lr)})
    views = Augment(inner=(VisualWake(),), degrees=config.degrees, shift=config.shift, zoom=config.zoom)

    def measure(event: Event) -> Iterator[Measured]:
        if event.kind == "task_end":
            asked = taught.validation.all()
            value = accuracy(predictions(net, asked.x), asked.targets(), task.classes)
            yield Measured(metric="accuracy_seen", value=value, task=0, phase="end")

    return Life(
        brain=brain,
        tasks=(task,),
        schedule=Schedule(day=(views,), epochs=config.pretraining.epochs),
        seeds=Seeds(seed, device),
        order="base classes",
        measure=measure,
        checksums=data.checksums,
    )


def weights_name(config: Config, checksums: Mapping[str, str]) -> str:
    """File name of the convolutions that this configuration makes of these data."""
    parts = ("data", "anatomy", "pretraining", "base", "per_model", "similar", "validation", "degrees", "shift", "zoom")
    told = {name: value for name, value in asdict(config).items() if name in parts}
    return f"vgg-{config_hash(json.loads(json.dumps({**told, 'checksums': dict(checksums)})))}.safetensors"


def pretrained_features(config: Config, data: Dataset, device: str) -> dict[str, Tensor]:
    """Convolutions of the pretrained VGG: those that come with the package, those kept before, or new ones."""
    name = weights_name(config, data.checksums)
    shipped = resources.files("oneiros") / "papers" / "barry2022" / "weights" / name
    if shipped.is_file():
        return load(shipped.read_bytes())
    kept = user_cache() / "barry2022" / name
    kept.parent.mkdir(parents=True, exist_ok=True)
    # Several workers ask at once; one makes it and the others wait.
    with FileLock(f"{kept}.lock"):
        if not kept.exists():
            keep_features(schooled(config, data, device), kept)
        return load(kept.read_bytes())


def schooled(config: Config, data: Dataset, device: str) -> VGG:
    """Live through the schooling."""
    life = schooling(config, data, config.pretraining.seed, device)
    net = run_through(life.brain, life.tasks, life.schedule, life.seeds).net
    assert isinstance(net, VGG)
    return net


def keep_features(net: VGG, path: Path) -> None:
    """Write its convolutions, and nothing else, as safetensors."""
    state = {f"features.{key}": value.detach().cpu().contiguous() for key, value in net.features.state_dict().items()}
    write_atomically(path, lambda beside: beside.write_bytes(save(state)))


@dataclass(frozen=True, kw_only=True)
class Pretrain:
    """`oneiros run barry2022/pretrain`: only the schooling, to see how good the replica's network is."""

    scales: Mapping[str, Config]
    name: str = "pretrain"
    summary: str = "the replica's VGG learns the base classes (ours; the paper takes published weights)"
    paper: str = "barry2022"
    conditions: tuple[str, ...] = ("schooling",)
    drawings: tuple[Drawing, ...] = ()

    def build(self, what: Build) -> Life:
        """One schooling."""
        data = load_data(what.config.data, root=what.data, device=what.device)
        return schooling(what.config, data, what.seed, what.device)


PRETRAIN = Pretrain(scales=SCALES)
