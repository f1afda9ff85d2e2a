"""The one table that the rows of all finished runs below an output folder make."""

from collections import Counter
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
from pyarrow import csv, parquet
from pyarrow import json as arrow_json

from oneiros.runs.store.disk import write_atomically
from oneiros.runs.store.errors import DamagedError
from oneiros.runs.store.reading import RunInfo, read_run, run_folders
from oneiros.runs.store.row import COLUMNS

NUMBERS = {"seed": "int64", "day": "int64", "task": "int64", "value": "float64"}
# Said outright, since a table without rows would otherwise have columns of no type.
SCHEMA = pa.schema([(name, pa.type_for_alias(NUMBERS.get(name, "string"))) for name in COLUMNS])
# A spreadsheet takes a cell for a formula that begins so; text gets an apostrophe before it.
FORMULA = ("=", "+", "-", "@", "\t", "\r")
MOST_NAMED = 6


@dataclass(frozen=True, kw_only=True, eq=False)
class Results:
    """What an output folder holds, read once.

    Attributes:
        out: the folder.
        runs: the runs that count, in the order of their paths.
        rows: their rows, sorted by their address.
        problems: one sentence for each run that is left out, and why.
    """

    out: Path
    runs: tuple[RunInfo, ...]
    rows: pd.DataFrame
    problems: tuple[str, ...]


def read_results(out: Path) -> Results:
    """Read the folder `out`; what is damaged, unfinished or cannot stand beside the rest is named and left out."""
    with ThreadPoolExecutor() as pool:  # reading, checksums and the parser work outside of Python's lock
        read = list(pool.map(_read_run_and_rows, run_folders(out)))
    found, tables = [run for run, _ in read], {run.path: rows for run, rows in read}
    finished = [run for run in found if run.state == "finished"]
    distinct, doubled = _without_doubles(finished, out)
    counted, mixed = _of_one_code(distinct, out)
    damaged = [run.problem for run in found if run.state == "damaged"]
    unfinished = [
        f"{run.path.relative_to(out)} is not finished; left out" for run in found if run.state == "unfinished"
    ]
    return Results(
        out=out,
        runs=tuple(counted),
        rows=_in_order(pa.concat_tables([SCHEMA.empty_table(), *(tables[run.path] for run in counted)])),
        # Paths as seen from the folder, wherever it lies on this machine.
        problems=tuple(said.replace(f"{out}/", "") for said in (*damaged, *unfinished, *doubled, *mixed)),
    )


def read_rows(out: Path) -> pd.DataFrame:
    """Rows of all runs below `out` that count, see `read_results`."""
    return read_results(out).rows


def problems(out: Path) -> list[str]:
    """One sentence for each run below `out` that is left out, see `read_results`."""
    return list(read_results(out).problems)


def _read_run_and_rows(path: Path) -> tuple[RunInfo, pa.Table]:
    run, content = read_run(path)
    try:
        return run, rows_of(run, content)
    except DamagedError as error:
        return replace(run, state="damaged", problem=str(error)), SCHEMA.empty_table()


def rows_of(run: RunInfo, content: bytes) -> pa.Table:
    """The rows of a sealed run.

    Raises:
        DamagedError: what was sealed are no rows, or another run's.
    """
    if not content:
        return SCHEMA.empty_table()
    file, hint = run.path / "rows.jsonl", f"delete {run.path}, run again"
    strict = arrow_json.ParseOptions(explicit_schema=SCHEMA, unexpected_field_behavior="error")
    try:
        table = arrow_json.read_json(pa.BufferReader(content), parse_options=strict)
        table.validate(full=True)  # text that is none
    except (pa.ArrowInvalid, pa.ArrowTypeError) as error:
        raise DamagedError(f"{file} holds something that is no row ({error}); {hint}") from error
    if any(column.null_count for column in table.columns):
        raise DamagedError(f"{file} has rows without all of {', '.join(COLUMNS)}; {hint}")
    if not np.isfinite(table["value"].to_numpy()).all():
        raise DamagedError(f"{file} has values that are not finite; {hint}")
    said = {name: table[name].unique().to_pylist() for name in ("paper", "experiment", "condition", "seed")}
    if any(values != [getattr(run.manifest, name)] for name, values in said.items()):
        raise DamagedError(f"{file} has rows of {said}, which is not what its manifest says; {hint}")
    return table


