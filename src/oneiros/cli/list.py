"""`oneiros list`."""

from dataclasses import dataclass
from typing import Annotated

import tyro
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from oneiros.cli.asked import Positional, Scale, at_scale, chosen_experiment
from oneiros.runs.catalogue import installed, listing


@dataclass(frozen=True, kw_only=True)
class ListCommand:
    """List the experiments, or one experiment's conditions and settings."""

    name: Annotated[Positional[str], tyro.conf.arg(metavar="PAPER/NAME")] = ""
    """Which experiment; all of them if left out."""
    scale: Scale = "paper"
    """Whose settings to show."""

    def __call__(self, console: Console) -> int:
        """Do it; the exit code."""
        if not self.name:
            table = Table("experiment", "what it is", box=None)
            for name, listed in installed().items():
                table.add_row(name, listed.summary)
            console.print(table)
            for problem in listing().problems:
                console.print(f"[yellow]left out:[/] {escape(problem)}", highlight=False, soft_wrap=True)
            return 0
        from oneiros.runs.settings import settings

        chosen = chosen_experiment(self.name)
        what = installed()[self.name].summary if self.name in installed() else (chosen.__doc__ or "").partition("\n")[0]
        console.print(f"[bold]{escape(self.name)}[/]: {escape(what)}\nconditions: {' '.join(chosen.conditions)}\n")
        table = Table("setting", f"{self.scale} scale", box=None)
        for name, value in settings(at_scale(chosen, self.scale)):
            table.add_row(name, str(value))
        console.print(table)
        return 0
