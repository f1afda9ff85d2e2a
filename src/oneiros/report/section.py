"""All that the page says about one experiment."""

import html
import itertools
import re
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, field
from functools import cached_property
from pathlib import Path

import pandas as pd
from matplotlib.figure import Figure

from oneiros.report import figures, tables
from oneiros.report.charts import chart_data, embedded
from oneiros.report.check import ClaimVerdict, TargetVerdict
from oneiros.report.findings import Experiment
from oneiros.report.gallery import gallery
from oneiros.report.markup import to_html, write_table
from oneiros.report.matrices import Family, families
from oneiros.report.provenance import settings_table, summary_table
from oneiros.report.series import Curve, curves
from oneiros.report.svg import inline_svg
from oneiros.report.units import title
from oneiros.report.valid_rows import conditions, headline_metrics
from oneiros.runs.drawing import Drawing

MEASURED = "Measured is the mean over seeds with its 95 % Student t interval."
JUDGED = (
    "± is the published standard deviation. Inside the accepted range: reproduced. Wholly below: not reproduced. "
    "Wholly above: better, which is a miss too until it is explained; of a number that has no better end, such as a "
    "similarity, not reproduced. Otherwise, and with fewer than three seeds: "
    "undecided."
)
# A still figure of more panels than this cannot be read; all curves are in the interactive one and in the rows.
MOST_PANELS = 6
# Nor one with more lines; there the panels do.
MOST_LINES = 12
# A figure of 7.2 inches, the width of a printed page, fills a screen's column.
PIXELS_PER_INCH = 112
# So many conditions have a still figure of before and after the night; the interactive one has them all.
MOST_PAIRS = 4


@dataclass(kw_only=True)
class Section:
    """One experiment on its way into the page.

    Attributes:
        experiment: what there is to say.
        out: folder that figures and tables are written to.
        drawings: the paper's own figures.
        picture_bytes: how much its galleries may take.
        problems: what went wrong on the way, for the top of the page.
    """

    experiment: Experiment
    out: Path
    drawings: Sequence[Drawing] = ()
    picture_bytes: int = 0
    problems: list[str] = field(default_factory=list)

    @property
    def slug(self) -> str:
        """The name as files and anchors can carry it."""
        return file_name(self.experiment.title)

    @cached_property
    def metrics(self) -> tuple[str, ...]:
        """What the experiment is about."""
        judged = tables.judged_metrics(self.experiment.targets, self.experiment.claims)
        return headline_metrics(self.experiment.rows, judged)

    @cached_property
    def curves(self) -> list[Curve]:
        """Everything that changed over a life."""
        return curves(self.experiment.rows, self.metrics)

    @cached_property
    def families(self) -> list[Family]:
        """Everything that is a matrix."""
        return families(self.experiment.rows)


def file_name(text: str) -> str:
    """The text without what files, anchors and identifiers cannot carry."""
    return re.sub(r"[^A-Za-z0-9_-]+", "-", text)


def section_html(section: Section) -> str:
    """Write the section's figures and tables, and return its part of the page."""
    slug, name = section.slug, html.escape(section.experiment.label)
    parts = [f'<section id="{slug}" aria-labelledby="{slug}-title">', f'<h2 id="{slug}-title">{name}</h2>']
    if len(section.experiment.rows):
        experiment = section.experiment
        data = chart_data(experiment.rows, experiment.targets, section.metrics, section.curves, section.families)
        parts += [_what(section), *_drawings(section, published=False), *_verdicts(section), *_figures(section)]
        parts += [*_drawings(section, published=True), *_matrices(section)]
        parts += [*_pictures(section), *_seeds(section), *_costs(section), *_provenance(section)]
        parts += [embedded(f"data-{slug}", data)]
    else:
        parts += ["<p>No run of this experiment could be counted; the top of the page says why.</p>"]
    return "\n".join((*parts, "</section>"))


def _what(section: Section) -> str:
    rows = section.experiment.rows
    names, seeds = conditions(rows), rows["seed"].nunique()
    listed = ", ".join(f"<em>{html.escape(name)}</em>" for name in names)
    scales = {str(m["scale"]) for m in section.experiment.manifests if "scale" in m}
    scale = f" Scale: {html.escape(', '.join(sorted(scales)))}." if scales else ""
    caution = " Smoke runs only show that everything runs; their verdicts say nothing." if "smoke" in scales else ""
    plural = "s" if seeds != 1 else ""
    many = f"{len(names)} condition{'s' if len(names) != 1 else ''}, {seeds} seed{plural}: {listed}."
    note = html.escape(section.experiment.note)
    noted = f"<p><strong>{note[0].upper()}{note[1:]}.</strong></p>" if note else ""
    return f"{noted}<p>{many}{scale}{caution}</p>"


