"""Seeds lived as one stack leave the folders that they leave alone: rows, weights, seals; some fail, some go on."""

import json
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from oneiros.cli import asked, main, run
from oneiros.core import Seeds
from oneiros.data.streams import ExampleTask
from oneiros.equations import compiled
from oneiros.life import live, live_stacked, run_through, turns
from oneiros.phases import EquilibriumWake, SpikingSleep
from oneiros.runs import experiment as recipe
from oneiros.runs.catalogue import experiment
from oneiros.runs.engines import InlineEngine
from oneiros.runs.experiment import BuildRequest, Life, Run
from oneiros.runs.stacked import NotStackableError
from oneiros.runs.store import read_runs
from oneiros.runs.sweep import do, stacks, sweep

DIGITS = experiment("kubo2025/digits")
SMOKE = DIGITS.scales["smoke"]


@pytest.fixture
def as_where_no_kernels_run(monkeypatch):
    monkeypatch.setattr(compiled, "HOME", "nowhere")


@pytest.fixture
def stacked_calls(monkeypatch) -> list[int]:
    """How many brains each stack held."""
    sizes = []
    for phase in (EquilibriumWake, SpikingSleep):
        whole = phase.stacked

        def counted(self, brains, *rest, whole=whole):
            sizes.append(len(brains))
            return whole(self, brains, *rest)

        monkeypatch.setattr(phase, "stacked", counted)
    return sizes


def runs(out, seeds: int, condition: str = "src_rehearsal", **changed) -> list[Run]:
    config = replace(SMOKE, **changed)
    return [
        Run(experiment="kubo2025/digits", scale="smoke", config=config, condition=condition, seed=seed, out=out,
            data=None, device="cpu", commit_seconds=0.0)
        for seed in range(seeds)
    ]  # fmt: skip


def done(asked: list[Run], stack: int) -> dict[str, str]:
    """Do them; what went wrong with each, or ""."""
    outcomes = sweep(InlineEngine(do), asked, lambda key, fraction, text: None, stack=stack)
    return {outcome.key: outcome.error for outcome in outcomes}


def left_by(out) -> dict[str, bytes]:
    found = read_runs(out)
    assert all((run.state, run.problem) == ("finished", "") for run in found)
    return {str(run.path.relative_to(out)): (run.path / "rows.jsonl").read_bytes() for run in found}


def precise(life: Life) -> Life:
    """The same life in float64, so that sums in another order agree to 1e-9 and no spike is on the edge."""
    life.brain.net.double()
    tasks = []
    for task in life.tasks:
        assert isinstance(task, ExampleTask)
        tasks.append(replace(task, train=replace(task.train, images=task.train.images.double() / 255)))
    return replace(life, tasks=tasks)


@pytest.mark.parametrize(
    ("condition", "epochs"),
    [
        ("src_rehearsal", 1),
        pytest.param("src_rehearsal", 2, marks=pytest.mark.slow),
        pytest.param("src", 2, marks=pytest.mark.slow),
    ],
)
def test_whole_lives_in_a_stack_are_lives_alone(as_where_no_kernels_run, stacked_calls, condition, epochs):
    """Five days and nights, task orders whose classes differ in size, so batches and epochs do in length."""

    def lives() -> list[Life]:
        config = replace(SMOKE, examples=203, epochs=epochs, batch_size=10)
        return [
            precise(DIGITS.build(BuildRequest(config=config, condition=condition, seed=s, data=None, device="cpu")))
            for s in range(3)
        ]

    alone, together = lives(), lives()
    assert len({tuple(map(len, life.tasks)) for life in alone}) > 1, "days of one length would show less"
    expected = []
    for life in alone:
        each = live(life.brain, life.tasks, life.schedule, life.seeds)
        expected.append([(e.kind, e.task, e.epoch, e.batch, e.phase, e.resume) for e in each])
    came: list[list] = [[], [], []]
    for i, e in live_stacked([turns(x.brain, x.tasks, x.schedule, x.seeds) for x in together]):
        came[i].append((e.kind, e.task, e.epoch, e.batch, e.phase, e.resume))
    assert came == expected
    assert set(stacked_calls) <= {2, 3}
    assert stacked_calls.count(3) > 20 * epochs
    for one, other in zip(alone, together, strict=True):
        ours, theirs = one.brain.net.state_dict(), other.brain.net.state_dict()
        torch.testing.assert_close(theirs, ours, rtol=0, atol=1e-9)


@pytest.mark.slow
def test_folders_of_a_stack_are_those_of_separate_runs(tmp_path, as_where_no_kernels_run, stacked_calls):
    """In float32, where the rows' accuracies and firing rates still come out equal on these small lives."""
    assert set(done(runs(tmp_path / "alone", 4), 1).values()) == {""}
    assert not stacked_calls
    assert set(done(runs(tmp_path / "stack", 4), 3).values()) == {""}
    assert max(stacked_calls) == 3
    assert left_by(tmp_path / "stack") == left_by(tmp_path / "alone")
    seals = {
        run.path.name[:6]: json.loads((run.path / "done.json").read_text()) for run in read_runs(tmp_path / "stack")
    }
    assert [seals[f"seed-{seed}"]["stack"] for seed in range(4)] == [3, 3, 3, 1]


