"""The network whose blocks turn CIFAR-10 into features: the paper takes published weights, this recipe makes its own.

`pretrained_blocks` is what `oneiros features` calls: it loads what is kept or makes it. Kept weights are named by what
they follow from: configuration, data and seed.
"""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from pathlib import Path

from safetensors.torch import load as load_tensors
from torch import Tensor

from oneiros.core import Seeds
from oneiros.data import Dataset, load
from oneiros.data.streams import subsample
from oneiros.life import run_through
from oneiros.nets.blocks import ConvBlocks
from oneiros.runs.drawing import Drawing
from oneiros.runs.experiment import BuildRequest, Life
from oneiros.runs.schooling import Schooling, made_once, weights_name


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
    train = subsample(data.train, limit=config.examples, rng=Seeds(seed).rng("thin")) if config.examples else data.train
    with Seeds(seed).building("blocks"):
        net = ConvBlocks(len(train.classes), width=config.width, grid=config.grid).to(device)
    how = Schooling(
        epochs=config.epochs, batch_size=config.batch_size, lr=config.lr, degrees=0.0, shift=config.shift, zoom=0.0
    )
    return how.life(net, train, data.test, Seeds(seed, device), order="all classes", checksums=data.checksums)


def pretrained_blocks(config: BlocksConfig, data: Dataset, device: str) -> tuple[ConvBlocks, Path]:
    """The schooled blocks, and the file in the user's cache that keeps them; made there if they are not."""

    def schooled() -> Mapping[str, Tensor]:
        life = schooling(config, data, config.seed, device)
        return run_through(life.brain, life.tasks, life.schedule, life.seeds).net.state_dict()

    kept = made_once("kubo2025", weights_name("blocks", asdict(config), data.checksums), schooled)
    net = ConvBlocks(len(data.train.classes), width=config.width, grid=config.grid)
    net.load_state_dict(load_tensors(kept.read_bytes()))
    return net.to(device).eval(), kept


@dataclass(frozen=True, kw_only=True)
class Blocks:
    """`oneiros run kubo2025/blocks`: only the schooling, to see how good the blocks are."""

    scales: Mapping[str, BlocksConfig]
    name: str = "blocks"
    paper: str = "kubo2025"
    conditions: tuple[str, ...] = ("schooling",)

    def drawings(self) -> tuple[Drawing, ...]:
        """None: the paper has no figure of it."""
        return ()

    def build(self, what: BuildRequest) -> Life:
        """One schooling."""
        data = load(what.config.data, root=what.data, device=what.device)
        return schooling(replace(what.config, seed=what.seed), data, what.seed, what.device)


BLOCKS = Blocks(scales=BLOCKS_SCALES)