def _verdicts(section: Section) -> Iterator[str]:
    experiment = section.experiment
    targets, claims = experiment.targets, experiment.claims
    where = "; ".join(dict.fromkeys(target.where for target in targets))
    if targets:
        yield "<h3>Paper beside measured</h3>"
        judged = list(dict.fromkeys(target.metric for target in targets))
        what = f"{title(judged[0], tables.unit_of(judged[0], targets))} after" if len(judged) == 1 else "After"
        caption = f"{what[0].upper()}{what[1:]} the last night (paper: {where})"
        yield _table(section, "results", tables.results_table(experiment.rows, targets), caption)
        yield f'<p class="soft">{MEASURED} {JUDGED}</p>'
    measured = tables.measured_table(experiment.rows, targets, claims)
    if measured.shape[1] > 2:
        yield "<h3>Measured</h3>"
        yield _table(section, "measured", measured, "Mean [95 % interval] after the last night")
        yield "" if targets else f'<p class="soft">{MEASURED}</p>'
    _write_records(section, "targets", targets)
    if claims:
        yield "<h3>Claims</h3>"
        caption = "Orderings on paired seeds; accuracies in percentage points"
        yield _table(section, "claims", tables.claims_table(claims), caption)
        yield (
            '<p class="soft">Difference: first minus second on the same seeds, with its 95 % interval. Effect: Cohen’s '
            "d<sub>z</sub>. The verdict rests on the paired t test, Holm-corrected for the claims tested here.</p>"
        )
        _write_records(section, "claims", claims)


def _figures(section: Section) -> Iterator[str]:
    experiment = section.experiment
    yield "<h3>Figures</h3>"
    drawn = any(target.metric in section.metrics for target in experiment.targets)
    published = " Upright line: the paper’s number, dashed box: what is accepted." if drawn else ""
    caption = f"Mean over seeds, 95 % interval (line) and every seed (dots).{published}"
    stills = [
        _still(
            section,
            f"final-{metric}",
            figures.final_values(experiment.rows, experiment.targets, metric),
            metric.replace("_", " "),
        )
        for metric in section.metrics
    ]
    if stills:
        yield _chart(section, "finals", stills, caption)
    stills = list(_still_curves(section))
    if stills:
        caption = "Mean and 95 % interval over seeds."
        if any(len({len(points) > 1 for points in curve.series.values()}) > 1 for curve in section.curves):
            caption += " Dashed: measured at one moment only, such as after learning everything at once."
        yield _chart(section, "curves", stills, caption)


def _still_curves(section: Section) -> Iterator[str]:
    rows, shown = section.experiment.rows, section.curves
    few = section.experiment.rows["condition"].nunique() <= MOST_LINES
    if few and any(curve.metric == "accuracy_seen" for curve in shown):
        yield _still(section, "days", figures.accuracy_over_tasks(rows), "Accuracy on all classes seen so far")
        shown = [curve for curve in shown if curve.metric != "accuracy_seen"]
    if shown:
        names = ", ".join(curve.title for curve in shown[:MOST_PANELS])
        yield _still(section, "curves", figures.small_multiples(shown[:MOST_PANELS]), names)


def _drawings(section: Section, *, published: bool) -> Iterator[str]:
    """Figures of its own; one that fails is named and does not take the page with it."""
    drawn = []
    for drawing in section.drawings:
        if drawing.published != published:
            continue
        try:
            figure = drawing.draw(section.experiment.rows)
        except Exception as error:  # a paper's code, on whatever rows there are
            section.problems.append(f"{section.experiment.title}: {drawing.title} cannot be drawn ({error!r})")
            continue
        if figure is not None:
            still = _still(section, drawing.name, figure, drawing.alt)
            caption = f"<figcaption><strong>{html.escape(drawing.title)}</strong></figcaption>"
            drawn.append(f"<figure>{caption}{still}</figure>")
    if drawn:
        if published:
            yield "<h3>As in the paper</h3>"
        yield from drawn


def _matrices(section: Section) -> Iterator[str]:
    found = {family.name: family for family in section.families}
    if "accuracy" in found:
        yield "<h3>Accuracy on each task</h3>"
        family = found.pop("accuracy")
        drawn = figures.draw_family(family)
        stills = [_still(section, "matrices", drawn, "Accuracy by day and task")] if drawn else []
        caption = "Accuracy (%) on each task, after each further task was learned, before and after its night."
        yield _chart(section, "matrices", stills, caption + _left_out(family), "accuracy")
    if "confusion" in found:
        yield "<h3>Before and after the last night</h3>"
        family = found.pop("confusion")
        pairs = ((name, figures.draw_before_and_after(family, name)) for name in family.cells)
        drawn = itertools.islice(((name, pair) for name, pair in pairs if pair), MOST_PAIRS)
        stills = [
            _still(section, f"confusion-{name}", pair, f"{name}: what each true class was taken for")
            for name, pair in drawn
        ]
        caption = "What each true class was taken for (% of the true class), mean over seeds or one seed."
        yield _chart(section, "matrices", stills, caption + _left_out(family), "confusion")
    if found:
        yield "<h3>Other matrices</h3>"
        drawn = ((name, figures.draw_family(family)) for name, family in found.items())
        some = itertools.islice(((name, figure) for name, figure in drawn if figure), MOST_PAIRS)
        stills = [_still(section, f"matrix-{name}", figure, name) for name, figure in some]
        yield _chart(section, "matrices", stills, f"{', '.join(found)}, by condition.", *found)


