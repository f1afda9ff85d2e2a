"""The network whose blocks turn CIFAR-10 into features: the paper takes published weights, this recipe makes its own.

`pretrained_blocks` is what `oneiros features` calls: it loads what is kept or makes it. Kept weights are named by what
they follow from: configuration, data and seed.
"""

import json
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, replace
from pathlib import Path

import torch
from filelock import FileLock
from safetensors.torch import load as load_tensors
from safetensors.torch import save

from oneiros.core import Brain, Seeds
from oneiros.data import Dataset, load
from oneiros.data.files import user_cache
from oneiros.life import Event, Schedule, run_through
from oneiros.nets.blocks import ConvBlocks
from oneiros.papers.recipe import Build, Life, Measured
from oneiros.phases.augment import Augment
from oneiros.phases.visual_wake import VisualWake
from oneiros.probes.accuracy import accuracy, predictions
from oneiros.report.drawing import Drawing
from oneiros.results import config_hash
from oneiros.results.folder import write_atomically
from oneiros.scenarios import joint, thin


@dataclass(frozen=True, kw_only=True)
class BlocksConfig:
    """How the blocks are schooled.

    Attributes:
        data: data set with colour images.
        examples: training examples to keep; 0 for all.
        width: share of the published channels (64 to 512).
        grid: side of the map that becomes the vector of features.
        epochs, batch_size: of the schooling.
        lr: step size of Adam.
        shift: of the random views, as a fraction of the side; they are mirrored at random, too.
        seed: of weights and views, for `pretrained_blocks`.
    """

    data: str = "cifar10"
    examples: int = 0
    width: float = 1.0
    grid: int = 2
    epochs: int = 30
    batch_size: int = 128
    lr: float = 0.001
    shift: float = 0.1
    seed: int = 0


BLOCKS_SCALES = {
    "paper": BlocksConfig(),
    # What one processor core does in a quarter of an hour.
    "quick": BlocksConfig(width=0.25, epochs=4, lr=0.002),
    "smoke": BlocksConfig(width=1 / 16, grid=1, epochs=1, examples=600),
}


def schooling(config: BlocksConfig, data: Dataset, seed: int, device: str) -> Life:
    """The life of the blocks: all classes at once; measures test accuracy at the end."""
    train = thin(data.train, limit=config.examples, rng=Seeds(seed).rng("thin")) if config.examples else data.train
    with Seeds(seed).building("blocks"):
        net = ConvBlocks(len(train.classes), width=config.width, grid=config.grid).to(device)
    task = joint(train, data.test, batch_size=config.batch_size)
    brain = Brain(net=net, optim={"wake": torch.optim.Adam(net.parameters(), lr=config.lr)})
    views = Augment(inner=(VisualWake(),), degrees=0.0, shift=config.shift, zoom=0.0)

    def measure(event: Event) -> Iterator[Measured]:
        if event.kind == "task_end":
            asked = data.test.all()
            value = accuracy(predictions(net, asked.x), asked.targets(), task.classes)
            yield Measured(metric="accuracy_seen", value=value, task=0, phase="end")

    return Life(
        brain=brain, tasks=(task,), schedule=Schedule(day=(views,), epochs=config.epochs), seeds=Seeds(seed, device),
        order="all classes", measure=measure, checksums=data.checksums,
    )  # fmt: skip


def blocks_name(config: BlocksConfig, checksums: Mapping[str, str]) -> str:
    """File name of the weights that this configuration makes of these data."""
    return f"blocks-{config_hash(json.loads(json.dumps({**asdict(config), 'checksums': dict(checksums)})))}.safetensors"


def pretrained_blocks(config: BlocksConfig, data: Dataset, device: str) -> tuple[ConvBlocks, Path]:
    """The schooled blocks, and the file in the user's cache that keeps them; made there if they are not."""
    kept = user_cache() / "kubo2025" / blocks_name(config, data.checksums)
    kept.parent.mkdir(parents=True, exist_ok=True)
    with FileLock(f"{kept}.lock"):
        if not kept.exists():
            life = schooling(config, data, config.seed, device)
            made = run_through(life.brain, life.tasks, life.schedule, life.seeds).net
            state = {name: value.detach().cpu().contiguous() for name, value in made.state_dict().items()}
            write_atomically(kept, lambda beside: beside.write_bytes(save(state)))
    net = ConvBlocks(len(data.train.classes), width=config.width, grid=config.grid)
    net.load_state_dict(load_tensors(kept.read_bytes()))
    return net.to(device).eval(), kept


@dataclass(frozen=True, kw_only=True)
class Blocks:
    """`oneiros run kubo2025/blocks`: only the schooling, to see how good the blocks are."""

    scales: Mapping[str, BlocksConfig]
    name: str = "blocks"
    summary: str = "convolutional blocks learn CIFAR-10 (ours; the paper takes published weights)"
    paper: str = "kubo2025"
    conditions: tuple[str, ...] = ("schooling",)
    drawings: tuple[Drawing, ...] = ()

    def build(self, what: Build) -> Life:
        """One schooling."""
        data = load(what.config.data, root=what.data, device=what.device)
        return schooling(replace(what.config, seed=what.seed), data, what.seed, what.device)


BLOCKS = Blocks(scales=BLOCKS_SCALES)
