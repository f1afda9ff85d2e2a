"""Constants of Deperrois, Petrovici, Senn & Jordan 2022, each with its source; where sources differ, all are named.

"Code" is the authors' published program, from which the paper's tables come. `--set NAME=VALUE` replaces a field.
"""

from dataclasses import dataclass, replace
from typing import Literal


@dataclass(frozen=True, kw_only=True)
class Config:
    """Wake, NREM and REM on one data set of colour images of 32 x 32 pixels.

    Attributes:
        data: data set, see `oneiros.data.names()`.
        evaluate_on: "test", or "validation" while choosing constants.
        validation: fraction of the training images set aside for that; all are trained on when testing (paper).
        examples: training images, every class keeping its share; 0 for all. Smaller scales use fewer.
        test_examples: images that readouts and distances are tested on; 0 for all.
        channels: of the encoder's first layer.
        latents: n_z.
        batch_size: b.
        epochs: of training.
        learning_rate, beta1, beta2: of Adam, one optimiser for the encoder and one for the generator.
        memories, newest: lambda and lambda' of the mixed dream.
        noise_without_rem: sd of the noise on z in Wake where there is no REM.
        nrem_weight_without_rem: of NREM's loss there.
        readout_epochs, readout_rate: of the linear readout by SGD.
        ridge_penalty: of the ridge readout, on the diagonal of the latents' correlation matrix.
        probe_every: epochs from one reading to the next.
        occlusions: probabilities at which readouts are tested, with squares of `occlusion_square` pixels.
        distance_occlusion: probability for the distance between clean and covered images.
        fid_samples: images on either side of the Frechet distance.
        extractor: network whose features it is measured in, see `oneiros.nets.extractors`.
        gallery_epochs: epochs after which dreams are drawn and their Frechet distance is measured; the last always is.
    """

    data: str
    evaluate_on: Literal["test", "validation"] = "test"
    validation: float = 0.1
    examples: int = 0
    test_examples: int = 0
    channels: int = 64
    latents: int = 256
    batch_size: int = 64
    epochs: int = 50
    learning_rate: float = 2e-4
    beta1: float = 0.5
    beta2: float = 0.999
    memories: float = 0.5
    newest: float = 0.5
    noise_without_rem: float = 0.5**0.5  # paper: N(0, .5 I), so sd .707; code: an sd whose value is ambiguous
    nrem_weight_without_rem: float = 0.5
    readout_epochs: int = 20
    readout_rate: float = 0.2
    ridge_penalty: float = 0.01  # ours; set once, before any run; the README has what other values give
    probe_every: int = 1
    occlusions: tuple[float, ...] = (0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1.0)
    occlusion_square: int = 4
    distance_occlusion: float = 0.3
    fid_samples: int = 10_000
    extractor: Literal["untrained-encoder", "torchvision-inception-v3"] = "untrained-encoder"  # paper: Inception-v3
    gallery_epochs: tuple[int, ...] = (1,)

    def __post_init__(self) -> None:
        for name in ("channels", "latents", "epochs", "readout_epochs", "probe_every", "occlusion_square"):
            if getattr(self, name) < 1:
                raise ValueError(f"{name} is {getattr(self, name)}; expected at least 1")
        for name in ("batch_size", "fid_samples"):
            if getattr(self, name) < 2:
                raise ValueError(f"{name} is {getattr(self, name)}; expected at least 2")
        for name in ("memories", "newest", "distance_occlusion"):
            if not 0 <= getattr(self, name) <= 1:
                raise ValueError(f"{name} is {getattr(self, name)}; expected a share between 0 and 1")
        if not all(0 <= share <= 1 for share in self.occlusions):
            raise ValueError(f"occlusions is {self.occlusions}; expected probabilities between 0 and 1")
        if not 0 < self.validation < 1:
            raise ValueError(f"validation is {self.validation}; expected a fraction between 0 and 1")


CIFAR10 = Config(data="cifar10")
SVHN = Config(data="svhn")
# What a CPU can do with all images: 35 minutes of one core for PAD, 23 without REM, readings included (one seed each).
CIFAR10_TEN_EPOCHS = Config(data="cifar10", epochs=10)

QUICK = {
    "examples": 10_000, "test_examples": 5_000, "epochs": 3, "fid_samples": 2_000,
    "occlusions": (0.2, 0.4, 0.6, 0.8, 1.0),
}  # fmt: skip
SMOKE = {
    "examples": 80, "test_examples": 40, "channels": 4, "latents": 8, "batch_size": 16, "epochs": 2,
    "readout_epochs": 2, "fid_samples": 32, "occlusions": (0.6, 1.0),
}  # fmt: skip


def scales(config: Config) -> dict[str, Config]:
    """The three scales of a data set's experiment."""
    return {"paper": config, "quick": replace(config, **QUICK), "smoke": replace(config, **SMOKE)}
