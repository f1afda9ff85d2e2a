"""Keep the published results: from a finished output folder to `results/`, and from there into the README.

python -m bench results collect OUT results/NAME    rows and provenance of OUT's finished runs
python -m bench results readme                      regenerate the README's tables, docs/results.md and the figures
python -m bench results readme --check              exit 1 if their tables are not those of `results/`

A folder of `results/` holds one experiment at one scale, of any paper. docs/results.md has all of it; the README one
line a paper and verdicts counted. What is said of a paper is in `results/findings.toml`; its numbers come from rows.
"""

import argparse
import json
import re
import sys
import tomllib
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import pandas as pd
from matplotlib.figure import Figure

from oneiros.report import (
    accuracy_over_tasks,
    claims_table,
    experiments,
    final_values,
    judged,
    measured_table,
    results_table,
    to_markdown,
)
from oneiros.report.figures import PALETTE, draw_before_and_after, save, write_below
from oneiros.report.findings import Experiment
from oneiros.report.matrices import families
from oneiros.report.tables import difference_text, judged_metrics, measured_text, ordering_text
from oneiros.report.units import scale_of, usual_unit
from oneiros.report.valid_rows import claims_of, headline_metrics, targets_of, values_by_seed
from oneiros.runs.drawing import Drawing
from oneiros.runs.store import read_results

Findings = Mapping[str, Mapping[str, str]]

ROOT = Path(__file__).parents[1]
FULL = ROOT / "docs" / "results.md"
FINDINGS = ROOT / "results" / "findings.toml"
FIGURES = ROOT / "docs" / "figures"
DEMO = "kubo2025-digits"
MISSES = ("not reproduced", "better", "fails", "undecided", "not run")
VERDICTS = ("reproduced", "holds", *MISSES)
# More conditions than this are too much for one figure: those without a published number are left out of it.
MOST_LINES = 6
MOST_SHOWN = 3
# More than this are not drawn in one figure.
MOST_LISTED = 12
HEAD = "Generated from the rows in `results/` by `bench/results.py`; no number here was typed by hand."
SHOWN = {
    "days": "Accuracy on all classes seen so far, after each task",
    "final": "Mean, 95 % interval and every seed by condition",
    "confusion": "Confusion before and after the last night",
}


@dataclass(frozen=True, kw_only=True, eq=False)
class Published:
    """One folder of `results/`."""

    name: str
    experiment: Experiment
    provenance: dict

    @property
    def title(self) -> str:
        """How tables and headings call it: a replica is called one everywhere."""
        kind = self.note.partition(":")[0]
        return f"`{self.experiment.title}`" + (f" ({kind})" if kind else "")

    @property
    def note(self) -> str:
        """What stands in for what the paper used, as the runs said."""
        return self.provenance.get("note", "")

    @property
    def figures(self) -> list[Path]:
        """Its figures, the overview first."""
        mine = (path for path in figures_of(self.name) if path.suffix == ".png")
        return sorted(mine, key=lambda path: (not path.stem.endswith(("-days", "-final")), path))


def figures_of(name: str) -> list[Path]:
    """Files drawn for one folder of `results/`, without those of a folder whose name begins with its name."""
    longer = tuple(f"{path.name}-" for path in (ROOT / "results").glob(f"{name}-*"))
    return [path for path in FIGURES.glob(f"{name}-*") if not longer or not path.name.startswith(longer)]


def collect(out: Path, to: Path) -> None:
    """Copy the rows of `out` and say how they were made."""
    results = read_results(out)
    made = [{**asdict(r.manifest), "seconds": r.seconds, "memory": r.peak_memory} for r in results.runs if r.manifest]
    if not made:
        sys.exit(f"{out} has no finished run to collect: {'; '.join(results.problems) or 'it is empty'}")
    names = ("paper", "experiment", "scale", "code", "versions", "device", "precision", "products", "config", "note")
    shared = {key: made[0][key] for key in names}
    differing = sorted({run["condition"] for run in made if any(run[key] != shared[key] for key in shared)})
    if differing:
        sys.exit(f"{out} mixes experiments, configurations, codes or data: {differing}")
    to.mkdir(parents=True, exist_ok=True)
    results.rows.to_parquet(to / "rows.parquet", index=False, compression="zstd")
    seconds = {f"{run['condition']}/{run['seed']}": run["seconds"] for run in made}
    memory = [run["memory"] for run in made if run["memory"]]
    shared["data"] = dict(sorted({file: digest for run in made for file, digest in run["data"].items()}.items()))
    # One code can be that of several commits that changed only what does not run.
    shared["commits"] = sorted({f"{run['commit']} {run['tree']}" for run in made if run["commit"]})
    said = {**shared, "seconds": seconds, "peak_memory": max(memory, default=None), "left_out": list(results.problems)}
    (to / "provenance.json").write_text(json.dumps(said, indent=1) + "\n")


