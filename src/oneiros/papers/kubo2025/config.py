"""Constants of Kubo, Delanois & Bazhenov 2025, each with its source; where sources differ, all are named.

A configuration is frozen and complete: what it says is what runs. `--set NAME=VALUE` replaces a field
(`--set sleep.rate=0.5` one of the sleep's).
"""

from dataclasses import dataclass, replace
from typing import Literal

from oneiros.phases.night.spiking_sleep import SpikingSleep

LAYERS = ("hidden.weight", "output.weight")


@dataclass(frozen=True, kw_only=True)
class Config:
    """One class-incremental experiment with the MRNN-EP.

    Attributes:
        data: data set, see `oneiros.data.names()`.
        evaluate_on: "test", or "validation" while choosing constants (test data is touched once).
        examples: training examples to keep of the whole set, balanced; 0 for all. Smaller scales use fewer.
        validation: fraction of the training data carved off for choosing constants; never trained on.
        hidden: hidden units.
        gamma, beta, dt, clamped_steps: the dynamics, Table 1.
        relaxation: "fixed_point" or "euler" (the paper's `free_steps` of `dt`); the same equilibrium.
        alpha_hidden, alpha_output: learning rates of plain SGD for the two weight matrices and their biases.
        batch_size, epochs: of each task.
        parallel_epochs: of the joint training that is the upper bound; the paper does not give it.
        per_task: classes in a task.
        rehearsal: fraction of each class kept as exemplars where a condition rehearses.
        sleep: the night.
        equal_sleep: the night of the condition whose nights are all equally long, tuned for that.
        literal_sleep: the night of the condition that keeps to Algorithm 1's letter, tuned for that.
    """

    data: str
    evaluate_on: Literal["test", "validation"] = "test"
    examples: int = 0
    validation: float = 0.1
    hidden: int = 1024
    gamma: float = 1.0
    beta: float = 1.0
    dt: float = 0.2
    free_steps: int = 100
    clamped_steps: int = 10
    relaxation: Literal["fixed_point", "euler"] = "fixed_point"
    alpha_hidden: float = 0.03
    alpha_output: float = 0.001
    batch_size: int = 256
    epochs: int = 3
    parallel_epochs: int = 80
    per_task: int = 2
    rehearsal: float = 0.02
    sleep: SpikingSleep
    equal_sleep: SpikingSleep
    literal_sleep: SpikingSleep

    def __post_init__(self) -> None:
        if self.evaluate_on not in ("test", "validation"):
            raise ValueError(f"evaluate_on is {self.evaluate_on!r}; expected 'test' or 'validation'")
        if self.relaxation not in ("fixed_point", "euler"):
            raise ValueError(f"relaxation is {self.relaxation!r}; expected 'fixed_point' or 'euler'")
        for name in ("hidden", "batch_size", "epochs", "parallel_epochs", "per_task", "free_steps", "clamped_steps"):
            if getattr(self, name) < 1:
                raise ValueError(f"{name} is {getattr(self, name)}; expected at least 1")
        for name in ("validation", "rehearsal"):
            if not 0 < getattr(self, name) < 1:
                raise ValueError(f"{name} is {getattr(self, name)}; expected a fraction between 0 and 1")


# Chosen on validation data only; the README of this folder says how, from how many trials.
MNIST_SLEEP = SpikingSleep(
    layers=LAYERS, steps=323, growth=0.328, rate=0.616, gains=(5.56, 68.9), feedback=(5.08,),
    inc=(4.78e-7, 5.11e-8), dec=(7.49e-6, 9.36e-6),
)  # fmt: skip


def literal_night(  # noqa: PLR0913 (what Algorithm 1 leaves to choose)
    *, steps: int, rate: float, gain_hidden: float, gain_output: float, inc: float, dec: float
) -> SpikingSleep:
    """Algorithm 1 to the letter: one scale a layer for input and feedback, one inc and dec, nights equally long."""
    return SpikingSleep(
        layers=LAYERS, steps=steps, rate=rate, gains=(gain_hidden, gain_output), feedback=(gain_hidden,),
        inc=(inc, inc), dec=(dec, dec),
    )  # fmt: skip


MNIST_LITERAL_SLEEP = literal_night(steps=787, rate=0.403, gain_hidden=7.35, gain_output=35.7, inc=1e-7, dec=9e-6)
MNIST_EQUAL_SLEEP = SpikingSleep(
    layers=LAYERS, steps=787, rate=0.403, gains=(7.35, 35.7), feedback=(8.63,),
    inc=(1.06e-7, 9.47e-9), dec=(9.42e-6, 8.54e-6),
)  # fmt: skip
DIGITS_SLEEP = SpikingSleep(
    layers=LAYERS, steps=260, growth=0.777, rate=0.979, gains=(1.22, 61.6), feedback=(1.0,),
    inc=(1.23e-6, 3.80e-8), dec=(3.82e-4, 4.21e-5),
)  # fmt: skip

MNIST = Config(
    data="mnist", sleep=MNIST_SLEEP, equal_sleep=MNIST_EQUAL_SLEEP, literal_sleep=MNIST_LITERAL_SLEEP
)  # fmt: skip
DIGITS = Config(
    data="digits", hidden=256, batch_size=16, epochs=10, alpha_hidden=0.1, alpha_output=0.003,
    sleep=DIGITS_SLEEP, equal_sleep=replace(DIGITS_SLEEP, growth=0.0),
    literal_sleep=literal_night(steps=260, rate=0.979, gain_hidden=1.22, gain_output=61.6, inc=1.23e-6, dec=3.82e-4),
)  # fmt: skip

SMOKE = {"hidden": 32, "epochs": 1, "parallel_epochs": 2, "batch_size": 32}

MNIST_SCALES = {
    "paper": MNIST,
    "quick": replace(MNIST, parallel_epochs=10),
    "smoke": replace(MNIST, examples=600, **SMOKE),
}
DIGITS_SCALES = {
    "paper": DIGITS,
    "quick": replace(DIGITS, parallel_epochs=20),
    "smoke": replace(DIGITS, examples=200, **SMOKE),
}
