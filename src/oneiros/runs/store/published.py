"""Targets and claims of an experiment that is not installed, kept beside its runs to judge them by."""

from pathlib import Path

from oneiros.runs.store.folder import safe_name, write_atomically

TABLES = ("targets.csv", "claims.csv")


def kept_tables(out: Path, paper: str) -> Path:
    """Where they are kept."""
    return out / "published" / safe_name(paper)


def keep_tables(out: Path, paper: str, source: Path) -> None:
    """Copy those that lie in the folder `source` into `out`; they are judged by as they were when runs last began."""
    for name in TABLES:
        if (source / name).is_file():
            to = kept_tables(out, paper) / name
            to.parent.mkdir(parents=True, exist_ok=True)
            text = (source / name).read_bytes()
            write_atomically(to, lambda beside, text=text: beside.write_bytes(text))
