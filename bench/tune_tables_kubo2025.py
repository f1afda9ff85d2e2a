"""How the nights of Tables 2 and 3 were chosen: `python -m bench tune_tables_kubo2025 STORAGE MINUTES CELL ...`.

A CELL is DATA_NETWORK, such as fashion_rnn_bptt; they share the minutes equally. Quick scale, validation data only
(10 % of the training images, never trained on). Fitness is accuracy on all classes after the fifth night, mean over
task orders with their own initialisations (seeds 100-105; results are reported on seeds 0-5). A trial is pruned within
a life and between lives against the best one on the same order and day. Afterwards the best three are lived on fresh
orders (200-205).
Needs the extra `tune`.
"""

import argparse
import copy
from dataclasses import replace
from pathlib import Path
from statistics import mean

import optuna
import torch

from oneiros.core import Seeds
from oneiros.life import Cursor, live
from oneiros.measure.probes.accuracy import accuracy, predictions
from oneiros.papers.kubo2025.datasets import SCALES
from oneiros.papers.kubo2025.tables import STRATEGIES, Cell, Table
from oneiros.phases.night.spiking_sleep import SpikingSleep
from oneiros.runs.experiment import BuildRequest, Life

ORDERS, FRESH_ORDERS = range(100, 106), range(200, 206)
SLACK = (0.25, 0.15, 0.12, 0.10, 0.0)  # how far below the best trial, on the same order and day, a life is hopeless
MARGINS = (0.07, 0.05, 0.035, 0.025, 0.02)  # the same for the mean over the orders lived so far


class Search:
    """One cell: its lives up to the first dusk, lived once, and the nights tried on them."""

    def __init__(self, name: str, data: Path | None) -> None:
        self.name = name
        subject, network = name.split("_", 1)
        self.cell = Cell(subject, network, STRATEGIES["src"])
        self.table = Table(name="search", scales=SCALES, cells={"src": self.cell})
        self.config = replace(SCALES["quick"], evaluate_on="validation")
        self.data = data
        self.lives: dict[int, Life] = {}
        self.best: dict[int, list[float]] = {}
        learner = getattr(getattr(self.config, subject), network)
        self.start: SpikingSleep = learner.sleep

    def dusk(self, seed: int) -> Life:
        """A life that has lived its first day's lessons and not slept: nights change nothing before."""
        if seed not in self.lives:
            life = self.table.build(
                BuildRequest(config=self.config, condition="src", seed=seed, data=self.data, device="cpu")
            )
            day = replace(life.schedule, nights=())
            for event in live(life.brain, life.tasks[:1], day, life.seeds):
                assert event.kind != "night"
            self.lives[seed] = life
        return self.lives[seed]

    def reached(self, sleep: SpikingSleep, seed: int) -> list[float]:
        """Accuracy on all classes seen, after each night; cut short where hopeless."""
        life = self.dusk(seed)
        brain = copy.deepcopy(life.brain)
        night = life.schedule.nights[0]
        schedule = replace(life.schedule, nights=(replace(night, phases=(sleep,)),))
        found: list[float] = []
        start = Cursor(0, schedule.epochs)
        for event in live(brain, life.tasks, schedule, life.seeds, start=start):
            if event.kind != "task_end":
                continue
            seen = tuple(c for task in life.tasks[: event.task + 1] for c in task.classes)
            asked = torch.cat([task.test.all().x for task in life.tasks[: event.task + 1]])
            labels = torch.cat([task.test.labels for task in life.tasks[: event.task + 1]])
            found.append(accuracy(predictions(brain.net, asked), labels, seen))
            best = self.best.get(seed)
            if best and found[-1] < best[event.task] - SLACK[event.task]:
                break
        return found

    def sleep(self, trial: optuna.Trial) -> SpikingSleep:
        """A night: factors on the constants that the recipe has."""
        s = self.start

        def factor(name: str, reach: float) -> float:
            return trial.suggest_float(name, 1 / reach, reach, log=True)

        hidden, out = factor("gain_hidden", 3), factor("gain_output", 3)
        dec, dec_out, inc = factor("dec", 8), factor("dec_output", 8), factor("inc", 8)
        layers = len(s.layers)
        # of each layer, then of each loop
        decs = [dec] * (layers - 1) + [dec_out] + [dec * factor("dec_loop", 5)] * len(s.loops)
        return replace(
            s,
            steps=max(1, round(s.steps * factor("steps", 3))),
            growth=trial.suggest_float("growth", 0, 0.9),
            rate=s.rate * factor("rate", 3),
            gains=(*(g * hidden for g in s.gains[:-1]), s.gains[-1] * out),
            feedback=tuple(f * factor("feedback", 3) for f in s.feedback),
            loop_gains=tuple(g * factor("loop_gain", 5) for g in s.loop_gains),
            inc=tuple(i * inc for i in s.inc),
            dec=tuple(d * f for d, f in zip(s.dec, decs, strict=True)),
        )

    def fitness(self, trial: optuna.Trial) -> float:
        """Mean final accuracy over the orders; pruned where hopeless."""
        sleep, lives = self.sleep(trial), {}
        for index, seed in enumerate(ORDERS):
            lives[seed] = self.reached(sleep, seed)
            finals = [life[-1] for life in lives.values()]
            if len(lives[seed]) < len(SLACK):
                raise optuna.TrialPruned
            if self.best and index < len(MARGINS):
                others = mean(self.best[s][-1] for s in lives)
                if mean(finals) < others - MARGINS[index]:
                    raise optuna.TrialPruned
        if not self.best or mean(finals) > mean(life[-1] for life in self.best.values()):
            self.best = lives
            print(self.name, trial.number, f"{mean(finals):.4f}", [round(f, 3) for f in finals], sleep, flush=True)
        return mean(finals)


