"""What a report says on a terminal."""

from pathlib import Path
from typing import TYPE_CHECKING

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from oneiros.report import Findings, experiments, measured_table, read_findings, results_table, write_page
from oneiros.report.night import NIGHT, load_night, night_figure
from oneiros.report.tables import difference_text, measured_text, ordering_text
from oneiros.runs.catalogue import drawings_of
from oneiros.runs.drawing import Drawing
from oneiros.runs.engines import usable_cores

if TYPE_CHECKING:
    from oneiros.runs.experiment import Experiment

DEMO = "kubo2025/digits"  # which experiment the demo is


def publish(out: Path, console: Console, chosen: "Experiment | None" = None) -> None:
    """Merge rows, write the page, print the results; every file is read once.

    Args:
        out: folder of results.
        console: where to print.
        chosen: an experiment that is not installed, for its own figures.
    """
    findings = read_findings(out)
    drawings = _drawings(findings) | ({f"{chosen.paper}/{chosen.name}": chosen.drawings()} if chosen else {})
    if (out / NIGHT).is_file():
        drawings[DEMO] = (_night(out / NIGHT), *drawings.get(DEMO, ()))
    page = write_page(out, findings, drawings, tables=True, workers=usable_cores())
    _print_results(findings, console)
    for problem in findings.problems:
        console.print(f"[yellow]left out:[/] {escape(problem)}", highlight=False, soft_wrap=True)
    console.print(f"[bold]report[/] {page}   [bold]rows[/] {out / 'rows.parquet'}, {out / 'rows.csv'}", highlight=False)


def _night(file: Path) -> Drawing:
    """What the demo left of its last night."""
    return Drawing(
        name="night",
        title="One night",
        alt="Spikes of the sleeping network, what they did to its output weights, digits beside dreams of them, "
        "and what is remembered in the end after each kind of night (last two bars: one life each, beside the runs)",
        draw=lambda rows: night_figure(load_night(file)),
        published=False,
    )


def _drawings(findings: Findings) -> dict[str, tuple[Drawing, ...]]:
    """The papers' own figures; rows of an experiment that is not installed have none."""
    return {each.title: drawings_of(each.title) for each in experiments(findings)}


def _print_results(findings: Findings, console: Console) -> None:
    for each in experiments(findings):
        console.print(f"\n[bold]{escape(each.title)}[/]  mean \\[95 % interval]", highlight=False)
        measured = measured_table(each.rows, each.targets, each.claims)
        for frame in (results_table(each.rows, each.targets), measured if measured.shape[1] > 2 else measured[:0]):
            if not len(frame):
                continue
            table = Table(*(escape(str(name)) for name in frame.columns), box=None)
            for line in frame.itertuples(index=False):
                table.add_row(*(escape(str(cell)) for cell in line))
            console.print(table)


def print_verdicts(findings: Findings, console: Console) -> None:
    """What `oneiros check` says."""
    table = Table("where", "condition or claim", "published", "measured", "seeds", "verdict", box=None)
    for t in findings.checked.targets:
        which = t.condition if t.metric == "final_accuracy" else f"{t.condition}, {t.metric}"
        published = f"{t.target:g} ± {t.tolerance:g}"
        table.add_row(t.where, escape(which), published, escape(measured_text(t)), str(t.n), t.verdict)
    for c in findings.checked.claims:
        table.add_row(c.where, escape(ordering_text(c)), "", escape(difference_text(c)), str(c.n), c.verdict)
    console.print(table)
    for problem in findings.problems:
        console.print(f"[yellow]left out:[/] {escape(problem)}", highlight=False, soft_wrap=True)
