"""The command line: one file a command, and here what tells them apart and answers for their errors.

A command is a frozen dataclass that is called with a console; tyro makes the parser and the help out of its fields
and docstrings. Exit codes: 0 done; 1 a run failed or a check was missed; 2 the request itself cannot be met.

What takes seconds to import (torch, pandas, matplotlib) is imported by the commands that need it, when they are called.
"""

from collections.abc import Sequence
from typing import Annotated

import tyro
from rich.console import Console
from rich.markup import escape

from oneiros.cli.asked import RequestError
from oneiros.cli.check import CheckCommand
from oneiros.cli.demo import DemoCommand
from oneiros.cli.features import FeaturesCommand
from oneiros.cli.list import ListCommand
from oneiros.cli.report import ReportCommand
from oneiros.cli.run import RunCommand
from oneiros.cli.status import StatusCommand
from oneiros.cli.tune import TuneCommand
from oneiros.runs.catalogue import NoExperimentError
from oneiros.runs.store import ResultsError

Command = (
    Annotated[DemoCommand, tyro.conf.subcommand("demo")]
    | Annotated[ListCommand, tyro.conf.subcommand("list")]
    | Annotated[RunCommand, tyro.conf.subcommand("run")]
    | Annotated[StatusCommand, tyro.conf.subcommand("status")]
    | Annotated[ReportCommand, tyro.conf.subcommand("report")]
    | Annotated[CheckCommand, tyro.conf.subcommand("check")]
    | Annotated[TuneCommand, tyro.conf.subcommand("tune")]
    | Annotated[FeaturesCommand, tyro.conf.subcommand("features")]
)


def _clear_errors() -> tuple[type[Exception], ...]:
    """What is told in one line; looked up only when something was raised."""
    from oneiros.data import DataError
    from oneiros.runs.settings import SettingError
    from oneiros.runs.stacked import NotStackableError

    return RequestError, NoExperimentError, SettingError, DataError, NotStackableError, ResultsError


def main(arguments: Sequence[str] | None = None) -> int:
    """Networks that learn by day and consolidate by night."""
    config = (tyro.conf.OmitArgPrefixes, tyro.conf.OmitSubcommandPrefixes)
    command = tyro.cli(Command, prog="oneiros", description=main.__doc__, args=arguments, config=config)
    console = Console()
    try:
        return command(console)
    except KeyboardInterrupt:
        Console(stderr=True).print("stopped; the same command goes on from here", highlight=False)
        return 130
    except _clear_errors() as error:
        Console(stderr=True).print(f"[bold red]error:[/] {escape(str(error))}", highlight=False, soft_wrap=True)
        return 2
