"""`oneiros check`."""

import dataclasses
import json
from dataclasses import dataclass
from pathlib import Path

from rich.console import Console

from oneiros.cli.asked import Positional, results_folder


@dataclass(frozen=True, kw_only=True)
class CheckCommand:
    """Judge the runs in OUT by the paper's numbers and claims; exit 1 when one is missed."""

    out: Positional[Path]
    """Folder of a run."""
    json: bool = False
    """Print the verdicts as JSON."""

    def __call__(self, console: Console) -> int:
        """Do it; the exit code."""
        from oneiros.cli.screen import print_verdicts
        from oneiros.report import read_findings

        findings = read_findings(results_folder(self.out))
        checked = findings.checked
        if self.json:
            said = {
                "passed": checked.passed,
                "missed": len(checked.missed),
                "targets": [dataclasses.asdict(target) for target in checked.targets],
                "claims": [dataclasses.asdict(claim) for claim in checked.claims],
                "problems": list(findings.problems),
            }
            print(json.dumps(said, indent=1, allow_nan=False))  # noqa: T201
        else:
            print_verdicts(findings, console)
        return 1 if checked.missed else 0