def test_on_the_cpu_a_stack_leaves_the_very_bytes(tmp_path):
    done(runs(tmp_path / "alone", 2), 1)
    done(runs(tmp_path / "stack", 2), 2)
    assert left_by(tmp_path / "stack") == left_by(tmp_path / "alone")


def test_a_stack_that_was_killed_goes_on_and_one_that_is_behind_catches_up(tmp_path, monkeypatch):
    class CrashError(BaseException):
        pass

    commit, count = recipe.commit, []

    def crashing(folder, *rest):
        count.append(folder)
        if len(count) == 12:
            raise CrashError
        commit(folder, *rest)

    done(runs(tmp_path / "alone", 3), 1)
    monkeypatch.setattr(recipe, "commit", crashing)
    with pytest.raises(CrashError):
        done(runs(tmp_path / "stack", 3), 3)
    monkeypatch.setattr(recipe, "commit", commit)
    assert len(list(tmp_path.glob("stack/**/checkpoint.safetensors"))) == 3
    done(runs(tmp_path / "stack", 3)[:1], 1)  # one of them goes to its end alone
    assert set(done(runs(tmp_path / "stack", 3), 3).values()) == {""}
    assert left_by(tmp_path / "stack") == left_by(tmp_path / "alone")


def test_one_that_fails_does_not_hold_up_the_others(tmp_path, monkeypatch):
    done(runs(tmp_path / "alone", 3), 1)
    write = recipe.RunRecorder.write

    def unlucky(self, event):
        if self.address["seed"] == 1 and event.task == 2:
            raise ZeroDivisionError("no luck")
        write(self, event)

    monkeypatch.setattr(recipe.RunRecorder, "write", unlucky)
    errors = done(runs(tmp_path / "stack", 3), 3)
    assert errors == {
        "src_rehearsal/seed-0": "",
        "src_rehearsal/seed-1": "FailedBeforeError",
        "src_rehearsal/seed-2": "",
    }
    monkeypatch.setattr(recipe.RunRecorder, "write", write)
    again = [replace(run, retry_failed=True) for run in runs(tmp_path / "stack", 3)]
    assert set(done(again, 3).values()) == {""}
    assert left_by(tmp_path / "stack") == left_by(tmp_path / "alone")


def test_groups_hold_one_condition_each():
    asked = [*runs(Path("out"), 3, "src"), *runs(Path("out"), 2, "sequential")]
    assert [[run.key for run in group] for group in stacks(asked, 2).values()] == [
        ["src/seed-0", "src/seed-1"], ["src/seed-2"], ["sequential/seed-0", "sequential/seed-1"],
    ]  # fmt: skip


def test_other_networks_and_the_cpu_are_refused(tmp_path, capsys):
    other = experiment("shin2017/permuted")
    config = replace(other.scales["smoke"], data="digits", examples=60)
    asked = [replace(run, experiment="shin2017/permuted", config=config, condition="none") for run in runs(tmp_path, 2)]
    with pytest.raises(NotStackableError, match="shin2017/permuted, condition none: no phase of its days can be lived"):
        done(asked, 2)
    command = ["run", "kubo2025/digits", "--scale", "smoke", "--out", str(tmp_path), "--device", "cpu"]
    assert main([*command, "--stack", "2"]) == 2
    assert "--stack 2 on the CPU: compiled kernels do there what" in " ".join(capsys.readouterr().err.split())
    assert main([*command, "--stack", "0"]) == 2


def test_a_life_that_is_closed_is_left_where_it_is():
    def begin() -> list[Life]:
        return [
            DIGITS.build(BuildRequest(config=SMOKE, condition="sequential", seed=s, data=None, device="cpu"))
            for s in range(2)
        ]

    lives, counted = begin(), [0, 0]
    steps = [turns(x.brain, x.tasks, x.schedule, x.seeds) for x in lives]
    for i, _ in live_stacked(steps):
        counted[i] += 1
        if i == 0 and counted[0] == 3:
            steps[0].close()
    assert counted[0] == 3
    (_, whole) = begin()
    run_through(whole.brain, whole.tasks, whole.schedule, Seeds(1))
    torch.testing.assert_close(lives[1].brain.net.state_dict(), whole.brain.net.state_dict(), rtol=0, atol=0)


def test_the_command_hands_stacks_to_as_many_workers_as_there_are_stacks(tmp_path, monkeypatch):
    seen = []

    def looks_on(to_do, engine, console, *, total, stack):
        seen.append((len(to_do), type(engine).__name__, total, stack))
        raise KeyboardInterrupt

    monkeypatch.setattr(asked, "device_of", lambda name: "cuda")
    monkeypatch.setattr(asked, "gpus", lambda: 0)
    monkeypatch.setattr(run, "_sweep", looks_on)
    command = [
        "run",
        "kubo2025/digits",
        "--scale",
        "smoke",
        "--condition",
        "src",
        "--seeds",
        "4",
        "--out",
        str(tmp_path),
    ]
    assert main([*command, "--stack", "4"]) == 130
    assert main([*command, "--stack", "3", "--jobs", "2"]) == 130
    assert seen == [(4, "InlineEngine", 4, 4), (4, "LocalEngine", 4, 3)]
