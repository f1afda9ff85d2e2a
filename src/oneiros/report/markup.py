"""A frame of text -> HTML, Markdown, LaTeX and parquet; whatever the cells contain stays text."""

import html
import re
from collections.abc import Sequence
from pathlib import Path

import pandas as pd

# Cells with more characters may break over lines.
LONG = 36
# Words as short as an ordering, "gr > er", stay on one line.
SHORT = 16
LATEX = {
    **{sign: f"\\{sign}" for sign in "&%$#_{}"},
    **{"\\": r"\textbackslash{}", "~": r"\textasciitilde{}", "^": r"\textasciicircum{}"},
    **{"<": r"\textless{}", ">": r"\textgreater{}", "±": r"$\pm$", "≈": r"$\approx$", "–": "--"},
}


def to_markdown(frame: pd.DataFrame) -> str:
    """Write a GitHub-flavoured table; numbers are already text.

    >>> print(to_markdown(pd.DataFrame({"condition": ["src"], "seeds": ["6"]})))
    | condition | seeds |
    | --- | --- |
    | src | 6 |
    """
    lines = [list(frame.columns), ["---"] * frame.shape[1], *frame.to_numpy(dtype=object).tolist()]
    return "\n".join("| " + " | ".join(_markdown_cell(cell) for cell in line) + " |" for line in lines)


def to_latex(frame: pd.DataFrame, caption: str) -> str:
    r"""Write a table for the booktabs package.

    >>> print(to_latex(pd.DataFrame({"a_b": ["64.7 ± 2 %"]}), "Table 2"))
    \begin{table}
    \caption{Table 2}
    \begin{tabular}{l}
    \toprule
    a\_b \\
    \midrule
    64.7 $\pm$ 2 \% \\
    \bottomrule
    \end{tabular}
    \end{table}
    """
    lines = [list(frame.columns), *frame.to_numpy(dtype=object).tolist()]
    head, *body = (" & ".join(_latex_text(cell) for cell in line) + r" \\" for line in lines)
    return "\n".join(
        (
            r"\begin{table}",
            rf"\caption{{{_latex_text(caption)}}}",
            rf"\begin{{tabular}}{{{'l' * frame.shape[1]}}}",
            *(r"\toprule", head, r"\midrule", *body, r"\bottomrule"),
            *(r"\end{tabular}", r"\end{table}"),
        )
    )


def to_html(frame: pd.DataFrame, caption: str) -> str:
    """Write an accessible table: a caption, scoped headers, the verdict column marked by a class for its colour."""
    head = "".join(f'<th scope="col">{html.escape(str(name))}</th>' for name in frame.columns)
    body = "\n".join(_html_row(list(frame.columns), line) for line in frame.to_numpy(dtype=object).tolist())
    return (
        f'<div class="scroll" tabindex="0" role="region" aria-label="{html.escape(caption)}"><table>\n'
        f"<caption>{html.escape(caption)}</caption>\n<thead><tr>{head}</tr></thead>\n<tbody>\n{body}\n</tbody>\n"
        "</table></div>"
    )


def write_table(frame: pd.DataFrame, stem: Path, caption: str) -> str:
    """Write the frame beside `stem` in four forms; returns the HTML."""
    stem.parent.mkdir(parents=True, exist_ok=True)
    table = to_html(frame, caption)
    for suffix, text in (("md", to_markdown(frame)), ("html", table), ("tex", to_latex(frame, caption))):
        stem.with_name(f"{stem.name}.{suffix}").write_text(text + "\n", encoding="utf-8")
    frame.to_parquet(stem.with_name(f"{stem.name}.parquet"), index=False)
    return table


def _markdown_cell(cell: object) -> str:
    return re.sub(r"\s+", " ", html.escape(str(cell), quote=False)).replace("|", "\\|").replace("&gt;", ">")


def _latex_text(cell: object) -> str:
    return "".join(LATEX.get(sign, sign) for sign in re.sub(r"\s+", " ", str(cell)))


def _room(text: str) -> str:
    """Numbers stay on one line, words may break, and long text gets a wider column."""
    if len(text) > LONG:
        return ' class="long"'
    return ' class="words"' if text[:1].isalpha() and len(text) > SHORT else ""


def _html_row(columns: Sequence[str], line: Sequence[object]) -> str:
    first, *others = line
    wide = ' class="long"' if len(str(first)) > LONG else ""
    cells = [f'<th scope="row"{wide}>{html.escape(str(first))}</th>']
    for column, cell in zip(columns[1:], others, strict=True):
        text = html.escape(str(cell))
        kind = re.sub(r"\W+", "-", str(cell)) if column == "verdict" else ""
        plain = f"<td{_room(text)}>"
        cells.append(f'<td class="verdict {kind}"><span>{text}</span></td>' if kind else f"{plain}{text}</td>")
    return f"<tr>{''.join(cells)}</tr>"
