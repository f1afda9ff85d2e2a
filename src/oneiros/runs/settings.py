"""Settings by name: read, list and override the fields of a frozen configuration.

`override(config, ["epochs=5", "sleep.rate=0.5"])` is what `--set` does.
"""

import ast
import dataclasses
import difflib
import math
import types
from collections.abc import Iterator, Sequence
from typing import Any, Literal, Union, get_args, get_origin, get_type_hints


class SettingError(ValueError):
    """A setting that does not exist, or a value that its field cannot take."""


def settings(config: Any, prefix: str = "") -> Iterator[tuple[str, Any]]:
    """Every field of a configuration as (dotted name, value), nested ones included."""
    for f in dataclasses.fields(config):
        value = getattr(config, f.name)
        if dataclasses.is_dataclass(value):
            yield from settings(value, f"{prefix}{f.name}.")
        else:
            yield f"{prefix}{f.name}", value


def override(config: Any, assignments: Sequence[str]) -> Any:
    """The configuration with each NAME=VALUE applied, checked by name, type and the config's own rules.

    Raises:
        SettingError: naming what came, the nearest names there are, and the type expected.
    """
    for assignment in assignments:
        name, equals, text = assignment.partition("=")
        if not equals:
            raise SettingError(f"--set {assignment!r} has no '='; write NAME=VALUE, for example epochs=5")
        config = _replace(config, name.strip(), text.strip(), dict(settings(config)))
    return config


def _replace(config: Any, name: str, text: str, known: dict[str, Any]) -> Any:
    if name not in known:
        near = difflib.get_close_matches(name, known, n=3, cutoff=0.5)
        near += [full for full in known if full.split(".")[-1] == name and full not in near]
        hint = f" Did you mean {' or '.join(map(repr, near))}?" if near else ""
        raise SettingError(f"{type(config).__name__} has no setting {name!r}.{hint} Settings: {', '.join(known)}")
    head, dot, rest = name.partition(".")
    if dot:
        value = _replace(getattr(config, head), rest, text, dict(settings(getattr(config, head))))
    else:
        value = _parse(name, text, get_type_hints(type(config))[name])
    try:
        return dataclasses.replace(config, **{head: value})
    except ValueError as error:
        raise SettingError(f"--set {name}={text}: {error}") from error


def _parse(name: str, text: str, kind: Any) -> Any:
    try:
        literal = ast.literal_eval(text)
    except (ValueError, SyntaxError, TypeError, RecursionError, MemoryError):
        literal = text
    if any(type(each) is int and abs(each) >= 2**63 for each in _sequence(literal)):
        raise SettingError(f"--set {name}={_short(text)}: expected a number of less than 19 digits")
    value = float(literal) if kind is float and type(literal) is int else literal
    if get_origin(kind) is tuple:
        item = get_args(kind)[0]
        value = tuple(float(v) if item is float and type(v) is int else v for v in _sequence(value))
    if not _fits(value, kind):
        raise SettingError(f"--set {name}={_short(text)}: expected {_name(kind)}, got {_short(text)!r}")
    if any(type(each) is float and not math.isfinite(each) for each in _sequence(value)):
        raise SettingError(f"--set {name}={_short(text)}: expected a finite number")
    return value


def _short(text: str) -> str:
    return text if len(text) <= 60 else f"{text[:60]}..."


def _sequence(value: Any) -> Sequence[Any]:
    return value if isinstance(value, (tuple, list)) else (value,)


def _fits(value: Any, kind: Any) -> bool:
    origin = get_origin(kind)
    if origin is Literal:
        return value in get_args(kind)
    if origin in (Union, types.UnionType):
        return any(_fits(value, part) for part in get_args(kind))
    if origin is tuple:
        return isinstance(value, tuple) and all(_fits(v, get_args(kind)[0]) for v in value)
    return type(value) is kind


def _name(kind: Any) -> str:
    if get_origin(kind) is Literal:
        return " or ".join(map(repr, get_args(kind)))
    if get_origin(kind) is tuple:
        return f"{_name(get_args(kind)[0])}s separated by commas"
    return {int: "a whole number", float: "a number", str: "text", bool: "True or False"}.get(kind, str(kind))
