"""Every paper, stopped between two batches and gone on with: bit for bit the run that nobody disturbed.

The same runs show that a seed gives the same rows every time: one in peace, one again, one with interruptions.
"""

import contextlib
import importlib.util
import random
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from oneiros.data import DataError
from oneiros.runs import experiment as recipe
from oneiros.runs.catalogue import experiment, installed
from oneiros.runs.experiment import Run, execute
from oneiros.runs.store import read_runs

# The experiment and condition of a paper that hold all that its runs can hold: memories, generators, selectors, several
# optimisers. A paper that is not here lives every condition of its first experiment. The slow test lives every
# condition of every experiment whose data are there.
RICHEST = {
    "kubo2025": ("digits", "src_rehearsal"),
    "shin2017": ("classes", "gr"),
    "deperrois2022": ("cifar10", "rem_before_nrem"),  # its losses come in another order than that of their names
    "barry2022": ("selection", "selected"),
}
OWN_DATA = ("deperrois2022",)


class CrashError(BaseException):
    """Stands for the power cut, so it is no failure of the run."""


@pytest.fixture(scope="module")
def pictures(tmp_path_factory) -> str:
    script = Path(__file__).parents[1] / "smoke" / "small_pictures.py"
    spec = importlib.util.spec_from_file_location("small_pictures_of_resume", script)
    assert spec
    assert spec.loader
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module.write_pictures(tmp_path_factory.mktemp("data") / "pictures")


@pytest.fixture(autouse=True, scope="module")
def own_cache(tmp_path_factory):
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_CACHE_HOME", str(tmp_path_factory.mktemp("cache")))
        yield


def small(name: str, pictures: str):
    """The smoke configuration, on data that need no download."""
    config = experiment(name).scales["smoke"]
    if name.startswith("shin2017"):
        return replace(config, data="digits", examples=120, probe_every=4)
    return replace(config, data=pictures) if name.startswith(OWN_DATA) else config


def live(out: Path, name: str, condition: str, config) -> None:
    run = Run(
        experiment=name, scale="smoke", config=config, condition=condition, seed=0, out=out, data=None, device="cpu",
        commit_seconds=0.0,
    )  # fmt: skip
    execute(run, experiment(name), lambda fraction, text: None)


def left_by(out: Path) -> dict[str, bytes]:
    """Rows, pictures and weights of the one run in `out`, by name of their file."""
    (run,) = read_runs(out)
    assert (run.state, run.problem) == ("finished", "")
    files = [run.path / "rows.jsonl", run.path / "weights.safetensors", *run.path.glob("pictures/*.png")]
    return {file.name: file.read_bytes() for file in files}


def disturbed(out: Path, arguments: tuple, monkeypatch) -> None:
    """Live once counting the commits, then with three crashes: before a commit, half way through one, and after one."""
    commit, moments, cursors = recipe.commit, random.Random(0), []

    def counting(folder, brain, cursor, tallies):
        cursors.append(cursor)
        commit(folder, brain, cursor, tallies)

    monkeypatch.setattr(recipe, "commit", counting)
    live(out / "counted", *arguments)
    within = [cursor for cursor in cursors if cursor.batch]
    assert within, "no commit fell between two batches"
    chosen = sorted([*moments.sample(within, min(2, len(within))), moments.choice(cursors[:-1])], key=cursors.index)
    for crash_at, where in zip(chosen, moments.sample(["before", "half way", "after"], 3), strict=False):

        def crashing(folder, brain, cursor, tallies, crash_at=crash_at, where=where):
            if cursor != crash_at:
                return commit(folder, brain, cursor, tallies)
            if where == "half way":
                folder.flush()
            if where == "after":
                commit(folder, brain, cursor, tallies)
            raise CrashError

        monkeypatch.setattr(recipe, "commit", crashing)
        with contextlib.suppress(CrashError):  # the same place may be chosen twice
            live(out / "disturbed", *arguments)
        assert list((out / "disturbed").rglob("rows.jsonl"))
        assert not list((out / "disturbed").rglob("done.json"))
    monkeypatch.setattr(recipe, "commit", commit)
    live(out / "disturbed", *arguments)


def three_times(out: Path, arguments: tuple, monkeypatch) -> None:
    live(out / "peace", *arguments)
    disturbed(out, arguments, monkeypatch)
    peace, again, resumed = (left_by(out / name) for name in ("peace", "counted", "disturbed"))
    assert peace["rows.jsonl"]
    assert peace == again
    assert peace == resumed


def one_a_paper() -> list[tuple[str, str]]:
    names = {paper: f"{paper}/{name}" for paper, (name, _) in RICHEST.items()}
    for name in installed():
        names.setdefault(name.partition("/")[0], name)
    return [
        (name, condition)
        for paper, name in names.items()
        for condition in ([RICHEST[paper][1]] if paper in RICHEST else experiment(name).conditions)
    ]


@pytest.mark.parametrize(("name", "condition"), one_a_paper())
def test_a_run_stopped_between_batches_ends_as_if_undisturbed(tmp_path, monkeypatch, pictures, name, condition):
    three_times(tmp_path, (name, condition, small(name, pictures)), monkeypatch)


def test_a_finished_run_is_left_alone(tmp_path):
    seen = []
    for _ in range(2):
        live(tmp_path, "kubo2025/digits", "sequential", experiment("kubo2025/digits").scales["smoke"])
        (run,) = read_runs(tmp_path)
        seen.append({path.name: path.stat().st_mtime_ns for path in run.path.iterdir() if path.name != ".lock"})
    assert seen[0] == seen[1]
    assert set(seen[0]) == {"manifest.json", "rows.jsonl", "weights.safetensors", "done.json"}


LIGHT = [name for name in installed() if "full-" not in name]


@pytest.mark.slow
@pytest.mark.parametrize(("name", "condition"), [(name, c) for name in LIGHT for c in experiment(name).conditions])
def test_every_condition_stopped_between_batches(tmp_path, monkeypatch, pictures, name, condition):
    config = small(name, pictures)
    if condition == "untrained":
        pytest.skip("it lives no batches that change anything")
    try:
        three_times(tmp_path, (name, condition, config), monkeypatch)
    except DataError as missing:
        pytest.skip(f"{name}: {missing}")