def load(folder: Path) -> Published:
    """Rows and provenance of one folder of `results/`."""
    provenance = json.loads((folder / "provenance.json").read_text())
    found = experiments(judged(pd.read_parquet(folder / "rows.parquet")))
    if len(found) != 1:
        sys.exit(f"{folder} holds {len(found)} experiments; expected one")
    return Published(name=folder.name, experiment=found[0], provenance=provenance)


def everything() -> list[Published]:
    """All folders of `results/`, by name."""
    return [load(path.parent) for path in sorted((ROOT / "results").glob("*/provenance.json"))]


def how(provenance: dict) -> str:
    """One line on where numbers come from."""
    versions, total = provenance["versions"], sum(provenance["seconds"].values())
    left_out = provenance.get("left_out", [])
    also = f" Left out: {'; '.join(left_out)}." if left_out else ""
    return (
        f"{len(provenance['seconds'])} runs, {total / 60:.1f} minutes in all, on {provenance['device']}; "
        f"oneiros {provenance['code']}{commits(provenance)}, torch {versions['torch']}, "
        f"Python {versions['python']}.{also}"
    )


def commits(provenance: dict) -> str:
    """The git commits that the code came from, in brackets, or nothing where they were not noted."""
    noted = (entry.split() for entry in provenance.get("commits", []))
    said = ", ".join(f"{commit[:9]}{'' if tree == 'clean' else ' and changes'}" for commit, tree in noted)
    return f" (commit {said})" if said else ""


def image(path: Path, name: str, title: str, below: str = "") -> str:
    """A figure as Markdown, with words for those who do not see it; `below` leads from the text to `docs/`."""
    which = path.stem.removeprefix(f"{name}-")
    return f"![{SHOWN.get(which, which.replace('-', ' '))}: {title}]({below}figures/{path.name})"


def demo_block(demo: Published) -> str:
    """The demo's table."""
    table = to_markdown(measured_table(demo.experiment.rows))
    return (
        "![Accuracy on all classes seen so far, after each task](docs/figures/demo-days.png)\n\n"
        "Accuracy after the last task, on all ten digits (%, mean and 95 % interval over seeds):\n\n"
        f"{table}\n\n"
        "![Confusion before and after the last night](docs/figures/demo-confusion.png)\n\n"
        f"<sub>{how(demo.provenance)}</sub>"
    )


def of_papers(published: Iterable[Published]) -> dict[str, list[Published]]:
    """The experiments of each paper."""
    by_paper: dict[str, list[Published]] = {}
    for each in published:
        by_paper.setdefault(each.experiment.paper, []).append(each)
    return by_paper


def summary_block(published: Sequence[Published], findings: Findings) -> str:
    """The README's part, one screen: what was found of each paper in one line, its verdicts, and where the rest is."""
    by_paper = of_papers(published)
    found = "\n".join(
        f"- **[{paper_title(paper)}](src/oneiros/papers/{paper}/README.md)**: "
        f"{filled(findings[paper]['short'], published)}"
        for paper in by_paper
    )
    rest = "Experiments one by one, with tables, intervals, tests and figures: [docs/results.md](docs/results.md)."
    return f"{found}\n\n{verdicts_by_paper(by_paper)}\n\n{rest}"


def filled(text: str, published: Iterable[Published]) -> str:
    """`text` with numbers in place of `{FOLDER CONDITION METRIC}`, a mean over seeds in the metric's usual unit.

    `{FOLDER seeds}` is the number of seeds. So no number that was measured is typed by hand.
    """
    by_name = {each.name: each for each in published}

    def number(match: re.Match[str]) -> str:
        folder, *what = match[1].split()
        if folder not in by_name:
            sys.exit(f"results/findings.toml asks for {match[0]}: there is no results/{folder}")
        rows = by_name[folder].experiment.rows
        if what == ["seeds"]:
            return str(rows["seed"].nunique())
        condition, metric = what
        values = values_by_seed(rows, metric)
        mine = values.loc[values["condition"] == condition, "value"]
        if mine.empty:
            sys.exit(f"results/findings.toml asks for {match[0]}: no such condition or metric in results/{folder}")
        return f"{scale_of(usual_unit(metric)) * mine.mean():.1f}"

    return re.sub(r"\{([^{}]+)\}", number, " ".join(text.split()))


