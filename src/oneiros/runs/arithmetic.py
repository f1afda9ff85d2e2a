"""How products are computed: in which precision, by which library, and the names of both for the manifest.

In single precision a CPU has two routes. torch's own choice is MKL or OpenBLAS; some CPUs of other makers than MKL's
do half of what they could there. oneDNN is asked once torch is told that bfloat16 inside a product were good enough
for it: on many CPUs it then still computes in single precision, on others (with matrix units for bfloat16) it does not.
The words are the same, so what counts is measured: once in a process, against double precision.
"""

import contextlib
import functools
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor

Precision = Literal["float32", "bf16"]
Route = Literal["auto", "torch", "onednn"]

# Of a sum of n rounded products the relative error is about sqrt(n) / 3 times 6e-8; bfloat16 inputs give 3e-3.
SINGLE = 3e-6
# As large as layers are, one row, hardly any rows, and what fits no vector: libraries choose by shape.
SHAPES = ((128, 784, 400), (1, 512, 300), (65, 33, 17), (256, 96, 256))
SLOWER = 1.5  # oneDNN is passed over where it takes so many times as long; far from 1, so that noise decides nothing
TRIALS = 5


@dataclass(frozen=True, kw_only=True)
class Arithmetic:
    """What products are computed in and by.

    Attributes:
        precision: float32; or bf16, which is torch's autocast: products and convolutions take and give bfloat16,
            weights, sums over batches, losses and optimisers stay in float32.
        products: the library for products in single precision: `torch` for its own choice, or `onednn`.
    """

    precision: Precision = "float32"
    products: Literal["torch", "onednn"] = "torch"


def arithmetic(device: str, precision: Precision = "float32", products: Route = "auto") -> Arithmetic:
    """What a run on `device` is to use.

    Raises:
        ValueError: `onednn` is asked for where it is no route to single precision.
    """
    if products == "onednn" and not (device == "cpu" and onednn_is_single()):
        where = "this CPU" if device == "cpu" else f"device {device!r}"
        raise ValueError(f"products by oneDNN are not of single precision on {where}; use auto or torch")
    fastest = "onednn" if device == "cpu" and products == "auto" and onednn_is_best() else "torch"
    return Arithmetic(precision=precision, products=fastest if products == "auto" else products)


@contextlib.contextmanager
def computing(how: Arithmetic, device: str) -> Iterator[None]:
    """Compute so within the block, and as before after it."""
    with _products_by_onednn() if how.products == "onednn" else contextlib.nullcontext():
        if how.precision == "float32":
            yield
            return
        # Kept casts of weights would outlive the steps of the optimiser.
        with torch.autocast(torch.device(device).type, torch.bfloat16, cache_enabled=False):
            yield


@functools.cache
def onednn_is_single() -> bool:
    """Whether oneDNN computes products of single precision on this CPU when it is free not to."""
    if not torch.backends.mkldnn.is_available():
        return False
    with _products_by_onednn():
        return all(relative_error(*factors) < SINGLE for factors in map(_factors, SHAPES))


@functools.cache
def onednn_is_best() -> bool:
    """Whether oneDNN is of single precision here, and not much slower than what torch chooses."""
    return onednn_is_single() and _slower_by_onednn(*_factors(SHAPES[0])) < SLOWER


def relative_error(a: Tensor, b: Tensor) -> float:
    """Of the layer `a @ b.T`, forward and both gradients' products, against double precision; the worst of three."""
    c = a @ b.T
    pairs = ((c, a.double() @ b.double().T), (c @ b, c.double() @ b.double()), (c.T @ a, c.double().T @ a.double()))
    return max(float((got.double() - exact).norm() / exact.norm()) for got, exact in pairs)


def _factors(shape: tuple[int, int, int]) -> tuple[Tensor, Tensor]:
    """Examples `[b, pre]` and weights `[post, pre]` for `(b, pre, post)`."""
    rng = torch.Generator().manual_seed(0)
    b, pre, post = shape
    return torch.randn(b, pre, generator=rng), torch.randn(post, pre, generator=rng)


def _slower_by_onednn(a: Tensor, b: Tensor) -> float:
    """How many times as long oneDNN takes, best of a few trials in turn."""
    times: dict[str, list[float]] = {"torch": [], "onednn": []}
    for _ in range(TRIALS):
        times["torch"].append(_seconds(lambda: a @ b.T))
        with _products_by_onednn():
            times["onednn"].append(_seconds(lambda: a @ b.T))
    return min(times["onednn"]) / min(times["torch"])


def _seconds(step: Callable[[], object]) -> float:
    began = time.perf_counter()
    step()
    return time.perf_counter() - began


@contextlib.contextmanager
def _products_by_onednn() -> Iterator[None]:
    # Not torch.set_float32_matmul_precision, which would let a GPU round, too.
    setting = torch.backends.mkldnn.matmul  # pyright: ignore[reportAttributeAccessIssue] (torch sets it when imported)
    before = setting.fp32_precision
    setting.fp32_precision = "bf16"
    try:
        yield
    finally:
        setting.fp32_precision = before
