"""The command line: one file a command, and here what tells them apart; `failing` answers for their errors.

A command is a frozen dataclass that is called with a console; tyro makes the parser and the help out of its fields
and docstrings. Exit codes: 0 done; 1 a run failed, a check was missed or the output takes nothing; 2
the request itself cannot be met.

What takes seconds to import (torch, pandas, matplotlib) is imported by the commands that need it, when they are called.
"""

import sys
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Annotated

import tyro
from rich.console import Console

import oneiros
from oneiros.cli.asked import extra_for_runs
from oneiros.cli.check import CheckCommand
from oneiros.cli.demo import DemoCommand
from oneiros.cli.failing import failing_clearly, parsed
from oneiros.cli.features import FeaturesCommand
from oneiros.cli.list import ListCommand
from oneiros.cli.report import ReportCommand
from oneiros.cli.run import RunCommand
from oneiros.cli.status import StatusCommand
from oneiros.cli.tune import TuneCommand

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


def main(arguments: Sequence[str] | None = None) -> int:
    """Networks that learn by day and consolidate by night."""
    given = tuple(sys.argv[1:] if arguments is None else arguments)
    config = (tyro.conf.OmitArgPrefixes, tyro.conf.OmitSubcommandPrefixes)
    out: list[Path | None] = [None]

    def work() -> int:
        if given == ("--version",):
            print(f"oneiros {oneiros.__version__}")  # noqa: T201
            return 0
        parse = partial(tyro.cli, Command, prog="oneiros", description=main.__doc__, args=given, config=config)
        command = parsed(parse, given)
        out[0] = getattr(command, "out", None)
        if not isinstance(command, ListCommand | StatusCommand):
            extra_for_runs()
        return command(Console())

    return failing_clearly(work, lambda: out[0])
