"""The page: the tables, and accuracy against what is kept and against CPU seconds, in one HTML file."""

import html
import io
from pathlib import Path

import pandas as pd
from matplotlib.figure import Figure
from matplotlib.ticker import EngFormatter, LogLocator, NullFormatter

from bench.matrix.learners import ENTRIES
from bench.matrix.table import block, means

AXES = {"bytes": "kept (bytes)", "cpu_seconds": "CPU seconds"}
COLUMNS = 4
MARKS = "osD^vP*Xhd<>p"
STYLE = (
    "body{font:15px/1.5 sans-serif;max-width:75rem;margin:2rem auto;padding:0 1rem}"
    "table{border-collapse:collapse;margin:1rem 0}td,th{border-bottom:1px solid #ccc;padding:.2rem .6rem;"
    "text-align:left;white-space:nowrap}svg{max-width:100%;height:auto}main{overflow-x:auto}"
)


def figure(rows: pd.DataFrame, metric: str) -> Figure:
    """Accuracy against a cost, a panel for each stream; full marks keep no example."""
    accuracy, cost, raw = 100 * means(rows, "final_accuracy"), means(rows, metric), means(rows, "raw")
    streams = list(accuracy.columns)
    down = -(-len(streams) // COLUMNS)
    drawn = Figure(figsize=(3.2 * COLUMNS, 2.6 * down + 0.9), layout="constrained")
    panels = drawn.subplots(down, COLUMNS, squeeze=False).flatten()
    for panel, stream in zip(panels, streams, strict=False):
        for place, name in enumerate(ENTRIES):
            if name not in accuracy.index or pd.isna(accuracy.loc[name, stream]):
                continue
            full = raw.loc[name, stream] == 0
            x = max(cost.loc[name, stream], 1.0 if metric == "bytes" else 1e-3)  # a logarithm knows no 0
            panel.plot(
                x, accuracy.loc[name, stream], MARKS[place % len(MARKS)], color=f"C{place % 10}", label=name,
                markerfacecolor=f"C{place % 10}" if full else "none",
            )  # fmt: skip
        panel.set(xscale="log", title=stream, xlabel=AXES[metric], ylabel="accuracy (%)")
        panel.xaxis.set_major_locator(LogLocator(numticks=4))
        panel.xaxis.set_major_formatter(EngFormatter(sep=""))
        panel.xaxis.set_minor_formatter(NullFormatter())
    for panel in panels[len(streams) :]:
        panel.set_axis_off()
    shown = {label: mark for panel in panels for mark, label in zip(*panel.get_legend_handles_labels(), strict=True)}
    drawn.legend(shown.values(), shown.keys(), loc="outside lower center", ncols=7, fontsize=8)
    return drawn


def write_page(rows: pd.DataFrame, made: dict[str, list[str]], to: Path) -> None:
    """One HTML file with everything in it."""
    drawn = "\n".join(f"<h2>Accuracy against {AXES[metric]}</h2>{_svg(figure(rows, metric))}" for metric in AXES)
    how = html.escape("; ".join(f"{name}: {', '.join(values)}" for name, values in made.items()))
    to.write_text(
        f"<!doctype html><html lang=en><meta charset=utf-8><title>What beats what</title><style>{STYLE}</style><main>"
        f"<h1>What beats what</h1>{_as_html(block(rows))}{drawn}<p><small>{how}</small></p></main></html>\n",
        encoding="utf-8",
    )


def _svg(drawn: Figure) -> str:
    text = io.StringIO()
    drawn.savefig(text, format="svg")
    return "<svg" + text.getvalue().partition("<svg")[2]


def _as_html(markdown: str) -> str:
    """The Markdown that `table.block` makes: tables, lists and paragraphs."""
    return "\n".join(_part(part) for part in markdown.split("\n\n"))


def _part(part: str) -> str:
    lines = part.splitlines()
    if part.startswith("|"):
        head, _, *others = ([cell.strip() for cell in line.strip("|").split("|")] for line in lines)
        body = "".join(f"<tr>{''.join(f'<td>{_words(cell)}' for cell in cells)}" for cells in others)
        return f"<table><tr>{''.join(f'<th>{_words(cell)}' for cell in head)}{body}</table>"
    if part.startswith("- "):
        return f"<ul>{''.join(f'<li>{_words(line[2:])}' for line in lines)}</ul>"
    return f"<p>{_words(part)}</p>"


def _words(text: str) -> str:
    text = html.escape(text)
    for mark, tag in (("**", "b"), ("`", "code")):
        pieces = text.split(mark)
        text = pieces[0] + "".join(
            f"<{'' if place % 2 == 0 else '/'}{tag}>{piece}" for place, piece in enumerate(pieces[1:])
        )
    return text
