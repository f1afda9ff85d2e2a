"""Sleep replay consolidation: the authors' MATLAB code, through Octave, against the event-driven kernel.

Both sleep for a first night of 400 steps on a random 784-1024-10 chain whose input fires with probability 0.06, by the
rule of the authors' code (weight-dependent, without feedback). Octave tells its own processor seconds.
"""

import shutil
import time
from pathlib import Path

import numpy as np

from bench.peers.clones import spent
from bench.peers.told import Race
from oneiros.equations.compiled.spiking import event_driven_sleep

STEPS, RATE, SIZES = 400, 0.06, (784, 1024, 10)
GAINS, INC, DEC = (5.0, 60.0), 1e-6, 1e-5
DRIVER = """
addpath('sleep'); rand('seed', 0); randn('seed', 0);
nn.size = [784 1024 10]; nn.W = {{(rand(1024, 784) - .5) / 14, (rand(10, 1024) - .5) / 16}};
opts.dt = .001; opts.max_rate = 32; opts.threshold = 1; opts.t_ref = 0;
s.alpha = [{gains[0]} {gains[1]}]; s.beta = [1 1]; s.W_inh = 0; s.decay = 1; s.normW = 0; s.inc = {inc}; s.dec = {dec};
seen = {rate} / (opts.dt * opts.max_rate) / 2 * ones(784, {steps});
sleepnn_old(nn, 5, opts, s, seen); began = cputime; sleepnn_old(nn, {steps}, opts, s, seen);
printf('seconds %.6f\\n', cputime - began);
"""


def race(clone: Path, rounds: int) -> Race:
    """A night each, in turn."""
    octave = shutil.which("octave-cli") or shutil.which("octave")
    if octave is None:
        raise SystemExit("this race needs `octave` on the PATH, which runs the authors' MATLAB code")
    script = DRIVER.format(gains=GAINS, inc=INC, dec=DEC, rate=RATE, steps=STEPS)
    rng = np.random.default_rng(0)
    weights = [
        (rng.random((post, pre), dtype=np.float32) - 0.5) / by for pre, post, by in ((784, 1024, 14), (1024, 10, 16))
    ]
    spikes = rng.random((STEPS, SIZES[0])) < RATE
    theirs, ours = [], []
    _night(weights, spikes)
    for _ in range(rounds):
        told = spent([octave, "--no-gui", "--quiet", "--eval", script], clone, r"seconds (\S+)")[1]
        theirs.append(float(told) / STEPS)
        began = time.process_time()
        _night(weights, spikes)
        ours.append((time.process_time() - began) / STEPS)
    return Race(
        title="Spiking sleep: one step of a first night, 784-1024-10", clone=clone, unit="CPU ms a step", scale=1e3,
        seconds={"authors' code in Octave": theirs, "ours, event-driven": ours},
    )  # fmt: skip


def _night(weights: list[np.ndarray], spikes: np.ndarray) -> object:
    return event_driven_sleep(
        weights, spikes, gains=GAINS, feedback=(), leak=1.0, inc=(INC, INC), dec=(DEC, DEC), weight_dependent=True
    )