def verdicts_by_paper(by_paper: Mapping[str, Sequence[Published]]) -> str:
    """How many of each verdict every paper has; "not run" counts experiments without any row, too."""
    lines = []
    for paper, group in by_paper.items():
        counts = Counter(one.verdict for each in group for one in (*each.experiment.targets, *each.experiment.claims))
        counts["not run"] += absent(paper, group)
        lines.append([paper_title(paper), str(len(group)), *(str(counts[v] or "–") for v in VERDICTS)])
    return to_markdown(pd.DataFrame(lines, columns=["paper", "experiments run", *VERDICTS]))


def absent(paper: str, group: Iterable[Published]) -> int:
    """Published numbers and claims of the paper's experiments that `results/` has no folder of."""
    there = {each.experiment.title.partition("/")[2] for each in group}
    return sum(int((~frame["experiment"].isin(there)).sum()) for frame in (targets_of(paper), claims_of(paper)))


def results_block(published: Sequence[Published], findings: Findings) -> str:
    """docs/results.md: every published experiment, by paper; what was not reproduced in words as plain as the rest."""
    by_paper = of_papers(published)
    parts = [overview(each for group in by_paper.values() for each in group)]
    for paper, group in by_paper.items():
        parts += [f"### {paper_title(paper)}", *paragraphs(findings[paper]["long"], published)]
        parts += [part for each in group for part in experiment_block(each)]
    return "\n\n".join(parts)


def paragraphs(text: str, published: Sequence[Published]) -> Iterator[str]:
    """Its paragraphs, which empty lines part, with their numbers."""
    yield from (filled(part, published) for part in text.strip().split("\n\n"))


def overview(published: Iterable[Published]) -> str:
    """How many of each verdict every experiment has."""
    lines = []
    for each in published:
        e = each.experiment
        counts = Counter(one.verdict for one in (*e.targets, *e.claims))
        seeds = str(e.rows["seed"].nunique())
        lines.append([each.title, each.provenance["scale"], seeds, *(str(counts[v] or "–") for v in VERDICTS)])
    frame = pd.DataFrame(lines, columns=["experiment", "scale", "seeds", *VERDICTS])
    empty = [verdict for verdict in VERDICTS if (frame[verdict] == "–").all()]
    return f"Verdicts on published numbers and claimed orderings:\n\n{to_markdown(frame.drop(columns=empty))}"


def paper_title(paper: str) -> str:
    """The first heading of the paper's README."""
    readme = ROOT / "src" / "oneiros" / "papers" / paper / "README.md"
    head = readme.read_text(encoding="utf-8").partition("\n")[0] if readme.is_file() else paper
    return head.removeprefix("# ")


def experiment_block(published: Published) -> Iterator[str]:
    """Tables, misses, figures and provenance of one experiment."""
    e = published.experiment
    where = "; ".join(dict.fromkeys(t.where for t in e.targets))
    yield f"#### {published.title}" + (f" ({where})" if where else "")
    if published.note:
        yield f"**{published.note[0].upper()}{published.note[1:]}.**"
    unit = "Final accuracy in %, mean" if headline(e) == ("final_accuracy",) else "Mean"
    yield f"{unit} and 95 % interval over {e.rows['seed'].nunique()} seeds, {published.provenance['scale']} scale:"
    if e.targets:
        yield to_markdown(results_table(e.rows, e.targets))
    measured = measured_table(e.rows, e.targets, e.claims)
    if measured.shape[1] > 2:
        yield to_markdown(measured)
    if e.claims:
        yield to_markdown(claims_table(e.claims))
    if e.targets or e.claims:
        said = "\n".join(f"- {line}" for line in misses(e)) or "- nothing"
        yield f"Not reproduced, better than published, undecided or not run:\n\n{said}"
    shown, others = published.figures[:MOST_SHOWN], published.figures[MOST_SHOWN:]
    yield from (image(path, published.name, e.title) for path in shown)
    if others:
        yield "More figures: " + ", ".join(f"[{path.stem}](figures/{path.name})" for path in others)
    yield f"<sub>{how(published.provenance)}</sub>"


