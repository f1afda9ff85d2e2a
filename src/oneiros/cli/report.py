"""`oneiros report`."""

from dataclasses import dataclass
from pathlib import Path

from rich.console import Console

from oneiros.cli.asked import Positional, results_folder


@dataclass(frozen=True, kw_only=True)
class ReportCommand:
    """Write tables, figures, verdicts and index.html from the finished runs in OUT."""

    out: Positional[Path]
    """Folder of a run."""

    def __call__(self, console: Console) -> int:
        """Do it; the exit code."""
        from oneiros.cli.screen import publish

        publish(results_folder(self.out), console)
        return 0
