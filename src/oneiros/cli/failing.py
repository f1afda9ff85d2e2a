"""One way to fail: one line and exit code 1 or 2; what nobody foresaw leaves its traceback in a file.

Exit codes: 1 what the command needs was refused (an output that is closed or full, or a mistake of ours); 2 the request
cannot be met; 130 it was stopped.
"""

import contextlib
import errno
import io
import os
import re
import secrets
import sys
import tempfile
import traceback
from collections.abc import Callable, Iterator, Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any, TypeVar, cast

from oneiros.cli.asked import RequestError

Parsed = TypeVar("Parsed")

FOLDERS = ("--out", "--data", "--data-root")
# What says itself what to do. By name, since whatever was raised has been imported, and the rest takes seconds.
FORESEEN = {
    "oneiros.data.errors": "DataError",
    "oneiros.nets.backbones": "BackboneError",
    "oneiros.runs.catalogue": "NoExperimentError",
    "oneiros.runs.settings": "SettingError",
    "oneiros.runs.stacked": "NotStackableError",
    "oneiros.runs.store.errors": "ResultsError",
}
LONGEST = 2000  # letters of a line: an argument of any length may be repeated in it


class OutputError(Exception):
    """What was to be printed found no room, or nobody who reads it."""


def parsed(parse: Callable[[], Parsed], arguments: Sequence[str]) -> Parsed:
    """What `parse` makes of the command's arguments; help goes its way.

    Raises:
        RequestError: saying in one line what the parser says in a frame of several.
        SystemExit: help was asked for and printed.
    """
    _require_names(arguments)
    with contextlib.redirect_stderr(io.StringIO()) as said:
        try:
            return parse()
        except SystemExit as stopped:
            if not stopped.code:
                raise
        except (ValueError, TypeError, OverflowError, RecursionError) as error:
            raise RequestError(f"the arguments cannot be read ({error}); see `oneiros --help`") from error
    raise RequestError(f"{_without_frame(said.getvalue())}; see `oneiros --help`")


def _require_names(arguments: Sequence[str]) -> None:
    """Refuse a folder without a name, which would be the current one, and what no path or setting can hold."""
    for argument in arguments:
        if "\0" in argument:
            raise RequestError(f"{argument[:60]!r} holds a NUL, which no name can; leave it out")
    joined = (argument.partition("=")[::2] for argument in arguments if "=" in argument)
    for name, value in [*pairwise(arguments), *joined]:
        if name in FOLDERS and not value.strip():
            raise RequestError(f"{name} is empty; name a folder ('.' for this one)")


def _without_frame(text: str) -> str:
    """The words that tyro puts in a frame, up to its second rule, below which it says how to get help."""
    told = []
    for line in text.splitlines():
        words = line.strip(" │")
        if words.startswith("───"):
            break
        if words and words[0] not in "╭╰":
            told.append(re.sub(r"\x1b\[[0-9;]*m", "", words))
    return " ".join(" ".join(told).split()).rstrip(".") or "the arguments cannot be read"


def failing_clearly(work: Callable[[], int], out: Callable[[], Path | None]) -> int:
    """The exit code of `work`; whatever it raises is told in one line.

    Args:
        work: the command.
        out: where a traceback that nobody foresaw is left, once it is known; else in the folder of temporary files.
    """
    try:
        with _watched_output():
            code = work()
            sys.stdout.flush()
            return code
    except KeyboardInterrupt:
        return _say("stopped; the same command goes on from here", 130)
    except OutputError as error:
        _drop_output()
        return _say(f"error: {error}", 1)
    except Exception as error:  # noqa: BLE001 (whatever it is, it is told in one line)
        return _told(error, out())


def _told(error: Exception, out: Path | None) -> int:
    if isinstance(error, (RequestError, *_foreseen())):
        return _say(f"error: {error}", 2)
    if isinstance(error, OSError) and error.errno in errno.errorcode:
        named = f"{str(error.filename)[:LONGEST]}: " if error.filename else ""
        return _say(f"error: {named}{error.strerror or error}", 2)
    if isinstance(error, MemoryError):
        return _say("error: there is not enough memory for this; ask for less, or for fewer at a time (--jobs)", 2)
    file = _leave_traceback(out)
    where = f"the traceback is in {file}" if file else "its traceback could not be written anywhere"
    return _say(f"error: {type(error).__name__}: {str(error)[:LONGEST]}; a mistake of oneiros, {where}", 1)


def _foreseen() -> tuple[type[Exception], ...]:
    return tuple(getattr(sys.modules[module], name) for module, name in FORESEEN.items() if module in sys.modules)


def _say(text: str, code: int) -> int:
    line = " ".join(text.split())
    line = line if len(line) <= 2 * LONGEST else f"{line[:LONGEST]} ... {line[-LONGEST:]}"
    with contextlib.suppress(OSError, ValueError):
        print(line.encode("utf-8", "backslashreplace").decode(), file=sys.stderr, flush=True)  # noqa: T201
    return code


class _Output:
    """Standard output, of which one knows that it was this that was refused, not a file of the results."""

    def __init__(self, stream: Any) -> None:
        self._stream = stream

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)

    def write(self, text: str) -> int:
        """As of any stream; so is `flush`."""
        with _refused():
            return self._stream.write(text)

    def flush(self) -> None:
        """See `write`."""
        with _refused():
            self._stream.flush()


@contextlib.contextmanager
def _refused() -> Iterator[None]:
    try:
        yield
    except UnicodeEncodeError:
        raise
    except (OSError, ValueError) as error:  # a ValueError: it was closed
        why = error.strerror if isinstance(error, OSError) else error
        raise OutputError(f"the output cannot be written: {why}") from error


@contextlib.contextmanager
def _watched_output() -> Iterator[None]:
    if sys.stdout is None:  # closed before this process began
        raise OutputError("the output is closed; give one, if only /dev/null")
    with contextlib.redirect_stdout(cast(io.TextIOBase, _Output(sys.stdout))):
        yield


def _drop_output() -> None:
    """Let nothing more go to an output that takes nothing: Python would try once more when it ends."""
    with contextlib.suppress(OSError, ValueError, AttributeError):
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _leave_traceback(out: Path | None) -> Path | None:
    text = traceback.format_exc()
    for folder in [*([] if out is None else [out]), Path(tempfile.gettempdir())]:
        file = folder / f"oneiros-error-{secrets.token_hex(4)}.txt"
        with contextlib.suppress(OSError, ValueError):  # OUT may not be there, or be no folder
            file.write_text(text, encoding="utf-8", errors="backslashreplace")
            return file
    return None
