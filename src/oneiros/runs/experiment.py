"""What a paper's recipe is made of, and the one way in which a run is lived, measured and kept.

A recipe says which configurations, conditions and measurements an experiment has; this module turns one
(condition, seed) of it into a run folder that can be killed at any moment and resumed exactly.
"""

import json
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Protocol, runtime_checkable

from torch import Tensor

from oneiros.core import Brain, Seeds, Task
from oneiros.data import DataError
from oneiros.life import Cursor, Event, Schedule, batches_done, live, total_batches
from oneiros.measure.probes.accuracy import first_nonfinite
from oneiros.nets.modes import in_full
from oneiros.runs.arithmetic import Arithmetic, Precision, Route, arithmetic, computing
from oneiros.runs.catalogue import source_of
from oneiros.runs.commit_timer import CommitTimer
from oneiros.runs.drawing import Drawing
from oneiros.runs.live_view import Board, Latest, TensorBoard
from oneiros.runs.store import Manifest, Picture, ResultsError, Row, RunFolder, code_version, require_same_configuration
from oneiros.runs.store.checkpoint import commit, restore, save_weights
from oneiros.runs.store.folder import safe_name

Report = Callable[[float, str], None]


def no_pictures(event: Event) -> Iterable[Picture]:
    """What a life draws that draws nothing."""
    return ()


@dataclass(frozen=True, kw_only=True)
class Life:
    """Everything one run needs, built from configuration, condition and seed; nothing has happened yet.

    Attributes:
        brain, tasks, schedule, seeds: the arguments of `live`.
        order: name of the task order, for the rows.
        measure: rows of an event, each as (phase, metric, task, value); the day is the event's task.
        draw: pictures of an event, for galleries.
        checksums: of the data files read.
        tallies: tensors that `measure` adds up from event to event, by name; they are kept with every checkpoint.
        note: what stands in for what the paper used, see `Manifest`.
    """

    brain: Brain
    tasks: Sequence[Task]
    schedule: Schedule
    seeds: Seeds
    order: str
    measure: Callable[[Event], Iterable["Measured"]]
    draw: Callable[[Event], Iterable[Picture]] = no_pictures
    checksums: Mapping[str, str] = field(default_factory=dict)
    tallies: dict[str, Tensor] = field(default_factory=dict)
    note: str = ""


@dataclass(frozen=True, kw_only=True)
class Measured:
    """One number, before it gets its address."""

    metric: str
    value: float
    task: int
    phase: str


@dataclass(frozen=True, kw_only=True)
class BuildRequest:
    """What a recipe is asked to build."""

    config: Any
    condition: str
    seed: int
    data: Path | None
    device: str


@runtime_checkable
class Experiment(Protocol):
    """One experiment of a paper: `oneiros run PAPER/NAME`."""

    paper: str
    name: str
    conditions: tuple[str, ...]
    scales: Mapping[str, Any]

    def build(self, what: BuildRequest) -> Life:
        """Assemble one run."""
        ...

    def drawings(self) -> tuple[Drawing, ...]:
        """Figures in the layout of the paper, besides those that every experiment has."""
        ...


@dataclass(frozen=True, kw_only=True)
class Run:
    """The address of one run and how to go about it, small enough to send to another process.

    Attributes:
        experiment, scale, config, condition, seed, device: what its rows depend on.
        out, data: where they are written, where data sets lie.
        tensorboard: whether to write event files.
        keep_weights: whether the net is kept when the run is over.
        commit_seconds: between checkpoints within an epoch; every epoch and task ends with one.
        retry_failed: whether a run that failed before is tried again.
        patience: seconds to wait for another process that does this run.
        copy_to: where the finished run is copied to, see `oneiros.runs.store.copy`; "" for nowhere.
        precision, products: see `oneiros.runs.arithmetic`; of the machine where the run is done.
    """

    experiment: str
    scale: str
    config: Any
    condition: str
    seed: int
    out: Path
    data: Path | None
    device: str
    tensorboard: bool = False
    keep_weights: bool = True
    commit_seconds: float = 30.0
    retry_failed: bool = False
    patience: float = 0.0
    copy_to: str = ""
    precision: Precision = "float32"
    products: Route = "auto"

    @property
    def arithmetic(self) -> Arithmetic:
        """How its products are computed."""
        return arithmetic(self.device, self.precision, self.products)

    @property
    def board(self) -> Path | None:
        """Where its event files go, if they were asked for."""
        parts = ("tensorboard", safe_name(self.experiment.replace("/", "-")), safe_name(self.condition))
        return self.out.joinpath(*parts, f"seed-{self.seed}") if self.tensorboard else None

    @property
    def key(self) -> str:
        """Unique within a sweep, and readable."""
        return f"{self.condition}/seed-{self.seed}"


class NotFiniteError(RuntimeError):
    """A weight or a loss became NaN or infinite."""


class FailedBeforeError(RuntimeError):
    """The run failed when it was last tried, and nobody asked to try it again."""


def _watch(event: Event, bad: dict[str, Tensor]) -> None:
    """Remember on the device, without waiting for it, which phases returned something not finite."""
    for value in event.values.values():
        seen = bad.get(event.phase)
        bad[event.phase] = ~value.isfinite() if seen is None else seen | ~value.isfinite()


def _require_finite(brain: Brain, bad: Mapping[str, Tensor], event: Event, folder: RunFolder) -> None:
    parameter = first_nonfinite(brain)
    phases = [name for name, flag in bad.items() if bool(flag)]
    if parameter is None and not phases:
        return
    what = f"weights of {parameter!r}" if parameter else "the values returned"
    by = f"phase {phases[0]!r}" if phases else "a phase that returned finite values"
    good = (
        f"The last good checkpoint is kept in {folder.path}."
        if folder.checkpoint.exists()
        else "There is no checkpoint yet."
    )
    raise NotFiniteError(
        f"{what} became NaN or infinite in {by}, task {event.task}, epoch {event.epoch}. "
        f"{good} Lower the learning rate or the plasticity's step sizes (--set), with another --out."
    )


