"""What is measured of a dreaming brain, when, and under which name (Methods, "Evaluation").

Rows after whole epochs carry the phase "step:N" (N batches lived), rows of the trained network "end".
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor, nn

from oneiros.core import Brain, Seeds
from oneiros.data import Examples
from oneiros.data.streams import centred
from oneiros.life import Event
from oneiros.measure.metrics import Organisation, frechet_distance, moments
from oneiros.measure.metrics.distances import euclidean, mean_square
from oneiros.measure.probes import Readout, ridge_readout, sgd_readout
from oneiros.measure.probes.dreaming import Nights, covered, distances, dreams, encoded, losses, pairs, principal_axes
from oneiros.nets.dreaming import DreamingNet
from oneiros.papers.deperrois2022.config import Config
from oneiros.runs.experiment import Measured
from oneiros.runs.store import Picture

CHUNK = 250  # images at a time
GALLERY = 12  # images in a gallery
LOSS_IMAGES = 500  # images that all losses are measured on
POINTS = 20  # images of each class in the PCA figure


class Clean(NamedTuple):
    """Latents of all images, uncovered, and the readouts learned on the training ones."""

    train: Tensor
    test: Tensor
    readouts: Mapping[str, Readout]


@dataclass(kw_only=True, eq=False)
class Observer:
    """Measures and draws one run; all it holds are sums of losses within an epoch, which checkpoints keep."""

    brain: Brain
    config: Config
    seeds: Seeds
    train: Examples
    test: Examples
    batches: int  # in an epoch
    epochs: int
    extractor: nn.Module
    nights: Nights
    sums: dict[str, Tensor] = field(default_factory=dict)

    @property
    def net(self) -> DreamingNet:
        """The brain's net."""
        return self.brain.network(DreamingNet)

    def measure(self, event: Event) -> Iterator[Measured]:
        """Rows of an event."""
        for key, value in event.values.items():
            name = f"{event.phase}/{key}"
            self.sums[name] = self.sums.get(name, torch.zeros_like(value)) + value
        lived = event.epoch if event.kind == "task_end" else event.epoch + 1
        found: dict[str, float] = {}
        if event.kind == "epoch_end":
            # By name: a checkpoint gives the sums back in an order of its own.
            found = {name: float(value) / self.batches for name, value in sorted(self.sums.items())} | self.losses()
            self.sums.clear()
            if lived < self.epochs:
                found |= self.separability(self.clean()) if lived % self.config.probe_every == 0 else {}
                found |= self.realism() if lived in self.config.gallery_epochs else {}
        if event.kind == "task_end":
            clean = self.clean()
            found = self.separability(clean) | self.realism()
            final = found | self.robustness(clean.readouts) | self.organisation(clean) | self.axes(clean)
            final["stored_bytes"] = float(sum(memory.nbytes for memory in self.brain.memory.values()))
            yield from (Measured(metric=m, value=v, task=event.task, phase="end") for m, v in final.items())
        phase = f"step:{lived * self.batches}"
        yield from (Measured(metric=m, value=v, task=event.task, phase=phase) for m, v in found.items())

    def clean(self) -> Clean:
        """Latents, the paper's readout and the ridge one."""
        c, y, n_classes = self.config, self.train.labels, len(self.train.classes)
        train, test = (encoded(self.net, self.images(examples)) for examples in (self.train, self.test))
        by_sgd = sgd_readout(train, y, n_classes, self.rng("readout"), epochs=c.readout_epochs, rate=c.readout_rate)
        return Clean(train, test, {"sgd": by_sgd, "ridge": ridge_readout(train, y, n_classes, penalty=c.ridge_penalty)})

    def separability(self, clean: Clean) -> dict[str, float]:
        """Test accuracy of both readouts on clean images."""
        readouts, y = clean.readouts, self.test.labels
        scores = {f"separability_{name}": readout.accuracy(clean.test, y) for name, readout in readouts.items()}
        if not self.config.examples:
            scores[f"separability_epoch_{self.epochs}"] = scores["separability_sgd"]
        return scores

    def robustness(self, readouts: Mapping[str, Readout]) -> dict[str, float]:
        """Test accuracy of the same readouts on images covered in part (Fig. 5)."""
        found: dict[str, float] = {}
        for share in self.config.occlusions:
            hidden = covered(self.images(self.test), share, self.config.occlusion_square, self.rng("occlusion"))
            z = encoded(self.net, hidden)
            for name, readout in readouts.items():
                found[f"{name}_at_occlusion_{100 * share:.0f}"] = readout.accuracy(z, self.test.labels)
        return found

    def organisation(self, clean: Clean) -> dict[str, float]:
        """Distances and their ratios: Euclidean on test images (paper), mean squared on training images (code)."""
        found: dict[str, float] = {}
        for suffix, examples, z, distance in (
            ("", self.test, clean.test, euclidean),
            ("_squared_train", self.train, clean.train, mean_square),
        ):
            hidden = covered(
                self.images(examples), self.config.distance_occlusion, self.config.occlusion_square, self.rng("hide")
            )
            room = Organisation(
                *distances(z, encoded(self.net, hidden), pairs(examples.labels, self.rng("pairs")), distance)
            )
            ratios = {name: getattr(room, name) for name in ("intra_over_inter", "clean_covered_over_inter")}
            found |= {f"{name}{suffix}": value for name, value in (room._asdict() | ratios).items()}
            # A ratio of ratios is a difference of logarithms, which is what claims are made of.
            found[f"log_clean_covered_over_inter{suffix}"] = float(np.log(room.clean_covered_over_inter))
        return found

    def axes(self, latents: Clean) -> dict[str, float]:
        """Test images, clean and covered, on the first two principal axes of the latents (Fig. 6 b-d)."""
        y = self.test.labels
        some = torch.cat([(y == label).nonzero().flatten()[:POINTS] for label in y.unique()])
        shown = self.test.subset(some)
        hidden = covered(
            self.images(shown), self.config.distance_occlusion, self.config.occlusion_square, self.rng("hide")
        )
        mean, axes, shares = principal_axes(latents.test, 2)
        clean, dim = ((encoded(self.net, x) - mean) @ axes.T for x in (self.images(shown), hidden))
        found = {f"pca_variance:{axis}": float(share) for axis, share in enumerate(shares)}
        for i, label in enumerate(shown.labels.tolist()):
            for axis in range(2):
                found[f"pca_clean:{label}:{i}:{axis}"] = float(clean[i, axis])
                found[f"pca_covered:{label}:{i}:{axis}"] = float(dim[i, axis])
        return found

    def losses(self) -> dict[str, float]:
        """All losses on the same training images, trained on or not (Appendix 1, Figs. 1 and 2)."""
        present, previous = self.two_batches("losses", min(LOSS_IMAGES, len(self.train) // 2))
        measured = losses(self.net, present, previous, self.nights, self.rng("losses-noise"))
        return {f"loss/{name}": value for name, value in measured.items()}

    def realism(self) -> dict[str, float]:
        """Frechet distance of the condition's dreams, NREM's not covered, to training images (Fig. 3 d)."""
        present, previous = self.two_batches("fid", min(self.config.fid_samples, len(self.train) // 2))
        rng, features = self.rng("fid-noise"), ([], [], [])
        with torch.no_grad():
            for x, old in zip(present.split(CHUNK), previous.split(CHUNK), strict=True):
                dreamed = dreams(self.net, x, old, self.nights, rng)
                for kept, images in zip(features, (x, dreamed.nrem, dreamed.rem), strict=True):
                    kept.append(self.extractor(images).double().cpu().numpy())
        real, nrem, rem = (moments(np.concatenate(kept)) for kept in features)
        name = self.config.extractor
        return {
            f"fid_nrem/{name}": frechet_distance(real, nrem),
            f"fid_rem/{name}": frechet_distance(real, rem),
        }

    def draw(self, event: Event) -> Iterator[Picture]:
        """Dreams beside the wake images they came from (Fig. 3 a-c), always of the same images."""
        epoch = event.epoch + 1
        if event.kind != "epoch_end" or epoch not in (*self.config.gallery_epochs, self.epochs):
            return
        present, previous = self.two_batches("gallery", min(GALLERY, len(self.train) // 2))
        dreamed = dreams(self.net, present, previous, self.nights, self.rng("gallery-noise"))
        yield _picture(
            "nrem", epoch, {"wake": present, "dream": dreamed.nrem, "as NREM shows it": dreamed.shown},
            "NREM: each image as it was seen awake, as its latents call it up again, and covered by the night's mask",
        )  # fmt: skip
        yield _picture(
            "rem", epoch, {"wake": present, "wake before": previous, "dream": dreamed.rem},
            "REM: two images seen awake, and what their latents call up, mixed as in this condition's REM",
        )  # fmt: skip

    def images(self, examples: Examples) -> Iterator[Tensor]:
        """All images in [-1, 1], `CHUNK` at a time."""
        for index in torch.arange(len(examples)).split(CHUNK):
            yield centred(examples.batch(index).x)

    def two_batches(self, name: str, n: int) -> tuple[Tensor, Tensor]:
        """Twice `n` training images, always the same ones for the same name and seed."""
        order = torch.randperm(len(self.train), generator=self.rng(name))
        present, previous = (centred(self.train.batch(part).x) for part in (order[:n], order[n : 2 * n]))
        return present, previous

    def rng(self, name: str) -> torch.Generator:
        """The same stream at every measurement; on the CPU, so that every device sees the same images."""
        return Seeds(self.seeds.seed).rng(f"probe-{name}")


def _picture(name: str, epoch: int, rows: dict[str, Tensor], caption: str) -> Picture:
    tiles = torch.stack(list(rows.values())).permute(0, 1, 3, 4, 2)
    grey = ((tiles + 1) * 127.5).round().clamp(0, 255).to(torch.uint8)
    return Picture(name=name, day=0, step=epoch, tiles=grey.cpu().numpy(), caption=caption, labels=tuple(rows))
