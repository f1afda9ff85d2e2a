"""`oneiros bench gaussian`: class activations' Gaussian drawn exactly, without a covariance matrix and with one.

Sizes are Barry & Love 2022's: 1,170 activations of a class and as many draws; 25,088 units are VGG-16's last pooling
layer, 802,816 its first at full resolution, whose covariance matrix alone would take 5.2 TB in float64.
"""

import resource
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import scipy.stats
import torch

from bench.speed.timing import Measurement, median_ratio, seconds_side_by_side
from oneiros.core import Seeds
from oneiros.equations.gaussian import gaussian_draw, gaussian_draw_half

IMAGES = 1170
ROUNDS = 3
GB = 1024**3
STATUS = Path("/proc/self/status")


def activations(n: int, d: int, dtype: torch.dtype = torch.float32) -> torch.Tensor:
    """Rectified, correlated numbers, made in pieces of 8,192 units so that nothing much larger than them is made."""
    rng = Seeds(0).rng("activations")
    factors, made = torch.randn(n, 16, generator=rng), torch.empty(n, d, dtype=dtype)
    for at in range(0, d, 8192):
        piece = made[:, at : at + 8192]
        loadings = torch.randn(16, piece.shape[1], generator=rng)
        piece.copy_((factors @ loadings + torch.randn(piece.shape, generator=rng)).clamp_(min=0))
    return made


def normal_numbers() -> torch.Tensor:
    """G of one night and class."""
    return torch.randn(IMAGES, IMAGES, generator=Seeds(0).rng("g"))


def scipy_draw(x: np.ndarray) -> np.ndarray:
    """What the authors do: a multivariate normal with the empirical mean and covariance, sampled by scipy."""
    covariance = np.cov(x, rowvar=False)
    gaussian = scipy.stats.multivariate_normal(x.mean(0), covariance, allow_singular=True)  # pyright: ignore[reportArgumentType]
    return np.asarray(gaussian.rvs(size=len(x), random_state=0))


def bench_gaussian() -> Iterator[Measurement]:
    """The draw of one class: against scipy at 2,048 units, then alone at the sizes of VGG-16's locations."""
    x = activations(IMAGES, 2048)
    array = x.numpy()
    ours, theirs = seconds_side_by_side(
        [lambda: gaussian_draw(x, normal_numbers()), lambda: scipy_draw(array)], rounds=ROUNDS
    )
    yield Measurement(
        bench="gaussian", metric="gaussian.scipy_over_ours_2048", value=median_ratio(theirs, ours), unit="ratio",
        against="scipy.stats.multivariate_normal, covariance included",
    )  # fmt: skip
    for units, form in ((25_088, "float32"), (802_816, "float16")):
        # A process of its own for each, since a process's peak of memory never goes down.
        seconds, above, peak = map(float, _apart(units, form).split())
        against = f"{form}; one class, drawing only"
        yield Measurement(
            bench="gaussian", metric=f"gaussian.seconds_{units}", value=seconds, unit="CPU s", against=against
        )
        yield Measurement(
            bench="gaussian", metric=f"gaussian.gb_above_data_{units}", value=above, unit="GB", against=against
        )
        against = f"{form}; interpreter, data and draws included"
        yield Measurement(bench="gaussian", metric=f"gaussian.peak_gb_{units}", value=peak, unit="GB", against=against)


def _apart(units: int, form: str) -> str:
    done = subprocess.run(  # noqa: S603 (our own module)
        [sys.executable, "-m", "bench.speed.gaussian", str(units), form, str(torch.get_num_threads())],
        check=True, capture_output=True, text=True, cwd=Path(__file__).parents[2],
    )  # fmt: skip
    return done.stdout


def _peak() -> float:
    """Largest resident memory so far, or since `_forget_peak`, in GB."""
    if STATUS.exists():
        # Not getrusage: on Linux a process starts with the peak of the one it was forked from.
        line = next(line for line in STATUS.read_text().splitlines() if line.startswith("VmHWM"))
        return int(line.split()[1]) * 1024 / GB
    kilobytes = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return kilobytes * (1 if sys.platform == "darwin" else 1024) / GB


def _forget_peak() -> float:
    """Let the peak start again from what is resident now, where the system can; returns it."""
    if STATUS.exists():
        STATUS.with_name("clear_refs").write_text("5")
    return _peak()


def main(units: int, form: str, threads: int) -> str:
    """CPU seconds of the draw, GB above interpreter and data (the draws included), and the peak in all."""
    torch.set_num_threads(threads)
    half = form == "float16"
    x, g = activations(IMAGES, units, torch.float16 if half else torch.float32), normal_numbers()
    gaussian_draw(x[:8, :64].float(), g[:8, :8])  # so that libraries are loaded before the clock starts
    whole, before, began = _peak(), _forget_peak(), time.process_time()
    s = gaussian_draw_half(x, g) if half else gaussian_draw(x, g)
    seconds = time.process_time() - began
    if not bool(s[:, ::997].isfinite().all()):
        raise RuntimeError("the draws are not finite")
    return f"{seconds} {_peak() - before} {max(whole, _peak())}"


if __name__ == "__main__":
    sys.stdout.write(main(int(sys.argv[1]), sys.argv[2], int(sys.argv[3])))
