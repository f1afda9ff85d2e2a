"""How the constants of SRC on MNIST were chosen: `uv run python benchmarks/tune_kubo2025.py STORAGE MINUTES [--equal]`.

Fitness is accuracy on the validation split (10 % of the training data, never trained on) after the fifth night,
mean over six task orders with their own initialisations (seeds 100-105; results are reported on seeds 0-5). Bad
trials are pruned within a life (floors per task) and between lives (against the best trial on the same orders).
Any number of processes may work on one STORAGE file. `--equal` searches nights of equal length. Afterwards
`rerank` lives the best six on fresh orders (200-205). Needs the extra `tune`.
"""

import argparse
from dataclasses import replace
from pathlib import Path
from statistics import mean

import optuna
import torch

from oneiros.life import live
from oneiros.papers import experiment
from oneiros.papers.recipe import Build
from oneiros.phases.spiking_sleep import SpikingSleep

MNIST = experiment("kubo2025/mnist")
ORDERS, FRESH_ORDERS = range(100, 106), range(200, 206)
FLOORS = (0.0, 0.62, 0.55, 0.50, 0.0)  # accuracy on seen classes below which a life is not worth finishing
MARGINS = (0.10, 0.06, 0.045, 0.035, 0.025)  # how far below the best, on the orders lived so far, is hopeless


def suggest(trial: optuna.Trial, equal: bool) -> SpikingSleep:
    """A night: ratios are searched where two constants matter together."""

    def number(name: str, low: float, high: float) -> float:
        return trial.suggest_float(name, low, high, log=True)

    gain, inc, dec = number("gain_hidden", 2, 12), number("inc", 1e-7, 2e-5), number("dec", 5e-6, 2e-4)
    return SpikingSleep(
        layers=("hidden.weight", "output.weight"),
        steps=trial.suggest_int("steps", 80, 900, log=True),
        growth=0.0 if equal else trial.suggest_float("growth", 0, 0.8),
        rate=number("rate", 0.1, 1.5),
        gains=(gain, number("gain_output", 5, 80)),
        feedback=(gain * number("feedback_over_gain", 0.2, 4),),
        inc=(inc, inc * number("inc_output_over_hidden", 0.03, 3)),
        dec=(dec, dec * number("dec_output_over_hidden", 0.03, 1.5)),
    )


def life_on_validation(sleep: SpikingSleep, seed: int, data: Path | None) -> list[float]:
    """Accuracy on all classes seen, after each night; cut short below a floor."""
    config = replace(MNIST.scales["paper"], evaluate_on="validation", sleep=sleep)
    life = MNIST.build(Build(config=config, condition="src", seed=seed, data=data, device="cpu"))
    reached = []
    for event in live(life.brain, life.tasks, life.schedule, life.seeds):
        if event.kind != "task_end":
            continue
        reached += [m.value for m in life.measure(event) if m.metric == "accuracy_seen"]
        if reached[-1] < FLOORS[event.task]:
            break
    return reached


def fitness(trial: optuna.Trial, equal: bool, data: Path | None) -> float:
    """Mean final accuracy over the orders; pruned where hopeless."""
    sleep, finals = suggest(trial, equal), []
    done = trial.study.get_trials(deepcopy=False, states=(optuna.trial.TrialState.COMPLETE,))
    best = max(done, key=lambda t: t.value).user_attrs["finals"] if done else None
    for index, seed in enumerate(ORDERS):
        reached = life_on_validation(sleep, seed, data)
        if len(reached) < len(FLOORS):
            raise optuna.TrialPruned
        finals.append(reached[-1])
        trial.report(mean(finals), index)
        if best and index < len(MARGINS) and mean(finals) < mean(best[: index + 1]) - MARGINS[index]:
            raise optuna.TrialPruned
    trial.set_user_attr("finals", finals)
    return mean(finals)


def rerank(study: optuna.Study, equal: bool, data: Path | None) -> None:
    """Live the best six trials on fresh orders and print what they come to."""
    done = study.get_trials(states=(optuna.trial.TrialState.COMPLETE,))
    for trial in sorted(done, key=lambda t: -t.value)[:6]:
        sleep = suggest(optuna.trial.FixedTrial(trial.params), equal)
        finals = [life_on_validation(sleep, seed, data)[-1] for seed in FRESH_ORDERS]
        print(trial.number, f"searched {trial.value:.4f}, fresh {mean(finals):.4f}", sleep)


def main() -> None:
    """Search for some minutes, then re-rank."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("storage", type=Path)
    parser.add_argument("minutes", type=float)
    parser.add_argument("--equal", action="store_true")
    parser.add_argument("--data", type=Path)
    parser.add_argument("--worker", type=int, default=0, help="number of this process, its sampler's seed")
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    backend = optuna.storages.journal.JournalFileBackend(str(arguments.storage))
    study = optuna.create_study(
        study_name="equal" if arguments.equal else "growing",
        storage=optuna.storages.JournalStorage(backend),
        sampler=optuna.samplers.TPESampler(seed=arguments.worker, multivariate=True, constant_liar=True),
        direction="maximize",
        load_if_exists=True,
    )
    study.optimize(lambda trial: fitness(trial, arguments.equal, arguments.data), timeout=60 * arguments.minutes)
    rerank(study, arguments.equal, arguments.data)


if __name__ == "__main__":
    main()
