"""Pictures that a run keeps beside its rows: galleries of samples and dreams, as PNG files that say what they show."""

import io
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from oneiros.runs.store.errors import DamagedError

if TYPE_CHECKING:
    import numpy as np

GAP = 2  # pixels of white between tiles


@dataclass(frozen=True, kw_only=True, eq=False)
class Picture:
    """A gallery: tiles of one size in rows and columns.

    Attributes:
        name: which gallery, such as "samples"; a report puts its pictures under one slider.
        day: index of the task after or during which it was made.
        step: where in that day, for a slider over training: the epoch, or batches lived; 0 if there is one a day.
        tiles: `[rows, columns, height, width, channels]`, uint8, with 1 or 3 channels.
        caption: what it shows, in a sentence.
        labels: one for each row, such as the class asked for; or none.
    """

    name: str
    day: int
    step: int = 0
    tiles: "np.ndarray"
    caption: str
    labels: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        shape = self.tiles.shape
        if self.tiles.dtype != "uint8" or self.tiles.ndim != 5 or shape[4] not in (1, 3) or 0 in shape:
            raise ValueError(
                f"Picture {self.name!r} has tiles {shape} of {self.tiles.dtype}; "
                "expected uint8 [rows, columns, height, width, 1 or 3]"
            )
        if self.labels and len(self.labels) != shape[0]:
            raise ValueError(f"Picture {self.name!r} has {shape[0]} rows but {len(self.labels)} labels")

    @property
    def file(self) -> str:
        """Name of its file: sorted by name, then day, then step."""
        return f"{self.name}-day-{self.day:03d}-step-{self.step:07d}.png"


@dataclass(frozen=True, kw_only=True)
class PictureInfo:
    """What a kept picture says of itself.

    Attributes:
        path: the PNG file.
        name, day, step, caption, labels: as in `Picture`.
        rows, columns: of tiles.
        tile: height and width of one tile, in pixels; tiles are `GAP` pixels apart.
    """

    path: Path
    name: str
    day: int
    step: int
    caption: str
    labels: tuple[str, ...]
    rows: int
    columns: int
    tile: tuple[int, int]


def to_png(picture: Picture) -> bytes:
    """The picture as a PNG file: the same bytes for the same picture."""
    import numpy as np  # `status`, which draws nothing, does not wait for these
    from PIL import Image, PngImagePlugin

    rows, columns, height, width, channels = picture.tiles.shape
    sheet = np.full((rows * (height + GAP) - GAP, columns * (width + GAP) - GAP, channels), 255, dtype=np.uint8)
    for row in range(rows):
        for column in range(columns):
            top, left = row * (height + GAP), column * (width + GAP)
            sheet[top : top + height, left : left + width] = picture.tiles[row, column]
    said = {key: value for key, value in asdict(picture).items() if key != "tiles"}
    said |= {"rows": rows, "columns": columns, "tile": [height, width]}
    text = PngImagePlugin.PngInfo()
    text.add_itxt("oneiros", json.dumps(said))
    buffer = io.BytesIO()
    Image.fromarray(sheet.squeeze(2) if channels == 1 else sheet).save(buffer, format="png", pnginfo=text)
    return buffer.getvalue()


def read_picture(path: Path) -> PictureInfo:
    """What the picture at `path` shows.

    Raises:
        DamagedError: it cannot be read, or was not written by `to_png`.
    """
    from PIL import Image

    try:
        with Image.open(path) as image:
            image.load()
            said: Mapping = json.loads(image.info["oneiros"])  # pyright: ignore[reportAttributeAccessIssue]
        known = {key: said[key] for key in ("name", "day", "step", "caption", "rows", "columns")}
        return PictureInfo(path=path, labels=tuple(said["labels"]), tile=tuple(said["tile"]), **known)
    except (OSError, KeyError, TypeError, ValueError) as error:
        raise DamagedError(f"{path} is no picture of a run ({error}); delete the run's folder and run again") from error
