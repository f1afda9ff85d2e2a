"""How a network comes by its experience where a paper takes published weights: all classes at once, and kept.

Ours. Tests: `tests/runs/test_schooling.py`.
"""

import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import torch
from filelock import FileLock
from safetensors.torch import save
from torch import Tensor, nn

from oneiros.core import Brain, Seeds
from oneiros.data import Examples
from oneiros.data.files import user_cache
from oneiros.data.streams import joint
from oneiros.life import Event, Schedule
from oneiros.measure.probes.accuracy import accuracy, predictions
from oneiros.phases.around.augment import Augment
from oneiros.phases.wake.visual_wake import VisualWake
from oneiros.runs.experiment import Life, Measured
from oneiros.runs.store import config_hash
from oneiros.runs.store.disk import write_atomically


@dataclass(frozen=True, kw_only=True)
class Schooling:
    """Days on random views of all images, by torch's Adam with its default epsilon.

    Attributes:
        epochs, batch_size, lr: of the training.
        degrees, shift, zoom: of the random views, see `Augment`.
    """

    epochs: int
    batch_size: int
    lr: float
    degrees: float
    shift: float
    zoom: float

    def life(
        self,
        net: nn.Module,
        train: Examples,
        judged: Examples,
        seeds: Seeds,
        *,
        order: str,
        checksums: Mapping[str, str],
    ) -> Life:
        """The life of a network that learns `train`; accuracy on `judged` is measured at its end."""
        task = joint(train, judged, batch_size=self.batch_size)
        brain = Brain(net=net, optim={"wake": torch.optim.Adam(net.parameters(), lr=self.lr)})
        views = Augment(inner=(VisualWake(),), degrees=self.degrees, shift=self.shift, zoom=self.zoom)

        def measure(event: Event) -> Iterator[Measured]:
            if event.kind == "task_end":
                asked = judged.all()
                value = accuracy(predictions(net, asked.x), asked.targets(), task.classes)
                yield Measured(metric="accuracy_seen", value=value, task=0, phase="end")

        return Life(
            brain=brain, tasks=(task,), schedule=Schedule(day=(views,), epochs=self.epochs), seeds=seeds, order=order,
            measure=measure, checksums=checksums,
        )  # fmt: skip


def weights_name(kind: str, told: Mapping[str, object], checksums: Mapping[str, str]) -> str:
    """File name of the weights that these settings make of these data: other settings, another name."""
    return f"{kind}-{config_hash(json.loads(json.dumps({**told, 'checksums': dict(checksums)})))}.safetensors"


def made_once(paper: str, name: str, make: Callable[[], Mapping[str, Tensor]]) -> Path:
    """The file of tensors of that name in the user's cache; `make` is called if it is not there.

    Several workers may ask at once: one makes it and the others wait.
    """
    kept = user_cache() / paper / name
    kept.parent.mkdir(parents=True, exist_ok=True)
    with FileLock(f"{kept}.lock"):
        if not kept.exists():
            state = {key: value.detach().cpu().contiguous() for key, value in make().items()}
            write_atomically(kept, lambda beside: beside.write_bytes(save(state)))
    return kept
