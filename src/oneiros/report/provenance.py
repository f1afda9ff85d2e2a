"""What was run: many nested manifests -> one table of settings, with what all runs share said once."""

import json
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence

import pandas as pd

# So many different values are listed one by one; more are summarised.
LISTED = 6
LABELS = {"data": "data (SHA-256)"}


def settings_table(runs: Sequence[Mapping[str, object]]) -> pd.DataFrame:
    """One row a setting, nested names joined by dots: `config.wake.rate`.

    >>> settings_table([{"device": "cpu", "config": {"rate": 0.1}}, {"device": "cpu", "config": {"rate": 0.2}}])
           setting                        value
    0       device                          cpu
    1  config.rate  0.1 (1 run), 0.2 (1 run)
    """
    values: dict[str, list[object]] = {}
    for run in runs:
        for name, value in flatten(run):
            values.setdefault(name, []).append(value)
    lines = [(name, _summary(found, len(runs))) for name, found in values.items()]
    return pd.DataFrame(lines, columns=["setting", "value"])


def summary_table(runs: Sequence[Mapping[str, object]]) -> pd.DataFrame:
    """What a reader asks first: how many runs, on which seeds, by which code, where, on what data, how long."""
    seconds = sum(value for run in runs if isinstance(value := run.get("seconds"), int | float))
    lines: list[tuple[str, str]] = [("runs", str(len(runs)))]
    for name in ("scale", "seed", "code", "commit", "tree", "device", "precision", "products", "versions", "data"):
        entries = [run[name] for run in runs if name in run]
        if name == "seed":
            lines.append(("seeds", ", ".join(str(seed) for seed in sorted({int(str(entry)) for entry in entries}))))
        else:
            table = settings_table([{name: entry} for entry in entries]).itertuples(index=False)
            said = [(str(setting).removeprefix(f"{name}."), str(value)) for setting, value in table]
            one = [value if setting == name else f"{setting} {value}" for setting, value in said]
            lines.append((LABELS.get(name, name), "; ".join(one)))
    lines.append(("time of all runs", _duration(seconds) if seconds else "unknown"))
    return pd.DataFrame(lines, columns=["what", "value"])


def _duration(seconds: float) -> str:
    return f"{seconds / 60:.1f} minutes" if seconds >= 60 else f"{seconds:.3g} seconds"


def flatten(manifest: Mapping[str, object], prefix: str = "") -> Iterator[tuple[str, object]]:
    """Leaves of nested mappings with their dotted names; lists are leaves."""
    for name, value in manifest.items():
        if isinstance(value, Mapping) and value:
            yield from flatten(value, f"{prefix}{name}.")
        else:
            yield f"{prefix}{name}", value


def _summary(values: Sequence[object], runs: int) -> str:
    counted = Counter(_text(value) for value in values)
    if len(counted) == 1 and len(values) == runs:
        return next(iter(counted))
    if len(counted) <= LISTED:
        return ", ".join(f"{text} ({n} run{'s' if n > 1 else ''})" for text, n in counted.items())
    numbers = [value for value in values if isinstance(value, int | float)]
    if len(numbers) == len(values):
        return f"{min(numbers):g} to {max(numbers):g} ({len(values)} runs)"
    return f"{len(counted)} different values, such as {next(iter(counted))}"


def _text(value: object) -> str:
    return value if isinstance(value, str) else json.dumps(value, default=str)
