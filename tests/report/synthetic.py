"""Rows of runs that never happened, with answers that are known."""

import numpy as np
import pandas as pd

COLUMNS = ["paper", "experiment", "condition", "seed", "order", "day", "task", "phase", "metric", "value"]

# Final accuracy in percent and its spread over seeds: between them they earn every verdict that targets can get.
LIKE_THE_PAPER = {
    "sequential": (25.0, 1.5),  # reproduced
    "src": (62.0, 5.0),  # undecided
    "rehearsal": (52.0, 2.0),  # better
    "src_rehearsal": (68.5, 1.2),  # reproduced
    "parallel": (90.3, 0.4),  # not reproduced
    "parallel_few_epochs": (86.0, 0.5),
    "src_equal_nights": (64.0, 1.0),  # reproduced
    "src_decrement_only": (61.5, 4.0),
    "src_no_feedback": (42.0, 3.0),
}
SLEEPS = ("src", "src_rehearsal", "src_equal_nights", "src_decrement_only", "src_no_feedback")
TASKS, CLASSES = 5, 10


def life(rng, condition, seed, final, experiment=("kubo2025", "mnist")):
    """Tidy rows of one run of five tasks of two classes that ends at the fraction `final`."""
    rows = []

    def add(day, task, phase, metric, value):
        rows.append((*experiment, condition, seed, f"order{seed}", day, task, phase, metric, float(value)))

    if condition.startswith("parallel"):
        add(0, 0, "end", "accuracy_seen", final)
        return rows
    for day in range(TASKS):
        after = final + (0.97 - final) * (1 - day / (TASKS - 1)) ** 1.5
        for phase in ("dusk", "end"):
            seen = after if phase == "end" or condition not in SLEEPS else 0.2 + (after - 0.2) * 0.6
            add(day, day, phase, "accuracy_seen", seen)
            for task in range(day + 1):
                add(day, task, phase, "accuracy", np.clip(seen + 0.1 * (task - day / 2) + rng.normal(0, 0.02), 0, 1))
    for phase, kept in (("dusk", 0.2 if condition in SLEEPS else final), ("end", final)):
        for true in range(CLASSES):
            right = 0.95 if true >= CLASSES - 2 else kept
            for predicted in range(CLASSES):
                share = right if predicted == true else (1 - right) / (CLASSES - 1)
                add(TASKS - 1, TASKS - 1, phase, f"confusion:{true}:{predicted}", share)
    add(TASKS - 1, TASKS - 1, "end", "seconds", 20 + rng.random())
    return rows


def rows_like_the_paper(seeds=6, conditions=LIKE_THE_PAPER, experiment=("kubo2025", "mnist")):
    """Rows in which the mean and standard deviation over seeds of each condition's final accuracy are exact."""
    rng = np.random.default_rng(5)
    rows = []
    for condition, (mean, spread) in conditions.items():
        shape = np.linspace(-1, 1, seeds) if seeds > 1 else np.zeros(1)
        finals = mean + spread * (rng.permutation(shape / shape.std(ddof=1)) if seeds > 1 else shape)
        for seed, final in enumerate(finals):
            rows += life(rng, condition, seed, final / 100, experiment)
    return pd.DataFrame(rows, columns=COLUMNS)


def manifests(rows):
    """A manifest for each run in `rows`."""
    runs = rows[["paper", "experiment", "condition", "seed"]].drop_duplicates().to_dict("records")
    shared = {
        "config": {"wake": {"rate": 0.423, "free_steps": 100}, "sleep": {"steps": 390, "increment": 1.12e-6}},
        "code": "0123abcd",
        "versions": {"python": "3.11.7", "torch": "2.11.0"},
        "device": "cpu",
        "data": {"mnist": "sha256:" + "ab" * 32},
    }
    return [{**run, **shared, "seconds": 20.0 + run["seed"] / 10} for run in runs]
