"""What a race came to, as a Markdown table, on the screen and in the docs."""

import platform
import re
import statistics
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from importlib.metadata import version
from pathlib import Path

from oneiros.runs.arithmetic import arithmetic

PAGE = Path(__file__).parents[2] / "docs" / "speed-peers.md"


@dataclass(frozen=True, kw_only=True)
class Race:
    """Seconds of each side, round by round.

    Attributes:
        title: what was raced.
        clone: of the peer.
        seconds: by name of the side; the first is the peer's.
        unit: of one entry, such as "CPU ms a batch"; entries are in seconds and shown as `scale` times that.
        besides: another column's name and its entries, such as accuracies.
        note: what a reader must know of the comparison.
    """

    title: str
    clone: Path
    seconds: Mapping[str, Sequence[float]]
    unit: str
    scale: float = 1.0
    besides: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    note: str = ""


def text(race: Race) -> str:
    r"""A heading, the table, and what it was made with.

    >>> race = Race(title="A step", clone=Path("/"), seconds={"theirs": [2.0, 4.0, 6.0], "ours": [1.0, 1.0, 3.0]},
    ...             unit="CPU s")
    >>> print("\n".join(text(race).splitlines()[2:6]))
    | side | CPU s, median [least, most] | peer / side |
    | --- | --- | --- |
    | theirs | 4 [2, 6] | 1.00 |
    | ours | 1 [1, 3] | 2.00 |
    """
    theirs = next(iter(race.seconds.values()))
    head = ["side", f"{race.unit}, median [least, most]", "peer / side", *race.besides]
    lines = [f"| {' | '.join(head)} |", f"| {' | '.join(['---'] * len(head))} |"]
    for name, mine in race.seconds.items():
        shown = [f"{race.scale * value:.3g}" for value in (statistics.median(mine), min(mine), max(mine))]
        ratio = statistics.median(a / b for a, b in zip(theirs, mine, strict=True))
        more = [column.get(name, "") for column in race.besides.values()]
        lines.append(f"| {' | '.join([name, f'{shown[0]} [{shown[1]}, {shown[2]}]', f'{ratio:.2f}', *more])} |")
    note = f"{race.note} " if race.note else ""
    return f"## {race.title}\n\n" + "\n".join(lines) + f"\n\n<sub>{note}{made_with(race)}</sub>"


def made_with(race: Race) -> str:
    """Rounds, the peer's commit, versions, CPU."""
    rounds = len(next(iter(race.seconds.values())))
    return (
        f"{rounds} round{'s' if rounds > 1 else ''}, sides in turn, one thread; peer's commit {commit(race.clone)}; "
        f"torch {version('torch')}, products of ours by {arithmetic('cpu').products}; {cpu()}."
    )


def commit(clone: Path) -> str:
    """Short hash of the clone's commit, or "unknown"."""
    done = subprocess.run(["git", "-C", str(clone), "rev-parse", "--short=9", "HEAD"], capture_output=True, text=True)  # noqa: S603, S607
    return done.stdout.strip() or "unknown"


def cpu() -> str:
    """The CPU's name, as far as the system tells."""
    info = Path("/proc/cpuinfo")
    found = re.search(r"model name\s*: (.+)", info.read_text()) if info.exists() else None
    return found[1] if found else platform.processor() or platform.machine()


def publish(name: str, race: Race, *, docs: bool) -> None:
    """Print the table; put it in the page in place of the one that this race had there."""
    block = text(race)
    sys.stdout.write(block + "\n")
    if docs:
        PAGE.write_text(in_place(PAGE.read_text(encoding="utf-8"), name, block), encoding="utf-8")


def in_place(page: str, name: str, block: str) -> str:
    r"""The page with `block` between this race's marks, which are added at the end where there are none.

    >>> in_place("# Page\n", "pad", "one") == in_place(in_place("# Page\n", "pad", "two"), "pad", "one")
    True
    """
    begin, end = f"<!-- {name} -->", f"<!-- /{name} -->"
    marked = f"{begin}\n{block}\n{end}"
    before, found, rest = page.partition(begin)
    return before + marked + rest.partition(end)[2] if found else f"{page.rstrip()}\n\n{marked}\n"
