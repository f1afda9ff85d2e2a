"""Pictures that runs kept -> one figure with a slider over days and steps; every picture is in the page once."""

import base64
import hashlib
import html
import io
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from PIL import Image

from oneiros.runs.store import DamagedError, PictureInfo, RunInfo, read_pictures

MOST_SEEDS = 3
# Pictures with more pixels are shown as they are; small ones are enlarged to about this width.
WIDTH = 640


@dataclass(frozen=True, kw_only=True)
class Frame:
    """A picture and the run it is from."""

    condition: str
    seed: int
    info: PictureInfo

    @property
    def moment(self) -> str:
        """When it was made, in words."""
        return f"day {self.info.day + 1}" + (f", step {self.info.step}" if self.info.step else "")


@dataclass(frozen=True, kw_only=True)
class Gallery:
    """A figure of pictures.

    Attributes:
        html: the figure, or "" where there are no pictures.
        problems: runs whose pictures are missing or changed.
    """

    html: str
    problems: tuple[str, ...]


def gallery(runs: Sequence[RunInfo], slug: str, most_bytes: int) -> Gallery:
    """The pictures of the first seeds of each condition; subsampled over time until they fit into `most_bytes`.

    Identifiers of elements begin with `slug`.
    """
    frames, problems = [], []
    for run in _first_seeds([run for run in runs if run.pictures and run.manifest]):
        assert run.manifest is not None, "chosen above"
        try:
            found = read_pictures(run)
        except DamagedError as error:
            problems.append(str(error))
            continue
        frames += [Frame(condition=run.manifest.condition, seed=run.manifest.seed, info=info) for info in found]
    if not frames:
        return Gallery(html="", problems=tuple(problems))
    kept = _fitting(frames, most_bytes)
    if not kept:
        too_large = "<p>The pictures are too large for this page; they are in the run folders.</p>"
        return Gallery(html=too_large, problems=tuple(problems))
    drawn = "\n".join(_elements(kept, slug))
    left_out = f" {len(frames) - len(kept)} more are in the run folders." if len(kept) < len(frames) else ""
    caption = f"Galleries that the runs kept, first seeds of each condition.{left_out}"
    # Few pictures are spread out for readers without JavaScript; many stay behind the summary.
    spread = " open" if len(kept) <= 12 else ""
    figure = (
        f'<figure class="gallery" data-kind="gallery"><details{spread}><summary>All {len(kept)} pictures</summary>\n'
        f"{drawn}\n</details><figcaption>{html.escape(caption)}</figcaption></figure>"
    )
    return Gallery(html=figure, problems=tuple(problems))


def _first_seeds(runs: Sequence[RunInfo]) -> Iterator[RunInfo]:
    """Runs of the smallest seeds of each condition, in the order given."""
    seeds: dict[str, set[int]] = {}
    for run in runs:
        assert run.manifest is not None, "chosen by the caller"
        seeds.setdefault(run.manifest.condition, set()).add(run.manifest.seed)
    first = {condition: sorted(numbers)[:MOST_SEEDS] for condition, numbers in seeds.items()}
    yield from (run for run in runs if run.manifest and run.manifest.seed in first[run.manifest.condition])


def _fitting(frames: Sequence[Frame], most_bytes: int) -> list[Frame]:
    """The first of ever smaller selections whose files are small enough."""
    return next((kept for kept in _fewer(frames) if _size(kept) <= most_bytes), [])


def _fewer(frames: Sequence[Frame]) -> Iterator[list[Frame]]:
    """All; the first seeds; every second, third, ... moment of theirs; the last moments; those of fewer lives."""
    yield list(frames)
    first: dict[str, int] = {}
    for frame in frames:
        first[frame.condition] = min(frame.seed, first.get(frame.condition, frame.seed))
    lives = _lives([frame for frame in frames if frame.seed == first[frame.condition]])
    for thinner in range(1, max(len(life) for life in lives)):
        yield [frame for life in lives for frame in [*life[:-1:thinner], life[-1]]]
    for number in range(len(lives), 0, -1):
        yield [life[-1] for life in lives[:number]]


def _lives(frames: Sequence[Frame]) -> list[list[Frame]]:
    lives: dict[tuple[str, str, int], list[Frame]] = {}
    for frame in frames:
        lives.setdefault((frame.info.name, frame.condition, frame.seed), []).append(frame)
    return list(lives.values())


def _size(frames: Sequence[Frame]) -> int:
    return sum(frame.info.path.stat().st_size * 4 // 3 for frame in frames)


def _elements(frames: Sequence[Frame], slug: str) -> Iterator[str]:
    """One element a frame, in the order of the slider; a picture that was there before is referred to."""
    at_first: dict[str, tuple[str, Frame]] = {}
    ordered = sorted(frames, key=lambda f: f.info.name)
    for frame in ordered:
        png, digest = _plain_png(frame.info)
        name = f"{slug}-{digest[:16]}"
        before = at_first.setdefault(digest, (name, frame))[1]
        yield _element(frame, name, png) if before is frame else _reference(frame, name, before)


def _plain_png(info: PictureInfo) -> tuple[bytes, str]:
    """The picture without what it says of itself, and a checksum of its pixels."""
    with Image.open(info.path) as image:
        image.load()
        digest = hashlib.sha256(f"{image.mode}{image.size}".encode() + image.tobytes()).hexdigest()
        plain = Image.frombytes(image.mode, image.size, image.tobytes())
    buffer = io.BytesIO()
    plain.save(buffer, format="png", optimize=True)
    return buffer.getvalue(), digest


def _address(frame: Frame) -> str:
    info = frame.info
    rows = f" Rows: {', '.join(info.labels)}." if info.labels else ""
    said = {
        "name": info.name,
        "condition": frame.condition,
        "seed": str(frame.seed),
        "moment": frame.moment,
        "caption": info.caption,
        "alt": f"{info.caption} {info.name} of {frame.condition}, seed {frame.seed}, {frame.moment}.{rows}",
    }
    return " ".join(f'data-{key}="{html.escape(value)}"' for key, value in said.items())


def _words(frame: Frame) -> str:
    words = f"{frame.info.name}, {frame.condition}, seed {frame.seed}, {frame.moment}: {frame.info.caption}"
    return f"<p>{html.escape(words)}</p>"


def _element(frame: Frame, name: str, png: bytes) -> str:
    info = frame.info
    width = info.columns * info.tile[1]
    height = info.rows * info.tile[0]
    factor = max(1, round(WIDTH / max(1, width)))
    source = f"data:image/png;base64,{base64.b64encode(png).decode('ascii')}"
    labels = "".join(f"<li>{html.escape(label)}</li>" for label in info.labels)
    column = f'<ol aria-hidden="true">{labels}</ol>' if labels else ""
    size = f'width="{width * factor}" height="{height * factor}"'
    image = f'<img loading="lazy" alt="{html.escape(info.caption)}" {size} src="{source}">'
    picture = f'<div class="picture">{column}{image}</div>'
    return f'<div class="frame" id="{name}" {_address(frame)}>{picture}{_words(frame)}</div>'


def _reference(frame: Frame, name: str, before: Frame) -> str:
    same = f"<p>The same picture as at {html.escape(before.moment)} of {html.escape(before.condition)}.</p>"
    return f'<div class="frame" data-same="{name}" {_address(frame)}>{_words(frame)}{same}</div>'
