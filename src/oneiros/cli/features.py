"""`oneiros features`."""

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal

import tyro
from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

from oneiros.cli.asked import Positional, RequestError, Scale, device_of, within


@dataclass(frozen=True, kw_only=True)
class FeaturesCommand:
    """Pass a data set's images through a fixed network once, and keep the features as one checked file.

    An experiment uses it as data set features:FILE.

    Example: oneiros features cifar10 --backbone resnet152 --weights download --out cifar10-resnet152.safetensors
    """

    data: Positional[str]
    """Data set of colour images: cifar10, svhn, folder:DIR, photographs:DIR (resized as read), ..."""
    backbone: str = "blocks"
    """blocks: the recipe's own, schooled when first asked for; else a network of torchvision, or timm:NAME."""
    layer: str = ""
    """Layer of such a network; the last one before the class scores if left out."""
    weights: str = "download"
    """For such a network: download, random, or a .safetensors file with its state_dict."""
    scale: Scale = "quick"
    """How long the blocks are schooled: quick, a quarter of an hour on one core; paper, better with a GPU."""
    size: int = 224
    """Side in pixels to which images are resized for such a network."""
    classes: int = 0
    """Classes of photographs:DIR to take, in alphabetical order; 0: all."""
    root: Annotated[Path | None, tyro.conf.arg(name="data-root")] = None
    """Folder with the data sets (default: $ONEIROS_DATA, else a cache that downloads fill)."""
    device: Literal["auto", "cpu", "cuda"] = "auto"
    """Where tensors live."""
    out: Path | None = None
    """File to write (default: out/DATA-BACKBONE.safetensors)."""

    def __call__(self, console: Console) -> int:
        """Do it; the exit code."""
        # Imported here: it needs torch, which other commands should not wait for.
        from oneiros.cli.extraction import Extraction, extract
        from oneiros.nets.backbones import BackboneError

        within(self, {"size": (1, 4096), "classes": (0, 1e7)})
        asked = Extraction(
            data=self.data, backbone=self.backbone, layer=self.layer, weights=self.weights,
            scale=self.scale, size=self.size, classes=self.classes, root=self.root,
            device=device_of(self.device),
        )  # fmt: skip
        name = "".join(c if c.isalnum() else "-" for c in self.data)
        out = self.out or Path("out") / f"{name}-{self.backbone}.safetensors"
        with Progress(TextColumn("{task.description}"), BarColumn(), TimeElapsedColumn(), console=console) as progress:
            bar = progress.add_task("", total=1.0)
            try:
                made = extract(asked, out, lambda done, text: progress.update(bar, completed=done, description=text))
            except BackboneError as error:
                raise RequestError(str(error)) from error
        for key, value in made.items():
            console.print(f"{key}: {escape(str(value))}", highlight=False, soft_wrap=True)
        console.print(f"[bold]features[/] {out}   use it as data set features:{out}", highlight=False, soft_wrap=True)
        return 0