def _in_order(table: pa.Table) -> pd.DataFrame:
    """Rows sorted by their address. Names are few and rows many, so it is the ranks of names that are sorted."""
    rows = table.select(list(COLUMNS)).to_pandas()
    ranks = [pd.factorize(rows[name], sort=True)[0] for name in COLUMNS[:-1]]
    return rows.take(np.lexsort(ranks[::-1])).reset_index(drop=True)


def _without_doubles(runs: Sequence[RunInfo], out: Path) -> tuple[list[RunInfo], list[str]]:
    """Leave out runs that share an address: the same seed under two configurations is one seed too many."""
    same: dict[tuple, list[RunInfo]] = {}
    for run in runs:
        same.setdefault(_address(run), []).append(run)
    said = [
        f"{' and '.join(str(run.path.relative_to(out)) for run in alike)} are the same run under two configurations; "
        "left out, delete all but one"
        for alike in same.values()
        if len(alike) > 1
    ]
    return [run for run in runs if len(same[_address(run)]) == 1], said


def _of_one_code(runs: Sequence[RunInfo], out: Path) -> tuple[list[RunInfo], list[str]]:
    """Of each experiment, the runs of the maker (code and arithmetic) that most come from; none where two tie.

    Conditions are compared with each other, so all runs of an experiment must come from one.
    """
    experiments: dict[tuple, list[RunInfo]] = {}
    for run in runs:
        experiments.setdefault(_address(run)[:2], []).append(run)
    kept, said = set(), []
    for (paper, experiment), mine in experiments.items():
        (code, most), *others = Counter(run.manifest.maker for run in mine if run.manifest).most_common()
        judged = "" if others and others[0][1] == most else code
        chosen = [run for run in mine if run.manifest and run.manifest.maker == judged]
        kept |= {run.path for run in chosen}
        if others:
            left = [str(run.path.relative_to(out)) for run in mine if run not in chosen]
            named = ", ".join(left[:MOST_NAMED]) + (f" and {len(left) - MOST_NAMED} more" if left[MOST_NAMED:] else "")
            counts = ", ".join(f"{name} ({n} run{'s' if n > 1 else ''})" for name, n in [(code, most), *others])
            codes = len({run.manifest.code for run in mine if run.manifest})
            what = "versions of the code" if codes > 1 else "kinds of arithmetic"
            who = f"only those of {judged} count" if judged else "none counts, since none has most of them"
            said.append(
                f"{paper}/{experiment}: its runs come from {1 + len(others)} {what}, {counts}; {who}. "
                f"Left out: {named}. Delete these folders, then the same command runs them again"
            )
    return [run for run in runs if run.path in kept], said


def _address(run: RunInfo) -> tuple[str, str, str, int]:
    assert run.manifest is not None, "a finished run has a manifest"
    return run.manifest.paper, run.manifest.experiment, run.manifest.condition, run.manifest.seed


def write_tables(out: Path, rows: pd.DataFrame) -> None:
    """Write `rows.parquet` and `rows.csv` into `out`: the same bytes for the same rows.

    In `rows.csv` a name that a spreadsheet would take for a formula has an apostrophe before it.
    """
    table = pa.Table.from_pandas(rows, schema=SCHEMA, preserve_index=False).replace_schema_metadata()
    write_atomically(out / "rows.parquet", lambda path: parquet.write_table(table, path))
    write_atomically(out / "rows.csv", lambda path: csv.write_csv(_without_formulas(table), path))


def _without_formulas(table: pa.Table) -> pa.Table:
    for number, field in enumerate(table.schema):
        if field.type == pa.string():
            column = table[field.name]
            words = {text: f"'{text}" for text in column.unique().to_pylist() if text.startswith(FORMULA)}
            if words:
                plain = [words.get(text, text) for text in column.to_pylist()]
                table = table.set_column(number, field, pa.array(plain, pa.string()))
    return table
