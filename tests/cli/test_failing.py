"""Whatever is asked for: one line, exit code 1 or 2, and no traceback but in a file."""

import errno
import io
import os
import shutil
import subprocess
import sys
import tempfile
from itertools import product
from pathlib import Path

import pytest

from oneiros.cli import main
from oneiros.cli.failing import failing_clearly
from oneiros.cli.status import StatusCommand

RUN = ["run", "kubo2025/digits", "--scale", "smoke", "--jobs", "1", "--condition", "sequential"]
TUNE = ["tune", "kubo2025/digits", "--scale", "smoke", "--trials", "1", "--jobs", "1", "--out", "tuned"]
FEATURES = ["features", "digits", "--backbone", "resnet18", "--weights", "random", "--out", "made"]
LONG, DIGITS = "x" * 5000, "9" * 5000

# Each option of each command with everything that it cannot be.
PATHS = {
    "out": ([*RUN, "--out"], ["demo", "--out"], [*TUNE, "--out"]),
    "read": (
        ["status"], ["report"], ["check"], [*RUN, "--data"], [*TUNE, "--data"], ["list"], ["run"], ["tune"],
        ["features"], ["features", "digits", "--data-root"],
    ),
}  # fmt: skip
BAD_PATHS = ("", " ", "\n", "a\0b", LONG, f"{LONG}/{LONG}", "a-file", "a-file/below", "loop", "loop/below", "/dev/null")
NO_PATHS = ("nowhere", "\udcff", "no where:\t", "x.py:NAME", "a-file:NAME", "[red]", "-")
NUMBERS = {
    "run": (RUN, ("--seeds", "--stack", "--jobs", "--gpus")),
    "demo": (["demo"], ("--seeds", "--jobs")),
    "tune": (
        TUNE, ("--trials", "--minutes", "--orders", "--sleep-seeds", "--winners", "--population", "--jobs", "--seed")
    ),
    "features": (FEATURES, ("--size", "--classes")),
    "all": (["run", "all"], ("--budget", "--jobs")),
}  # fmt: skip
NO_NUMBERS = ("", "x", "-1", "nan", "1e400", "9" * 30, DIGITS)
WORDS = [
    *([*RUN, f"--{option}"] for option in ("condition", "set", "engine", "device", "scale")),
    *([*TUNE, f"--{option}"] for option in ("condition", "sampler", "set", "device", "scale")),
    *([*FEATURES, f"--{option}"] for option in ("layer", "weights", "backbone", "device", "scale")),
    ["list", "kubo2025/digits", "--scale"],
    ["status", ".", "--json"],
    [],
    ["no-such-command"],
]
NO_WORDS = ("\n", "nothing", "a::b", "--x", "x:y", LONG)
NO_PLACES = ("\n", " ", "a::b", "memory:", "memory://x", "a\0b", "s3:x")
VALUES = ("", "1e400", "-1e400", "nan", "inf", "-" * 3000 + "1", "(" * 3000, "{1: [}", "9" * 400, LONG, DIGITS)
NAMES = ("sleep.rate", "epochs", "sleep", "examples", "nothing", "", ".", "sleep.rate.more")
ASKED = [
    *([*head, bad] for head, bad in product(PATHS["out"], BAD_PATHS)),
    *([*head, bad] for head, bad in product(PATHS["read"], BAD_PATHS + NO_PATHS) if [*head, bad] != ["list", ""]),
    *([*head, option, bad] for head, options in NUMBERS.values() for option, bad in product(options, NO_NUMBERS)),
    *([*head, bad] for head, bad in product(WORDS, NO_WORDS)),
    *([*RUN, "--copy-to", bad] for bad in NO_PLACES),
    *([*RUN, "--set", f"{name}={value}"] for name, value in product(NAMES, VALUES)),
]


@pytest.fixture
def here(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "a-file").write_text("mine")
    (tmp_path / "loop").symlink_to(tmp_path / "loop")
    return tmp_path


def told(capsys) -> str:
    """The one line that says what went wrong."""
    said = capsys.readouterr()
    assert "Traceback" not in said.out + said.err
    assert "mistake of oneiros" not in said.err, said.err
    lines = [line for line in (said.out + said.err).splitlines() if line.startswith(("error:", "failed "))]
    assert len(lines) == 1, said
    assert len(said.err.splitlines()) <= 1, said.err
    return lines[0]


def test_there_are_hundreds():
    assert len({tuple(arguments) for arguments in ASKED}) > 500


@pytest.mark.parametrize("arguments", ASKED, ids=lambda a: repr(" ".join(a))[:80])
def test_a_request_that_cannot_be_met_is_told_in_one_line(here, capsys, arguments):
    assert main(arguments) in (1, 2)
    told(capsys)
    assert (here / "a-file").read_text() == "mine"
    assert not (here / "out").exists()


@pytest.fixture(scope="module")
def finished(tmp_path_factory):
    """A folder with one finished run."""
    out = tmp_path_factory.mktemp("finished") / "results"
    assert main([*RUN, "--out", str(out)]) == 0
    return out


