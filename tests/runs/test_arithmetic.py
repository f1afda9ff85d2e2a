"""In which precision products are computed, and that a run says so and always does the same."""

import contextlib
import json
from dataclasses import replace

import pytest
import torch

from oneiros.runs import arithmetic as routes
from oneiros.runs.arithmetic import Arithmetic, arithmetic, computing, relative_error
from oneiros.runs.catalogue import experiment
from oneiros.runs.experiment import Run, execute, require_same_settings
from oneiros.runs.store import ForeignOutputError, read_runs


def factors(b: int, pre: int, post: int) -> tuple[torch.Tensor, torch.Tensor]:
    rng = torch.Generator().manual_seed(1)
    return torch.rand(b, pre, generator=rng), torch.randn(post, pre, generator=rng)


@pytest.fixture
def unprobed():
    """As in a process that has not looked yet, and looks again afterwards."""
    for probe in (routes.onednn_is_single, routes.onednn_is_best):
        probe.cache_clear()
    yield
    for probe in (routes.onednn_is_single, routes.onednn_is_best):
        probe.cache_clear()


@pytest.mark.parametrize("shape", [(64, 784, 400), (500, 30, 1000), (1, 2048, 10), (17, 129, 31)])
def test_the_route_that_is_chosen_is_of_single_precision_for_shapes_it_was_not_probed_with(shape):
    with computing(arithmetic("cpu"), "cpu"):
        assert relative_error(*factors(*shape)) < 3e-6


def test_half_precision_is_a_thousand_times_off():
    with computing(Arithmetic(precision="bf16"), "cpu"):
        assert 1e-3 < relative_error(*factors(64, 784, 400)) < 1e-2


@pytest.mark.usefixtures("unprobed")
def test_a_library_that_rounds_inside_its_products_is_no_route_and_asking_for_it_is_refused(monkeypatch):
    """As on CPUs with matrix units for bfloat16."""
    rounding = lambda: torch.autocast("cpu", torch.bfloat16)  # noqa: E731
    monkeypatch.setattr(routes, "_products_by_onednn", rounding)
    assert arithmetic("cpu").products == "torch"
    with pytest.raises(ValueError, match="products by oneDNN are not of single precision on this CPU; use auto"):
        arithmetic("cpu", products="onednn")


@pytest.mark.usefixtures("unprobed")
@pytest.mark.parametrize(("times", "products"), [(1.6, "torch"), (1.4, "onednn")])
def test_it_is_passed_over_only_where_it_is_much_slower(monkeypatch, times, products):
    monkeypatch.setattr(routes, "_products_by_onednn", contextlib.nullcontext)
    monkeypatch.setattr(routes, "_slower_by_onednn", lambda a, b: times)
    assert arithmetic("cpu").products == products


def test_elsewhere_than_on_a_cpu_it_is_torchs_own_choice():
    assert arithmetic("cuda", "bf16").products == "torch"
    with pytest.raises(ValueError, match="on device 'cuda'"):
        arithmetic("cuda", products="onednn")


def test_settings_are_as_they_were_afterwards():
    before = torch.backends.mkldnn.matmul.fp32_precision
    with contextlib.suppress(KeyError), computing(Arithmetic(precision="bf16", products="onednn"), "cpu"):
        assert torch.is_autocast_enabled("cpu")
        raise KeyError
    assert torch.backends.mkldnn.matmul.fp32_precision == before
    assert not torch.is_autocast_enabled("cpu")


def run_in(out, **how) -> Run:
    config = replace(experiment("shin2017/classes").scales["smoke"], data="digits", examples=120, probe_every=4)
    return Run(
        experiment="shin2017/classes", scale="smoke", config=config, condition="gr", seed=0, out=out, data=None,
        device="cpu", **how,
    )  # fmt: skip


def rows_of(out, **how) -> list[dict]:
    run = run_in(out, **how)
    execute(run, experiment(run.experiment), lambda fraction, text: None)
    (done,) = read_runs(out)
    assert done.manifest is not None
    assert done.manifest.precision == run.precision
    assert done.manifest.products == run.arithmetic.products
    return [json.loads(line) for line in (done.path / "rows.jsonl").read_text().splitlines()]


@pytest.mark.parametrize("how", [{}, {"precision": "bf16"}])
def test_a_seed_gives_the_same_rows_every_time(tmp_path, how):
    first = rows_of(tmp_path / "first", **how)
    assert first == rows_of(tmp_path / "again", **how)


def test_bfloat16_gives_other_numbers_that_are_near_and_does_not_share_a_folder(tmp_path):
    """An accuracy is one of some 30 images here: most are equal, none is far."""
    single, rounded = rows_of(tmp_path / "a"), rows_of(tmp_path / "b", precision="bf16")
    accuracies = [
        (a["value"], b["value"])
        for a, b in zip(single, rounded, strict=True)
        if a["metric"].endswith("accuracy_seen") and a["phase"] == "end"
    ]
    assert accuracies
    assert all(abs(a - b) < 0.2 for a, b in accuracies)
    assert single != rounded
    run = run_in(tmp_path / "a", precision="bf16")
    with pytest.raises(ForeignOutputError, match="precision is float32 there and bf16 here"):
        require_same_settings(run, experiment(run.experiment))
