"""What a run is: its address, its whole configuration, and what it was computed with."""

import functools
import hashlib
import json
import platform
import subprocess
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields
from importlib import metadata, resources
from pathlib import Path
from typing import Any, NamedTuple

from oneiros.runs.store.errors import DamagedError

PACKAGES = ("torch", "numpy", "numba", "scipy", "safetensors")


def canonical(value: Any) -> str:
    """JSON text that depends on content only: keys sorted, no spaces, no NaN.

    >>> canonical({"b": (1, 2), "a": None})
    '{"a":null,"b":[1,2]}'
    """
    return json.dumps(value, sort_keys=True, separators=(",", ":"), allow_nan=False)


def config_hash(config: Mapping[str, Any]) -> str:
    """Twelve hexadecimals that name a configuration."""
    return hashlib.sha256(canonical(config).encode()).hexdigest()[:12]


@functools.cache
def code_version(besides: Path | None = None) -> str:
    """Version of the package and twelve hexadecimals over its source files: two codes never share rows.

    Args:
        besides: a file or a folder whose Python files count, too: an experiment that is not in the package.
    """
    digest = hashlib.sha256()
    root = resources.files("oneiros")
    with resources.as_file(root) as folder:
        for file in sorted(folder.rglob("*.py")):
            digest.update(file.relative_to(folder).as_posix().encode() + b"\0" + file.read_bytes() + b"\0")
    if besides:
        for file in [besides] if besides.is_file() else sorted(besides.rglob("*.py")):
            digest.update(file.relative_to(besides.parent).as_posix().encode() + b"\0" + file.read_bytes() + b"\0")
    return f"{metadata.version('oneiros')}+{digest.hexdigest()[:12]}"


class Revision(NamedTuple):
    """Where a checkout of source files is in its history.

    Attributes:
        commit: hash of the git commit; "" where there is none to name.
        tree: "clean" where the files are those of the commit, "changed" where not; "" without a commit.
    """

    commit: str = ""
    tree: str = ""


@functools.cache
def revision() -> Revision:
    """The git commit that the package's source files come from, so that a `code_version` leads to its text."""
    with resources.as_file(resources.files("oneiros")) as folder:
        return revision_of(folder)


def revision_of(folder: Path) -> Revision:
    """That of the Python files in `folder`; empty outside a checkout, and where git does not follow those files.

    >>> revision_of(Path("/"))
    Revision(commit='', tree='')
    """
    try:
        # An installed package can lie below somebody else's checkout: their commit says nothing of these files.
        if not _git(folder, "ls-files", "--", "*.py"):
            return Revision()
        commit = _git(folder, "rev-parse", "HEAD")
        return Revision(commit, "changed" if _git(folder, "status", "--porcelain", "--", ".") else "clean")
    except (OSError, subprocess.SubprocessError):
        return Revision()


def _git(folder: Path, *arguments: str) -> str:
    done = subprocess.run(
        ["git", "-C", str(folder), *arguments], capture_output=True, text=True, check=True, timeout=30
    )
    return done.stdout.strip()


def environment() -> dict[str, str]:
    """Versions of what the numbers depend on, without importing it."""
    return {"python": platform.python_version(), "machine": platform.machine(), **dict(_installed())}


@functools.cache
def _installed() -> tuple[tuple[str, str], ...]:
    # Looked up once: it takes milliseconds, and a sweep has hundreds of manifests.
    return tuple((name, metadata.version(name)) for name in PACKAGES)


def _no_number(text: str) -> float:
    raise ValueError(f"{text} is no JSON")


@dataclass(frozen=True, kw_only=True)
class Manifest:
    """The `manifest.json` of a run.

    Attributes:
        paper, experiment, condition, seed: the address of its rows.
        scale: smoke, quick or paper.
        config: the whole configuration as JSON values.
        device: where its tensors lived.
        precision: in which products were computed, float32 or bf16.
        products: by which library, see `oneiros.runs.arithmetic`; "" in manifests from before it was noted.
        data: SHA-256 of the data files read, by name; known once the run has begun.
        note: "kind: explanation" of what stands in for what the paper used, such as "replica: a small VGG"; the kind
            is said wherever the experiment is named. Known once the run has begun.
        code: see `code_version`.
        versions: see `environment`.
        commit, tree: see `Revision`; "" outside a checkout, and in manifests from before it was noted.
    """

    paper: str
    experiment: str
    condition: str
    seed: int
    scale: str
    config: Mapping[str, Any]
    device: str
    precision: str = "float32"
    products: str = ""
    data: Mapping[str, str] = field(default_factory=dict)
    note: str = ""
    code: str = field(default_factory=code_version)
    versions: Mapping[str, str] = field(default_factory=environment)
    commit: str = field(default_factory=lambda: revision().commit)
    tree: str = field(default_factory=lambda: revision().tree)

    @property
    def hash(self) -> str:
        """Names configuration, device and, unless it is float32, precision."""
        rounded = {} if self.precision == "float32" else {"precision": self.precision}
        return config_hash({"config": self.config, "device": self.device, **rounded})

    @property
    def maker(self) -> str:
        """The code and the arithmetic that its rows come from: rows of two makers never share a verdict."""
        named = [self.precision] if self.precision != "float32" else []
        named += [f"products by {self.products}"] if self.products else []
        return " ".join([self.code, f"({', '.join(named)})"] if named else [self.code])

    def to_json(self) -> str:
        """Text of `manifest.json`."""
        return json.dumps(asdict(self), indent=1, sort_keys=True, allow_nan=False) + "\n"

    def _require_types(self) -> None:
        for each in fields(self):
            value = getattr(self, each.name)
            expected = {"seed": int, "config": dict, "data": dict, "versions": dict}.get(each.name, str)
            if not isinstance(value, expected) or isinstance(value, bool):
                raise TypeError(f"{each.name} is {value!r}, expected {expected.__name__}")
            texts = [value] if expected is str else [*value.values()] if each.name in ("data", "versions") else []
            for text in texts:
                if not isinstance(text, str):
                    raise TypeError(f"{each.name} holds {text!r}, expected text")
                text.encode()  # half of a pair of surrogates is no text, and no file system takes it

    @classmethod
    def from_json(cls, text: str, where: str) -> "Manifest":
        """Read `manifest.json`; `where` names it in errors."""
        try:
            entries = json.loads(text, parse_constant=_no_number)
            # These have defaults for a run that begins; a run that was must say its own, the commit if it knew.
            own = {name: entries[name] for name in ("code", "versions")}
            manifest = cls(**{"commit": "", "tree": "", **entries, **own})
            manifest._require_types()
            return manifest
        except (ValueError, TypeError, KeyError, RecursionError) as error:
            raise DamagedError(
                f"{where} is not a manifest ({error}); delete the run's folder and run it again"
            ) from error
