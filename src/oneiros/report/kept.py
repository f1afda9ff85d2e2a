"""Parts of an earlier report that still hold: the same rows, verdicts and code give the same words, figures and tables.

OUT/.sections/SLUG.json    of each experiment: a digest of all that its part depends on, the part itself, and the names
                           and checksums of the files that belong to it

Drawing is nearly all the time that a report takes. What is kept is only taken over if its digest and the checksums of
all its files fit; whatever else is found is drawn anew.
"""

import hashlib
import inspect
import json
import shutil
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future, ProcessPoolExecutor
from dataclasses import dataclass, replace
from importlib.metadata import version
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import pandas as pd

from oneiros.report.section import Section, section_html
from oneiros.runs.store.disk import checksum
from oneiros.runs.store.manifest import code_version

FOLDER, FOLDERS = ".sections", ("figures", "tables")
DRAWN_BY = ("matplotlib", "pandas", "pillow")


@dataclass(frozen=True, kw_only=True)
class Part:
    """One experiment's part of the page.

    Attributes:
        html: what it says.
        problems: what went wrong on the way.
        files: its figures and tables, by name below the report's folder, with checksums.
    """

    html: str
    problems: tuple[str, ...]
    files: Mapping[str, str]


def parts(sections: Sequence[Section], earlier: Path, *, workers: int = 1) -> list[Part]:
    """The part of each section, its files in `section.out`: taken from the report in `earlier`, or drawn.

    Args:
        sections: whose `out` is one folder.
        earlier: folder of the report before.
        workers: processes to draw in; more than one only in a program that may be started anew by its processes.
    """
    digests = [digest_of(section) for section in sections]
    found = [_taken_over(earlier, each, digest) for each, digest in zip(sections, digests, strict=True)]
    missing = [section for section, part in zip(sections, found, strict=True) if part is None]
    drawn = iter(_drawn(missing, workers))
    made = [part or next(drawn) for part in found]
    for section, digest, part in zip(sections, digests, made, strict=True):
        if digest:
            _keep(section, digest, part)
    return made


def digest_of(section: Section) -> str:
    """Of all that the part depends on; "" where that cannot be told, as for a figure from no file."""
    experiment, digest = section.experiment, hashlib.sha256()
    try:
        drawings = [(each.name, each.title, each.alt, _source(each.draw)) for each in section.drawings]
    except (OSError, TypeError):
        return ""
    versions = [f"{name} {version(name)}" for name in DRAWN_BY]
    pictures = [(str(run.path.name), dict(run.pictures)) for run in experiment.runs]
    said = (code_version(), versions, drawings, section.picture_bytes, experiment.title, experiment.note, pictures)
    digest.update(repr((said, experiment.targets, experiment.claims)).encode())
    digest.update(json.dumps(experiment.manifests, sort_keys=True, default=repr).encode())
    digest.update(repr(list(experiment.rows.columns)).encode())
    digest.update(pd.util.hash_pandas_object(experiment.rows, index=False).to_numpy().tobytes())
    return digest.hexdigest()


def _source(draw: Callable[..., Any]) -> str:
    """Checksum of the file that a figure's function is in, and the function's name."""
    file = inspect.getsourcefile(inspect.unwrap(draw))
    if file is None:
        raise TypeError(f"{draw} is in no file")
    return f"{checksum(Path(file))} {draw.__qualname__}"


def _taken_over(earlier: Path, section: Section, digest: str) -> Part | None:
    """The part as the earlier report has it, its files copied; None where it does not fit."""
    try:
        said = json.loads(_place(earlier, section).read_text(encoding="utf-8"))
        if not digest or said["digest"] != digest:
            return None
        part = Part(html=str(said["html"]), problems=tuple(said["problems"]), files=dict(said["files"]))
        if any(not _belongs(name, section) or checksum(earlier / name) != sha for name, sha in part.files.items()):
            return None
        for name in part.files:
            (section.out / name).parent.mkdir(exist_ok=True)
            shutil.copyfile(earlier / name, section.out / name)
        return part
    except (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError):
        return None


def _belongs(name: str, section: Section) -> bool:
    """Whether a part of this section has files of such a name: none leads out of the folder."""
    folder, _, file = name.partition("/")
    return folder in FOLDERS and file.startswith(f"{section.slug}-") and "/" not in file


def _place(folder: Path, section: Section) -> Path:
    return folder / FOLDER / f"{section.slug}.json"


def _keep(section: Section, digest: str, part: Part) -> None:
    place = _place(section.out, section)
    place.parent.mkdir(exist_ok=True)
    said = {"digest": digest, "html": part.html, "problems": part.problems, "files": part.files}
    place.write_text(json.dumps(said), encoding="utf-8")


def _drawn(sections: Sequence[Section], workers: int) -> list[Part]:
    if workers < 2 or len(sections) < 2:
        return [draw(section) for section in sections]
    # The largest first, so that no process is left alone with it in the end.
    order = sorted(range(len(sections)), key=lambda i: -len(sections[i].experiment.rows))
    with ProcessPoolExecutor(min(workers, len(sections)), mp_context=get_context("spawn")) as pool:
        futures: dict[int, Future[Part]] = {i: pool.submit(draw, sections[i]) for i in order}
        return [futures[i].result() for i in range(len(sections))]


def draw(section: Section) -> Part:
    """Draw the section's figures and tables into its folder, by way of one of its own, so that they are known."""
    own = section.out / FOLDER / section.slug
    for folder in FOLDERS:
        (own / folder).mkdir(parents=True)
        (section.out / folder).mkdir(exist_ok=True)
    mine = replace(section, out=own, problems=[])
    text, files = section_html(mine), {}
    for path in sorted(path for folder in FOLDERS for path in (own / folder).iterdir()):
        name = path.relative_to(own).as_posix()
        files[name] = checksum(path)
        path.replace(section.out / name)
    shutil.rmtree(own)
    return Part(html=text, problems=tuple(mine.problems), files=files)