def main() -> None:
    """Search each cell for its share of the minutes, then re-rank."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("storage", type=Path)
    parser.add_argument("minutes", type=float)
    parser.add_argument("cells", nargs="+")
    parser.add_argument("--data", type=Path)
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    backend = optuna.storages.journal.JournalFileBackend(str(arguments.storage))
    for name in arguments.cells:
        search = Search(name, arguments.data)
        study = optuna.create_study(
            study_name=name, storage=optuna.storages.JournalStorage(backend), direction="maximize", load_if_exists=True,
            sampler=optuna.samplers.TPESampler(
                seed=Seeds(0).number(name) % 2**31, multivariate=True, n_startup_trials=8
            ),
        )  # fmt: skip
        same = dict.fromkeys(
            ("gain_hidden", "gain_output", "dec", "dec_output", "inc", "steps", "rate", "feedback"), 1.0
        )
        study.enqueue_trial({**same, "dec_loop": 1.0, "loop_gain": 1.0, "growth": search.start.growth})
        for change in ({"dec": 0.4, "dec_output": 0.4}, {"dec": 2.5, "dec_output": 2.5}, {"dec": 5, "dec_output": 2}):
            study.enqueue_trial({**same, "dec_loop": 1.0, "loop_gain": 1.0, "growth": search.start.growth, **change})
        study.optimize(search.fitness, timeout=60 * arguments.minutes / len(arguments.cells))
        done = study.get_trials(states=(optuna.trial.TrialState.COMPLETE,))
        search.best = {}
        for trial in sorted(done, key=lambda t: -t.value)[:3]:
            sleep = search.sleep(optuna.trial.FixedTrial(trial.params))
            finals = [search.reached(sleep, seed)[-1] for seed in FRESH_ORDERS]
            print(
                f"{name} of {len(study.trials)}: {trial.number} searched {trial.value:.4f}, fresh {mean(finals):.4f}",
                sleep,
                flush=True,
            )