CODES = (errno.ENOSPC, errno.EACCES, errno.EROFS, errno.EIO, errno.EDQUOT)
WRITES = [  # what a command asks of the system; other files are written by libraries
    *product([[*RUN, "--out", "out"]], ("mkdir", "open", "write", "fsync", "link", "replace"), CODES),
    *product([["report", "results"]], ("mkdir", "open", "fsync", "replace"), CODES),
    *product([TUNE], ("mkdir", "open", "write", "fsync"), CODES),
    (TUNE, "replace", errno.ENOSPC),  # one, since it comes last
]


@pytest.fixture
def results(here, finished):
    """A copy of it, in the current folder."""
    shutil.copytree(finished, here / "results")
    return here / "results"


@pytest.fixture
def refuse(here, monkeypatch):
    """Let the system refuse a call about files in the current folder."""

    def refuse(call: str, code: int) -> None:
        true = getattr(os, call)

        def refusing(what, *arguments, **options):
            path = os.readlink(f"/proc/self/fd/{what}") if isinstance(what, int) else os.path.abspath(what)
            reading = call == "open" and not (arguments[0] & (os.O_WRONLY | os.O_RDWR))
            if path.startswith(str(here)) and not reading:
                raise OSError(code, os.strerror(code), None if isinstance(what, int) else what)
            return true(what, *arguments, **options)

        monkeypatch.setattr(os, call, refusing)

    return refuse


@pytest.mark.skipif(not Path("/proc/self/fd").exists(), reason="files are known by their descriptors")
@pytest.mark.parametrize(("arguments", "call", "code"), WRITES)
def test_a_full_disk_or_a_missing_permission_is_told_in_one_line(results, capsys, refuse, arguments, call, code):
    refuse(call, code)
    assert main(arguments) in (1, 2)
    told(capsys)


class Full(io.StringIO):
    """An output that takes nothing."""

    def write(self, text):
        raise self.error

    error: Exception = OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


class Broken(Full):
    error = BrokenPipeError(errno.EPIPE, os.strerror(errno.EPIPE))


class Closed(Full):
    error = ValueError("I/O operation on closed file")


TELLING = ["list"], ["list", "kubo2025/digits"], ["status", "results"], ["status", "results", "--json"]
TELLING += ["check", "results"], ["check", "results", "--json"], ["report", "results"], ["--help"], ["run", "--help"]


@pytest.mark.parametrize("output", [Full(), Broken(), Closed(), None], ids=lambda o: type(o).__name__)
@pytest.mark.parametrize("arguments", TELLING, ids=" ".join)
def test_an_output_that_takes_nothing_is_told_in_one_line(results, capsys, monkeypatch, arguments, output):
    monkeypatch.setattr(sys, "stdout", output)
    assert main(arguments) == 1
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith("error: the output ")


def test_what_nobody_foresaw_leaves_its_traceback_in_a_file_that_is_named(tmp_path, capsys, monkeypatch):
    def broken(self, console):
        raise LookupError("nobody foresaw\nthis")

    monkeypatch.setattr(StatusCommand, "__call__", broken)
    assert main(["status", str(tmp_path)]) == 1
    (line,) = capsys.readouterr().err.strip().splitlines()
    (file,) = tmp_path.glob("oneiros-error-*.txt")
    assert line.startswith("error: LookupError: nobody foresaw this; a mistake of oneiros")
    assert str(file) in line
    assert "Traceback" in file.read_text()


def test_where_out_takes_no_file_the_traceback_is_with_the_temporary_ones(tmp_path, capsys, monkeypatch):
    def broken():
        raise LookupError("nobody foresaw this")

    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    assert failing_clearly(broken, lambda: tmp_path / LONG) == 1
    (file,) = tmp_path.glob("oneiros-error-*.txt")
    assert str(file) in capsys.readouterr().err
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "none"))
    assert failing_clearly(broken, lambda: None) == 1
    assert "its traceback could not be written anywhere" in capsys.readouterr().err


@pytest.mark.parametrize("code", [*CODES, errno.ENAMETOOLONG])
def test_what_the_system_refuses_is_told_with_the_files_name(capsys, code):
    def refused() -> int:
        raise OSError(code, os.strerror(code), "the-file")

    assert failing_clearly(refused, lambda: None) == 2
    assert capsys.readouterr().err == f"error: the-file: {os.strerror(code)}\n"


def test_too_little_memory_is_no_mistake_of_ours(capsys):
    def large() -> int:
        raise MemoryError

    assert failing_clearly(large, lambda: None) == 2
    assert capsys.readouterr().err.startswith("error: there is not enough memory")


def test_help_is_no_failure(capsys):
    with pytest.raises(SystemExit) as stopped:
        main(["--help"])
    assert not stopped.value.code
    assert "usage: oneiros" in capsys.readouterr().out


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="this system has no device that is always full")
def test_a_real_process_says_nothing_more_when_it_ends():
    code = "import sys; from oneiros.cli import main; sys.exit(main(['list']))"
    with open("/dev/full", "w") as full:
        done = subprocess.run([sys.executable, "-c", code], stdout=full, stderr=subprocess.PIPE, text=True, check=False)
    assert (done.returncode, len(done.stderr.strip().splitlines())) == (1, 1), done.stderr
