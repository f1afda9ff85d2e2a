"""`oneiros features`: pass every image of a data set through a fixed network once, and keep what comes out."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from oneiros.data import Dataset, Examples, load
from oneiros.data.features import features_bytes
from oneiros.data.files import sha256_of
from oneiros.data.photographs import class_names, load_photographs
from oneiros.measure.probes.accuracy import accuracy
from oneiros.nets.backbones import BackboneError, torchvision_backbone
from oneiros.nets.timm_networks import PREFIX, timm_backbone
from oneiros.papers.kubo2025.blocks import BLOCKS_SCALES, pretrained_blocks
from oneiros.runs.store import code_version
from oneiros.runs.store.disk import write_atomically

BLOCKS = "blocks"
BATCH = 250
Progress = Callable[[float, str], None]


@dataclass(frozen=True, kw_only=True)
class Extraction:
    """What is to be extracted.

    Attributes:
        data: data set, see `oneiros.data.names()`; or photographs:DIR, resized as they are read.
        backbone: "blocks" (the recipe's own, schooled on `data` if they are not kept), a network of torchvision, or
            timm:NAME.
        layer: of such a network; "" for the last one before the class scores.
        weights: of such a network: "download", "random" or a safetensors file.
        scale: of the blocks' schooling.
        size: side to which such a network gets its images.
        classes: number of classes of photographs to take, in alphabetical order of their folders; 0 for all.
        root: folder with the data sets.
        device: where tensors live.
    """

    data: str
    backbone: str
    layer: str
    weights: str
    scale: str
    size: int
    classes: int
    root: Path | None
    device: str


def extract(asked: Extraction, to: Path, progress: Progress) -> dict[str, Any]:
    """Write the features to `to`; how they were made.

    Raises:
        DataError, BackboneError: data or network cannot be had.
    """
    made: dict[str, Any]
    data = _images(asked)
    if data.train.images.dtype != torch.uint8 or data.train.images.shape[1] != 3:
        raise BackboneError(f"{asked.data} holds {list(data.train.images.shape[1:])}; a backbone needs colour images")
    if asked.backbone == BLOCKS:
        progress(0.0, "schooling the blocks, unless they are kept")
        blocks, file = pretrained_blocks(replace(BLOCKS_SCALES[asked.scale], data=asked.data), data, asked.device)
        describe, made = blocks.describe, {"scale": asked.scale}
        made |= {"weights": file.name, "weights_sha256": sha256_of(file.read_bytes())}
        train, test = (_described(each, describe, asked.device, progress) for each in (data.train, data.test))
        scores = blocks.classifier(test.images.to(asked.device)).detach()
        seen = tuple(range(len(test.classes)))
        made["test_accuracy"] = accuracy(scores.argmax(1).cpu(), test.labels.cpu(), seen)
    else:
        timms = asked.backbone.startswith(PREFIX)
        backbone, last = (timm_backbone, "before the scores") if timms else (torchvision_backbone, "avgpool")
        net = backbone(asked.backbone, asked.layer, asked.weights, size=asked.size).to(asked.device)
        made = {"layer": asked.layer or last, "weights": asked.weights, "size": asked.size}
        made["weights_sha256"] = weights_digest(net)
        train, test = (_described(each, net, asked.device, progress) for each in (data.train, data.test))
    provenance = {
        "data": asked.data,
        "checksums": dict(data.checksums),
        "backbone": asked.backbone,
        **made,
        "features": train.images.shape[1],
        "code": code_version(),
    }
    content = features_bytes(train, test, provenance)
    to.parent.mkdir(parents=True, exist_ok=True)
    write_atomically(to, lambda beside: beside.write_bytes(content))
    return provenance


def _images(asked: Extraction) -> Dataset:
    if not asked.data.startswith("photographs:"):
        return load(asked.data, root=asked.root)
    names = class_names(asked.root, asked.data)
    chosen = names[: asked.classes or len(names)]
    train, test, checksums = load_photographs(asked.root, asked.data, chosen, range(len(chosen)), asked.size)
    return Dataset(name=asked.data, train=train, test=test, checksums=checksums)


def _described(examples: Examples, describe: Callable[[Tensor], Tensor], device: str, progress: Progress) -> Examples:
    found: list[Tensor] = []
    with torch.no_grad():
        for index in torch.arange(len(examples)).split(BATCH):
            found.append(describe(examples.batch(index).x.to(device)).float().cpu())
            progress((int(index[-1]) + 1) / len(examples), f"{int(index[-1]) + 1} of {len(examples)} images")
    return Examples(images=torch.cat(found), labels=examples.labels.cpu(), classes=examples.classes)


def weights_digest(net: nn.Module) -> str:
    """Sha256 over all parameters and buffers, in the order of their names."""
    state = sorted(net.state_dict().items())
    return sha256_of(b"".join(name.encode() + value.cpu().numpy().tobytes() for name, value in state))
