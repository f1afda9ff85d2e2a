"""`oneiros status`."""

import dataclasses
import json
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from oneiros.cli.asked import Positional, results_folder

if TYPE_CHECKING:
    from oneiros.runs.store.status import Status


@dataclass(frozen=True, kw_only=True)
class StatusCommand:
    """Tell how far the runs in OUT are: done, running, failed and why, waiting; and the time left."""

    out: Positional[Path]
    """Folder of a run, or of several."""
    json: bool = False
    """Print it as JSON."""

    def __call__(self, console: Console) -> int:
        """Do it; the exit code."""
        from oneiros.runs.store.status import read_status

        status = read_status(results_folder(self.out))
        if self.json:
            print(json.dumps(dataclasses.asdict(status), indent=1, allow_nan=False))  # noqa: T201
        else:
            _print_status(status, console)
        return 1 if status.count("failed") or status.count("damaged") else 0


def _print_status(status: "Status", console: Console) -> None:
    states = ("done", "running", "waiting", "interrupted", "failed", "damaged")
    told = [f"{status.count(state)} {state}" for state in states if status.count(state)]
    left = status.seconds_left
    if left:
        told.append(f"about {left / 3600:.1f} hours left" if left > 5400 else f"about {left / 60:.0f} minutes left")
    elif left is None:
        told.append("nobody is at work" if not status.count("running") else "time left not known yet")
    console.print(f"[bold]{len(status.runs)} runs[/]: {', '.join(told)}", highlight=False)
    table = Table("run", "state", "done", "what it says", "where", box=None)
    for run in status.runs:
        if run.state in ("done", "waiting"):
            continue
        where = f"{run.lease.host}, process {run.lease.pid}" if run.lease else ""
        table.add_row(escape(run.name), run.state, f"{run.fraction:.0%}", escape(run.said), escape(where))
    if table.row_count:
        console.print(table)
    for problem in status.problems:
        console.print(f"[yellow]left out:[/] {escape(problem)}", highlight=False, soft_wrap=True)
    if status.count("failed"):
        console.print("`oneiros run ... --retry-failed` tries failed runs again")