def _left_out(family: Family) -> str:
    if not family.seeds_left_out:
        return ""
    return f" The mean is over all seeds; {family.seeds_left_out} of them cannot be chosen here."


def _pictures(section: Section) -> Iterator[str]:
    made = gallery(section.experiment.runs, section.slug, section.picture_bytes)
    section.problems += made.problems
    if made.html:
        yield "<h3>Samples and dreams</h3>"
        yield made.html


def _seeds(section: Section) -> Iterator[str]:
    experiment = section.experiment
    yield "<h3>All seeds</h3>"
    first, *others = [_seeds_of(section, metric) for metric in section.metrics] or [""]
    yield first
    if others:
        yield f"<details><summary>Every seed of {len(others)} more</summary>{''.join(others)}</details>"
    forgetting = tables.forgetting_table(experiment.rows)
    if len(forgetting):
        caption = "Average accuracy and forgetting over tasks in percent (Chaudhry et al. 2018)"
        yield _table(section, "forgetting", forgetting, caption)


def _seeds_of(section: Section, metric: str) -> str:
    unit = tables.unit_of(metric, section.experiment.targets)
    frame = tables.seeds_table(section.experiment.rows, metric, unit)
    name = "seeds" if metric == section.metrics[0] else f"seeds-{metric}"
    return _table(section, name, frame, f"{title(metric, unit)}, every seed")


def _costs(section: Section) -> Iterator[str]:
    frame = tables.costs_table(section.experiment.rows, section.experiment.manifests)
    if frame.shape[1] > 1:
        yield "<h3>Cost</h3>"
        yield _table(section, "costs", frame, "What one run cost, mean over seeds")
        yield (
            '<p class="soft">Seconds and peak memory are those of the process that did the run, libraries included. '
            "Stored bytes: the most that memory held at the end of a day, raw ones being anybody's examples.</p>"
        )


def _provenance(section: Section) -> Iterator[str]:
    manifests = section.experiment.manifests
    yield "<h3>What was run</h3>"
    if not manifests:
        yield "<p>These rows came without manifests.</p>"
        return
    yield _table(section, "what-was-run", summary_table(manifests), "Runs, code, machine and data")
    table = to_html(settings_table(manifests), "Settings; where runs differ, each value with its runs")
    yield f"<details><summary>Every setting of {len(manifests)} runs</summary>{table}</details>"


def _chart(section: Section, kind: str, stills: Sequence[str], caption: str, *names: str) -> str:
    """An interactive figure, with what stands in its place where there is no JavaScript."""
    chosen = f' data-families="{html.escape(" ".join(names))}"' if names else ""
    return (
        f'<figure data-kind="{kind}" data-source="{section.slug}"{chosen}><div class="still">{"".join(stills)}</div>'
        f"<figcaption>{html.escape(caption)}</figcaption></figure>"
    )


def _still(section: Section, name: str, figure: Figure, alt: str) -> str:
    """Write the figure under figures/ as SVG and PNG, and return it as an element that can stand beside others."""
    stem = f"{section.slug}-{file_name(name)}"
    figures.write_below(figure, section.experiment.note)
    figures.save(figure, section.out / "figures", stem)
    width = f"{round(PIXELS_PER_INCH * figure.get_size_inches()[0])}px"
    svg = inline_svg(
        figure,
        prefix=stem,
        label=f"{section.experiment.label}. {alt}",
        size=f"max-width:{width};min-width:min(30rem,{width})",
    )
    return f'<div class="card" tabindex="0">{svg}</div><p class="soft">{html.escape(alt)}</p>'


def _table(section: Section, name: str, frame: pd.DataFrame, caption: str) -> str:
    """Write the frame under tables/ and return it as HTML."""
    kind = section.experiment.note.partition(":")[0]
    caption = f"{caption} ({kind})" if kind else caption
    return write_table(frame, section.out / "tables" / f"{section.slug}-{file_name(name)}", caption)


def _write_records(section: Section, name: str, records: Sequence[TargetVerdict | ClaimVerdict]) -> None:
    """Write the verdicts with all their digits, for those who compute on."""
    if records:
        frame = pd.DataFrame([asdict(record) for record in records])
        frame.to_parquet(section.out / "tables" / f"{section.slug}-{name}-verdicts.parquet", index=False)