class RunRecorder:
    """What is kept of a life in its folder while it is lived: give every event to `write`.

    Rows and checkpoint are committed at every end of an epoch or task, and in between when `commit_seconds` are over.

    Attributes:
        life: brain and tallies are as the folder left them.
        start: where to go on.
        address: paper, experiment, condition and seed, for the rows.
    """

    def __init__(  # noqa: PLR0913
        self,
        life: Life,
        folder: RunFolder,
        address: Mapping[str, Any],
        report: Report,
        *,
        commit_seconds: float,
        board: Board | None = None,
    ) -> None:
        self.life = life
        self.start = restore(folder, life.brain, life.tallies) or Cursor()
        self._folder, self.address, self._report, self._board = folder, address, report, board
        self._timer, self._latest, self._bad = CommitTimer(commit_seconds), Latest(board), dict[str, Tensor]()
        self._total = total_batches(life.tasks, life.schedule)
        report(batches_done(life.tasks, life.schedule, self.start) / self._total, "")

    def write(self, event: Event) -> None:
        """Measure and keep."""
        life, folder = self.life, self._folder
        _watch(event, self._bad)
        self._latest.watch(event)
        with in_full():
            rows = [Row(**self.address, order=life.order, day=event.task, **vars(m)) for m in life.measure(event)]
            folder.add(rows)
            if self._board:
                self._board.rows(rows)
            for picture in life.draw(event):
                folder.keep(picture)
        if event.resume is None:
            return
        if event.kind != "batch_end" or self._timer.due():
            with self._timer.committing():
                _require_finite(life.brain, self._bad, event, folder)
                commit(folder, life.brain, event.resume, life.tallies)
        done = batches_done(life.tasks, life.schedule, event.resume)
        self._report(done / self._total, f"task {event.task + 1}/{len(life.tasks)}  {self._latest.words(done)}")


def live_in_folder(recorder: RunRecorder) -> None:
    """Live one run to its end, from where its folder left off."""
    life = recorder.life
    for event in live(life.brain, life.tasks, life.schedule, life.seeds, start=recorder.start):
        recorder.write(event)


def manifest_of(run: Run, experiment: Experiment) -> Manifest:
    """What the run's folder is named and checked by."""
    return Manifest(
        paper=experiment.paper,
        experiment=experiment.name,
        condition=run.condition,
        seed=run.seed,
        scale=run.scale,
        # Through JSON, so that a tuple here equals the list that a manifest is read back with.
        config=json.loads(json.dumps(asdict(run.config))),
        device=run.device,
        precision=run.precision,
        products=run.arithmetic.products,
        code=code_version(source_of(run.experiment)),
    )


def require_same_settings(run: Run, experiment: Experiment) -> None:
    """Refuse an output folder that holds this condition under other settings."""
    require_same_configuration(run.out, manifest_of(run, experiment))


def execute(run: Run, experiment: Experiment, report: Report) -> str:
    """Do one run, or see that it is done. Returns its folder.

    Raises:
        BusyError: another process does it.
        FailedBeforeError: it failed before and is left alone.
    """
    with RunFolder.open(run.out, manifest_of(run, experiment), patience=run.patience) as folder:
        if folder.finished:
            report(1.0, "finished before")
            return str(folder.path)
        if folder.failure and not run.retry_failed:
            raise FailedBeforeError(f"{folder.failure.error}: {folder.failure.message}")
        folder.forget_failure()
        if folder.restarted_because:
            report(0.0, f"started afresh: {folder.restarted_because}")
        try:
            with computing(run.arithmetic, run.device):
                _live_through(run, experiment, folder, report)
        except (ResultsError, DataError):
            raise  # a full disk, a missing file: the machine's fault, and the same command tries again
        except Exception as error:
            folder.fail(error)
            raise
        return str(folder.path)


class OpenRun:
    """A run that has begun in its leased folder: what it lives, its recorder, and how it is sealed."""

    def __init__(self, run: Run, experiment: Experiment, folder: RunFolder, report: Report) -> None:
        self.run, self.folder, self._report = run, folder, report
        build = BuildRequest(
            config=run.config, condition=run.condition, seed=run.seed, data=run.data, device=run.device
        )
        with in_full():
            self.life = experiment.build(build)
        folder.describe_data(dict(self.life.checksums), self.life.note)
        self.address = dict(paper=experiment.paper, experiment=experiment.name, condition=run.condition, seed=run.seed)
        self.board = TensorBoard(run.board) if run.board else None

    def tell(self, fraction: float, text: str) -> None:
        """Say how far it is, to the folder and to whoever waits."""
        self.folder.tell(fraction, text)
        self._report(fraction, text)

    def recorder(self) -> RunRecorder:
        """Go on where the folder left off."""
        seconds = self.run.commit_seconds
        return RunRecorder(self.life, self.folder, self.address, self.tell, commit_seconds=seconds, board=self.board)

    def seal(self) -> None:
        """The life is over."""
        if self.board:
            self.board.close()
        if self.run.keep_weights:
            self.folder.flush()  # which makes sure that the folder is still ours
            save_weights(self.folder.weights, self.life.brain.net)
        self.folder.seal()


def _live_through(run: Run, experiment: Experiment, folder: RunFolder, report: Report) -> None:
    began = time.perf_counter()
    opened = OpenRun(run, experiment, folder, report)
    live_in_folder(opened.recorder())
    opened.seal()
    report(1.0, f"{time.perf_counter() - began:.0f} s")
