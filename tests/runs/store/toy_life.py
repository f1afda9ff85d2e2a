"""A toy life in a run folder: small enough to be killed and resumed several times within a test.

Run as a script it is a server: for each line "OUT [MOMENT]" it forks a process that lives there, says its
process id, and then its exit code. Importing an optimiser takes seconds, which is so paid once.
"""

import os
import shlex
import signal
import sys
from dataclasses import dataclass
from pathlib import Path

import torch

from oneiros.core import Batch, Brain, Seeds
from oneiros.life import Schedule, live
from oneiros.memory.exemplars import Exemplars
from oneiros.runs.store import Manifest, Row, RunFolder
from oneiros.runs.store.checkpoint import commit, restore

TASKS, LESSONS = 12, 3
ADDRESS = dict(paper="toy", experiment="kill", condition="c", seed=0)


@dataclass(frozen=True)
class Lessons:
    name: str = "lessons"
    classes: tuple[int, ...] = (0, 1)

    def __len__(self):
        return LESSONS

    def batches(self, rng):
        for _ in range(LESSONS):
            yield Batch(x=torch.rand(4, 3, generator=rng), y=torch.randint(2, (4,), generator=rng))


@dataclass(frozen=True)
class Learn:
    name: str = "learn"
    changes: tuple[str, ...] = ("",)
    returns: tuple[str, ...] = ("loss",)

    def __call__(self, brain, batch, rng):
        brain.memory["exemplars"].store(batch, rng)
        loss = torch.nn.functional.cross_entropy(brain.net(batch.x), batch.targets())
        brain.optim["wake"].zero_grad()
        loss.backward()
        brain.optim["wake"].step()
        return {"loss": loss.detach()}


def build_brain():
    with Seeds(0).building("init"):
        net = torch.nn.Linear(3, 2)
    return Brain(
        net=net, memory={"exemplars": Exemplars(per_class=3)}, optim={"wake": torch.optim.Adam(net.parameters())}
    )


def run(out, die_at=""):
    torch.set_num_threads(1)
    manifest = Manifest(**ADDRESS, scale="smoke", config={}, device="cpu", code="the code")
    with RunFolder.open(Path(out), manifest) as folder:
        if folder.finished:
            return
        brain = build_brain()
        start = restore(folder, brain)
        if die_at:
            arrange_death(die_at)
        for event in live(brain, [Lessons()] * TASKS, Schedule(day=(Learn(),)), Seeds(0), start=start):
            for metric, value in event.values.items():
                where = dict(order="01", day=event.task, task=event.task, phase="day")
                folder.add([Row(**ADDRESS, **where, metric=metric, value=float(value))])
            if event.kind in ("epoch_end", "task_end"):
                commit(folder, brain, event.resume)
        folder.seal()


def arrange_death(moment):
    """Die when a checkpoint is to be put in place for the fifth time, or when sealed rows are to be moved up."""
    name, nth = {"commit": ("checkpoint.safetensors", 5), "settle": ("rows.jsonl", 1)}[moment]
    original, count = os.replace, 0

    def fatal(source, target):
        nonlocal count
        count += Path(target).name == name
        if count == nth:
            os.kill(os.getpid(), signal.SIGKILL)
        return original(source, target)

    os.replace = fatal


def serve():
    build_brain()
    for line in sys.stdin:
        pid = os.fork()
        if pid == 0:
            run(*shlex.split(line))
            os._exit(0)
        print(pid, flush=True)
        print(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]), flush=True)


if __name__ == "__main__":
    serve()
