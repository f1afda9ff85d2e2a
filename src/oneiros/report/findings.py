"""An output folder, read and judged once: what the page, the tables and the command line all say."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import pandas as pd

from oneiros.report.check import Check, ClaimVerdict, TargetVerdict, check
from oneiros.report.tables import in_reading_order
from oneiros.report.valid_rows import EXPERIMENT, valid_rows
from oneiros.runs.store import RunInfo, read_results


@dataclass(frozen=True, kw_only=True, eq=False)
class Findings:
    """What there is to report.

    Attributes:
        rows: sound rows of all experiments.
        checked: verdicts on them.
        manifests: what each run was, with its seconds and peak memory where known.
        runs: the folders of the runs, for their pictures.
        problems: one sentence for everything that was left out.
    """

    rows: pd.DataFrame
    checked: Check
    manifests: tuple[Mapping[str, object], ...]
    runs: tuple[RunInfo, ...]
    problems: tuple[str, ...]


@dataclass(frozen=True, kw_only=True, eq=False)
class Experiment:
    """The part of the findings that belongs to one experiment, conditions in reading order."""

    paper: str
    name: str
    rows: pd.DataFrame
    targets: tuple[TargetVerdict, ...]
    claims: tuple[ClaimVerdict, ...]
    manifests: tuple[Mapping[str, object], ...]
    runs: tuple[RunInfo, ...]

    @property
    def title(self) -> str:
        """Paper and name, as the command line writes them."""
        return f"{self.paper}/{self.name}"

    @property
    def note(self) -> str:
        """What stands in for what the paper used: "kind: explanation", as the runs' manifests say; or ""."""
        return "; ".join(dict.fromkeys(str(m["note"]) for m in self.manifests if m.get("note")))

    @property
    def label(self) -> str:
        """The title, and in brackets the kind of what stands in: `barry2022/locations (replica)`."""
        kind = self.note.partition(":")[0]
        return f"{self.title} ({kind})" if kind else self.title


def judged(
    rows: pd.DataFrame,
    manifests: Sequence[Mapping[str, object]] = (),
    runs: Sequence[RunInfo] = (),
    problems: Sequence[str] = (),
    out: Path | None = None,
) -> Findings:
    """Judge rows wherever they come from; `out` see `targets_of`."""
    valid = valid_rows(rows)
    checked = check(rows, valid, out)
    return Findings(
        rows=valid.rows,
        checked=checked,
        manifests=tuple(manifests),
        runs=tuple(runs),
        problems=(*problems, *checked.problems),
    )


def read_findings(out: Path) -> Findings:
    """Read the runs below `out` and judge them."""
    results = read_results(out)
    manifests = [
        {**asdict(run.manifest), "seconds": run.seconds, "peak_memory": run.peak_memory}
        for run in results.runs
        if run.manifest
    ]
    return judged(results.rows, manifests, results.runs, results.problems, out)


def experiments(findings: Findings) -> list[Experiment]:
    """The findings, experiment by experiment; one whose runs were all left out is still judged: not run."""
    addresses = [(t.paper, t.experiment) for t in (*findings.checked.targets, *findings.checked.claims)]
    addresses = [*findings.rows[EXPERIMENT].drop_duplicates().itertuples(index=False, name=None), *addresses]
    parts = {address: mine for address, mine in findings.rows.groupby(EXPERIMENT, sort=False)}
    found = []
    for paper, name in dict.fromkeys(addresses):
        targets = tuple(t for t in findings.checked.targets if (t.paper, t.experiment) == (paper, name))
        rows = parts.get((paper, name), findings.rows.iloc[:0])
        found.append(
            Experiment(
                paper=str(paper),
                name=str(name),
                rows=in_reading_order(rows, targets),
                targets=targets,
                claims=tuple(c for c in findings.checked.claims if (c.paper, c.experiment) == (paper, name)),
                manifests=tuple(
                    m for m in findings.manifests if (m.get("paper"), m.get("experiment")) == (paper, name)
                ),
                runs=tuple(
                    run
                    for run in findings.runs
                    if run.manifest and (run.manifest.paper, run.manifest.experiment) == (paper, name)
                ),
            )
        )
    return found