def misses(e: Experiment) -> Iterator[str]:
    """What was not reproduced, with its numbers."""
    for t in e.targets:
        if t.verdict in MISSES:
            metric = "" if t.metric == "final_accuracy" else f", {t.metric}"
            measured = "" if t.mean is None else f" ({measured_text(t)} against {t.target:g} ± {t.tolerance:g})"
            yield f"{t.where}, `{t.condition}`{metric}: {t.verdict}{measured}"
    for c in e.claims:
        if c.verdict in MISSES:
            yield f"{c.text} ({ordering_text(c)}): {c.verdict}" + (f" ({difference_text(c)})" if c.n else "")


def headline(e: Experiment) -> tuple[str, ...]:
    """What an experiment is about."""
    return headline_metrics(e.rows, judged_metrics(e.targets, e.claims))


def draw(published: Published, called: str, drawings: Sequence[Drawing] = ()) -> None:
    """The README's figures of one experiment."""
    for old in figures_of(called):
        old.unlink()
    e, note = published.experiment, published.note
    rows, named = e.rows, {t.condition for t in e.targets}
    if rows["condition"].nunique() > MOST_LINES and named:
        rows = rows[rows["condition"].isin(named)]
    seen, count = rows[(rows["metric"] == "accuracy_seen") & (rows["phase"] == "end")], rows["condition"].nunique()
    # Beyond the palette two lines share a colour: the paper's own figure, where there is one, tells more.
    most = len(PALETTE) if drawings else MOST_LISTED
    if seen["day"].nunique() > 1 and count <= most:
        keep(accuracy_over_tasks(rows), f"{called}-days", note)
    elif headline(e) and count <= most:
        keep(final_values(rows, e.targets, headline(e)[0]), f"{called}-final", note)
    for family in families(rows[rows["metric"].str.startswith("confusion:")]):
        condition = "src" if "src" in family.cells else next(iter(family.cells))
        before_and_after = draw_before_and_after(family, condition)
        if before_and_after:
            keep(before_and_after, f"{called}-confusion", note)
    for drawing in drawings:
        figure = drawing.draw(e.rows)
        if figure is not None:
            keep(figure, f"{called}-{drawing.name}", note)


def keep(figure: Figure, name: str, note: str) -> None:
    """Write one figure under docs/."""
    write_below(figure, note)
    save(figure, FIGURES, name)


def draw_all(demo: Published, others: Iterable[Published]) -> None:
    """The README's figures, the papers' own among them."""
    # Imported here: `--check` has no need of the papers' code, nor of what it imports.
    from oneiros.cli.night import draw_night, night_of
    from oneiros.runs.catalogue import drawings_of

    draw(demo, "demo")
    draw_night(night_of(demo.experiment.rows), FIGURES / "demo-night.png")
    for each in others:
        title = each.experiment.title
        draw(each, each.name, drawings_of(title))


def with_block(text: str, name: str, block: str) -> str:
    """`text` with what stands between the markers of `name` replaced."""
    start, end = f"<!-- {name} -->", f"<!-- /{name} -->"
    head, _, rest = text.partition(start)
    _, found, tail = rest.partition(end)
    if not found:
        sys.exit(f"README.md has no {start} ... {end}")
    return f"{head}{start}\n{block}\n{end}{tail}"


def main() -> int:
    """Do what the arguments say."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    commands = parser.add_subparsers(dest="command", required=True)
    collecting = commands.add_parser("collect")
    collecting.add_argument("out", type=Path)
    collecting.add_argument("to", type=Path)
    commands.add_parser("readme").add_argument("--check", action="store_true")
    arguments = parser.parse_args()
    if arguments.command == "collect":
        collect(arguments.out, arguments.to)
        return 0
    published = {each.name: each for each in everything()}
    demo = published.pop(DEMO)
    if not arguments.check:
        draw_all(demo, published.values())
    readme = ROOT / "README.md"
    before = readme.read_text()
    findings, shown = tomllib.loads(FINDINGS.read_text()), list(published.values())
    after = with_block(with_block(before, "demo", demo_block(demo)), "results", summary_block(shown, findings))
    full = f"# Results\n\n{HEAD}\n\n{results_block(shown, findings)}\n"
    if arguments.check:
        return int(before != after or not FULL.is_file() or FULL.read_text() != full)
    readme.write_text(after)
    FULL.write_text(full)
    return 0
